package graph

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// refused is a client that Microsoft refuses with the status, and that never waits in
// fact. asked counts its requests.
func refused(t *testing.T, status int, retryAfter string) (c *Client, asked *atomic.Int32) {
	t.Helper()
	address, asked := microsofttest.Refusing(t, status, retryAfter)
	clock := microsofttest.NewClock()
	c, err := New(Options{Address: address, Now: clock.Now, Wait: clock.Wait})
	require.NoError(t, err)
	return c, asked
}

// fixedToken is a token that always holds.
type fixedToken struct{}

func (fixedToken) Token(context.Context) (connection.Secret, error) { return "t", nil }
func (fixedToken) Renew(context.Context, connection.Secret) (connection.Secret, error) {
	return "t", nil
}

func TestOnlyMicrosoftSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		c, asked := refused(t, status, "")
		_, err := c.TenantDetails(t.Context(), fixedToken{}, connection.TenantRequest{ManagedTenant: "managed"})
		require.Equal(t, "upstream_error", errs.ReasonOf(err))
		require.Zero(t, microsofttest.RetryAfter(err), "the pause between our own tries is nothing for the caller, who counts")
		require.EqualValues(t, pace.MaxAttempts, asked.Load())

		c, _ = refused(t, status, "7")
		_, err = c.TenantDetails(t.Context(), fixedToken{}, connection.TenantRequest{ManagedTenant: "managed"})
		require.Equal(t, 7*time.Second, microsofttest.RetryAfter(err))
	}
	c, _ := refused(t, http.StatusTooManyRequests, "")
	_, err := c.TenantDetails(t.Context(), fixedToken{}, connection.TenantRequest{ManagedTenant: "managed"})
	require.Equal(t, "throttled", errs.ReasonOf(err))
	require.Positive(t, microsofttest.RetryAfter(err))
}

func TestARetryAfterHoldsForEverybody(t *testing.T) {
	t.Parallel()
	count := func(c *Client, directory string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.CountUsers(ctx, microsofttest.Tokens{App: "app", Directory: directory}, connection.TenantRequest{ManagedTenant: directory})
			return err
		}
	}
	details := func(c *Client, directory string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.TenantDetails(ctx, microsofttest.Tokens{App: "app", Directory: directory}, connection.TenantRequest{ManagedTenant: directory})
			return err
		}
	}
	microsofttest.ARetryAfterHoldsForEverybody(t, map[string]func(http.RoundTripper) microsofttest.Pair{
		"graph": func(transport http.RoundTripper) microsofttest.Pair {
			c := clientOn(t, transport)
			return microsofttest.Pair{One: count(c, "one"), Another: count(c, "two")}
		},
		"batch": func(transport http.RoundTripper) microsofttest.Pair {
			c := clientOn(t, transport)
			return microsofttest.Pair{One: details(c, "one"), Another: details(c, "two")}
		},
	})
}

func TestARetryAfterHoldsHoweverAnAppIsWritten(t *testing.T) {
	t.Parallel()
	microsofttest.ARetryAfterHoldsHoweverAnAppIsWritten(t, map[string]func(http.RoundTripper) func(context.Context, string) error{
		"graph": func(transport http.RoundTripper) func(context.Context, string) error {
			c := clientOn(t, transport)
			return func(ctx context.Context, app string) error {
				_, err := c.CountUsers(ctx, microsofttest.Tokens{App: app, Directory: "one"}, connection.TenantRequest{ManagedTenant: "one"})
				return err
			}
		},
	})
}
