package signin

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

// refused is a client that Microsoft refuses with the status, and that never waits in
// fact. asked counts its requests.
func refused(t *testing.T, status int, retryAfter string) (c *Client, asked *atomic.Int32) {
	t.Helper()
	address, asked := microsofttest.Refusing(t, status, retryAfter)
	clock := microsofttest.NewClock()
	c, err := New(Options{Login: address, Now: clock.Now, Wait: clock.Wait})
	require.NoError(t, err)
	return c, asked
}

func TestATokenIsNotAskedForBeforeMicrosoftAllows(t *testing.T) {
	t.Parallel()
	ask := func(header string) (int32, error) {
		c, asked := refused(t, http.StatusServiceUnavailable, header)
		_, err := c.CustomerToken(t.Context(), connection.Credentials{ClientID: "app", ClientSecret: "s"}, "grant", "managed")
		return asked.Load(), err
	}
	asked, err := ask("600")
	require.EqualValues(t, 1, asked)
	require.Equal(t, 10*time.Minute, microsofttest.RetryAfter(err))
	asked, err = ask("")
	require.EqualValues(t, 3, asked)
	require.Zero(t, microsofttest.RetryAfter(err))
}

func TestARetryAfterHoldsForEverybody(t *testing.T) {
	t.Parallel()
	app, other := connection.Credentials{ClientID: "app", ClientSecret: "s"}, connection.Credentials{ClientID: "other", ClientSecret: "s"}
	customer := func(c *Client, tenant string) func(context.Context) error {
		return func(ctx context.Context) error { _, err := c.CustomerToken(ctx, app, "grant", tenant); return err }
	}
	own := func(c *Client, app connection.Credentials) func(context.Context) error {
		return func(ctx context.Context) error { _, err := c.AppToken(ctx, app, "one"); return err }
	}
	consent := func(c *Client, app connection.Credentials) func(context.Context) error {
		return func(ctx context.Context) error { return c.GrantConsent(ctx, app, "token", microsofttest.CustomerID) }
	}
	microsofttest.ARetryAfterHoldsForEverybody(t, map[string]func(http.RoundTripper) microsofttest.Pair{
		"token": func(transport http.RoundTripper) microsofttest.Pair {
			c := clientOn(t, transport)
			return microsofttest.Pair{One: customer(c, "one"), Another: customer(c, "two")}
		},
		"token of another app": func(transport http.RoundTripper) microsofttest.Pair {
			c := clientOn(t, transport)
			return microsofttest.Pair{One: own(c, app), Another: own(c, other)}
		},
		"partner center": func(transport http.RoundTripper) microsofttest.Pair {
			c := clientOn(t, transport)
			return microsofttest.Pair{One: consent(c, app), Another: consent(c, other)}
		},
	})
}

func TestARetryAfterHoldsHoweverAnAppIsWritten(t *testing.T) {
	t.Parallel()
	microsofttest.ARetryAfterHoldsHoweverAnAppIsWritten(t, map[string]func(http.RoundTripper) func(context.Context, string) error{
		"token": func(transport http.RoundTripper) func(context.Context, string) error {
			c := clientOn(t, transport)
			return func(ctx context.Context, app string) error {
				_, err := c.CustomerToken(ctx, connection.Credentials{ClientID: app, ClientSecret: "s"}, "grant", "one")
				return err
			}
		},
		"partner center": func(transport http.RoundTripper) func(context.Context, string) error {
			c := clientOn(t, transport)
			return func(ctx context.Context, app string) error {
				return c.GrantConsent(ctx, connection.Credentials{ClientID: app, ClientSecret: "s"}, "token", microsofttest.CustomerID)
			}
		},
	})
}
