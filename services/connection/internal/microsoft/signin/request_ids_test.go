package signin

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

// asks are the ways in which Microsoft is asked for something.
var asks = map[string]func(ctx context.Context, c *Client) error{
	"a code": func(ctx context.Context, c *Client) error {
		_, err := c.Exchange(ctx, microsofttest.App, "code", "verifier")
		return err
	},
	"a refresh": func(ctx context.Context, c *Client) error {
		_, err := c.Refresh(ctx, microsofttest.App, "grant")
		return err
	},
	"a customer's token": func(ctx context.Context, c *Client) error {
		_, err := c.CustomerToken(ctx, microsofttest.App, "grant", "managed")
		return err
	},
	"a consent": func(ctx context.Context, c *Client) error {
		return c.GrantConsent(ctx, microsofttest.App, "token", "managed")
	},
}

func clientOn(t testing.TB, transport http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Options{Login: microsofttest.LoginBase, PartnerCenter: microsofttest.PartnerCenterBase, Transport: transport})
	require.NoError(t, err)
	return c
}

func TestEveryFailureNamesItsRequest(t *testing.T) {
	t.Parallel()
	microsofttest.EveryFailureNamesItsRequest(t, microsofttest.OnTransport(t, asks, clientOn), "a consent")
}

func TestARequestThatIsNotWaitedForIsNamed(t *testing.T) {
	t.Parallel()
	microsofttest.UnansweredRequestsAreNamed(t, microsofttest.OnTransport(t, asks, clientOn))
}
