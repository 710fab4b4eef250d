package microsoft

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// virtual is a clock that waiting moves.
type virtual struct {
	mu sync.Mutex
	at time.Time
}

func newVirtual() *virtual { return &virtual{at: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)} }

func (v *virtual) now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.at
}

func (v *virtual) wait(ctx context.Context, d time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at = v.at.Add(d)
	return ctx.Err()
}

// broken is a client of a Microsoft that always answers the status, which never
// waits in fact. asked counts its requests.
func broken(t *testing.T, status int, header string) (c *Client, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	clock := newVirtual()
	c, err := New(Options{Endpoints: Endpoints{Login: server.URL, Graph: server.URL}, Now: clock.now, Wait: clock.wait})
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
		c, asked := broken(t, status, "")
		_, err := c.TenantDetails(t.Context(), fixedToken{}, connection.TenantRequest{ManagedTenant: "managed"})
		require.Equal(t, "upstream_error", errs.ReasonOf(err))
		require.Zero(t, retryAfterOf(err), "the pause between our own tries is nothing for the caller, who counts")
		require.EqualValues(t, pace.MaxAttempts, asked.Load())

		c, _ = broken(t, status, "7")
		_, err = c.TenantDetails(t.Context(), fixedToken{}, connection.TenantRequest{ManagedTenant: "managed"})
		require.Equal(t, 7*time.Second, retryAfterOf(err))
	}
	c, _ := broken(t, http.StatusTooManyRequests, "")
	_, err := c.TenantDetails(t.Context(), fixedToken{}, connection.TenantRequest{ManagedTenant: "managed"})
	require.Equal(t, "throttled", errs.ReasonOf(err))
	require.Positive(t, retryAfterOf(err))
}

func TestATokenIsNotAskedForBeforeMicrosoftAllows(t *testing.T) {
	t.Parallel()
	ask := func(header string) (int32, error) {
		c, asked := broken(t, http.StatusServiceUnavailable, header)
		_, err := c.CustomerToken(t.Context(), connection.Credentials{ClientID: "app", ClientSecret: "s"}, "grant", "managed")
		return asked.Load(), err
	}
	asked, err := ask("600")
	require.EqualValues(t, 1, asked)
	require.Equal(t, 10*time.Minute, retryAfterOf(err))
	asked, err = ask("")
	require.EqualValues(t, 3, asked)
	require.Zero(t, retryAfterOf(err))
}

// What one caller is told holds for those after it, until the time is there.
func TestARetryAfterHoldsForEverybody(t *testing.T) {
	t.Parallel()
	app := connection.Credentials{ClientID: "app", ClientSecret: "s"}
	for name, asks := range map[string]struct {
		one, another func(ctx context.Context, c *Client) error
	}{
		"token": {
			func(ctx context.Context, c *Client) error {
				_, err := c.CustomerToken(ctx, app, "grant", "one")
				return err
			},
			func(ctx context.Context, c *Client) error {
				_, err := c.CustomerToken(ctx, app, "grant", "two")
				return err
			},
		},
		"token of another app": {
			func(ctx context.Context, c *Client) error { _, err := c.AppToken(ctx, app, "one"); return err },
			func(ctx context.Context, c *Client) error {
				_, err := c.AppToken(ctx, connection.Credentials{ClientID: "other", ClientSecret: "s"}, "one")
				return err
			},
		},
		"graph": {
			func(ctx context.Context, c *Client) error {
				_, err := c.CountUsers(ctx, directoryTokens{"app", "one"}, connection.TenantRequest{ManagedTenant: "one"})
				return err
			},
			func(ctx context.Context, c *Client) error {
				_, err := c.CountUsers(ctx, directoryTokens{"app", "two"}, connection.TenantRequest{ManagedTenant: "two"})
				return err
			},
		},
		"batch": {
			func(ctx context.Context, c *Client) error {
				_, err := c.TenantDetails(ctx, directoryTokens{"app", "one"}, connection.TenantRequest{ManagedTenant: "one"})
				return err
			},
			func(ctx context.Context, c *Client) error {
				_, err := c.TenantDetails(ctx, directoryTokens{"app", "two"}, connection.TenantRequest{ManagedTenant: "two"})
				return err
			},
		},
		"partner center": {
			func(ctx context.Context, c *Client) error { return c.GrantConsent(ctx, app, "token", customerID) },
			func(ctx context.Context, c *Client) error {
				return c.GrantConsent(ctx, connection.Credentials{ClientID: "other"}, "token", customerID)
			},
		},
	} {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
			t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					asked := 0
					c, err := New(Options{
						Endpoints: Endpoints{Login: "https://login.example", Graph: graphBase, Partner: "https://partner.example"},
						Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
							asked++
							w.Header().Set("Retry-After", "600")
							w.WriteHeader(status)
						})},
					})
					require.NoError(t, err)
					for n := range 5 {
						err := asks.one(t.Context(), c)
						require.Equal(t, connection.Retry, connection.ClassOf(err))
						require.Equal(t, 10*time.Minute-time.Duration(n)*time.Minute, retryAfterOf(err), "what is left of it")
						require.Equal(t, 1, asked)
						<-time.After(time.Minute)
					}
					require.Error(t, asks.another(t.Context(), c))
					require.Equal(t, 2, asked, "nobody else is meant")
					<-time.After(5 * time.Minute)
					require.Error(t, asks.one(t.Context(), c))
					require.Equal(t, 3, asked)
				})
			})
		}
	}
}

// An app's id has no case: whoever writes it in another way is told the same.
func TestARetryAfterHoldsHoweverAnAppIsWritten(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(ctx context.Context, c *Client, app string) error{
		"token": func(ctx context.Context, c *Client, app string) error {
			_, err := c.CustomerToken(ctx, connection.Credentials{ClientID: app, ClientSecret: "s"}, "grant", "one")
			return err
		},
		"graph": func(ctx context.Context, c *Client, app string) error {
			_, err := c.CountUsers(ctx, directoryTokens{app, "one"}, connection.TenantRequest{ManagedTenant: "one"})
			return err
		},
		"partner center": func(ctx context.Context, c *Client, app string) error {
			return c.GrantConsent(ctx, connection.Credentials{ClientID: app, ClientSecret: "s"}, "token", customerID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				c := clientOn(t, inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					asked++
					throttledAnswer(w, 600)
				})})
				for _, app := range []string{"5e11aa00-0000-4000-8000-00000000abcd", "5E11AA00-0000-4000-8000-00000000ABCD", "5e11aa00-0000-4000-8000-00000000abCD"} {
					require.Equal(t, "throttled", errs.ReasonOf(ask(t.Context(), c, app)))
					<-time.After(time.Minute)
				}
				require.Equal(t, 1, asked)
			})
		})
	}
}
