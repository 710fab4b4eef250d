package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

// asks are the ways in which Microsoft is asked for something.
var asks = map[string]func(ctx context.Context, c *Client) error{
	"a probe": func(ctx context.Context, c *Client) error {
		_, err := c.Probe(ctx, microsofttest.Tokens{App: "app", Directory: "partner"})
		return err
	},
	"a probe of a customer": func(ctx context.Context, c *Client) error {
		return c.ProbeCustomer(ctx, microsofttest.Tokens{App: "app", Directory: "managed"})
	},
	"managed tenants": func(ctx context.Context, c *Client) error {
		return c.ListManagedTenants(ctx, microsofttest.Tokens{App: "app", Directory: "partner"}, connection.Normal, func([]connection.ManagedTenant) error { return nil })
	},
	"details": func(ctx context.Context, c *Client) error {
		_, err := c.TenantDetails(ctx, microsofttest.Tokens{App: "app", Directory: "managed"}, connection.TenantRequest{ManagedTenant: "managed"})
		return err
	},
	"a count": func(ctx context.Context, c *Client) error {
		_, err := c.CountUsers(ctx, microsofttest.Tokens{App: "app", Directory: "managed"}, connection.TenantRequest{ManagedTenant: "managed"})
		return err
	},
	"users": func(ctx context.Context, c *Client) error {
		_, err := list(ctx, c, microsofttest.Tokens{App: "app", Directory: "managed"}, connection.UsersRequest{})
		return err
	},
	"members": func(ctx context.Context, c *Client) error {
		return c.GroupMembers(ctx, microsofttest.Tokens{App: "app", Directory: "managed"}, connection.GroupRequest{GroupID: "g"}, func([]string) error { return nil })
	},
	"users by id": func(ctx context.Context, c *Client) error {
		_, _, err := c.UsersByID(ctx, microsofttest.Tokens{App: "app", Directory: "managed"}, connection.ByIDRequest{IDs: []string{"u"}})
		return err
	},
}

func clientOn(t testing.TB, transport http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Options{Address: microsofttest.GraphBase, Transport: transport})
	require.NoError(t, err)
	return c
}

func TestEveryFailureNamesItsRequest(t *testing.T) {
	t.Parallel()
	microsofttest.EveryFailureNamesItsRequest(t, microsofttest.OnTransport(t, asks, clientOn), "")
}

func TestARequestThatIsNotWaitedForIsNamed(t *testing.T) {
	t.Parallel()
	microsofttest.UnansweredRequestsAreNamed(t, microsofttest.OnTransport(t, asks, clientOn))
}

// An item of a batch that bears no id of its own is found by that of the batch.
func TestAnItemOfABatchNamesItsRequest(t *testing.T) {
	t.Parallel()
	for name, item := range map[string]itemAnswer{
		"refused":    {Status: http.StatusForbidden},
		"unreadable": {Status: http.StatusOK, Body: json.RawMessage(`"x"`)},
		"throttled":  {Status: http.StatusTooManyRequests, Headers: map[string]string{"Retry-After": "600"}},
	} {
		for id, want := range map[string]string{"": "of the batch", "of the item": "of the item"} {
			for _, what := range []string{"details", "users by id"} {
				t.Run(fmt.Sprintf("%s, %s, %q", what, name, id), func(t *testing.T) {
					t.Parallel()
					c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("request-id", "of the batch")
						batchOf(w, r, func(batchItem) itemAnswer {
							a := item
							a.Headers = map[string]string{"Retry-After": item.Headers["Retry-After"], "request-id": id}
							return a
						})
					}))
					require.Equal(t, want, microsofttest.RequestID(t, asks[what](t.Context(), c)))
				})
			}
		}
	}
}

func TestAListingWithoutAnEndNamesItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			w.Header().Set("request-id", "r-"+strconv.Itoa(n))
			_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s?$skiptoken=%d"}`, microsofttest.GraphBase, r.URL.Path, n)
		}))
		require.Equal(t, "r-"+strconv.Itoa(maxTenantPages), microsofttest.RequestID(t, asks["managed tenants"](t.Context(), c)))
	})
}
