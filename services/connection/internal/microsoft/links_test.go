package microsoft

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

func TestLinksLeadOnWithinTheirOwnListing(t *testing.T) {
	t.Parallel()
	for _, delta := range []string{"/beta/auditLogs/signIns?$top=50", "/beta/users/delta", "/v1.0/users?$top=5", "/v1.0/users/delta/x", "/v1.0/users/delta/../../me"} {
		synctest.Test(t, func(t *testing.T) {
			c := clientOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%s was asked for", delta) }))
			_, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{DeltaLink: graphBase + delta})
			require.Equal(t, "upstream_error", errs.ReasonOf(err), delta)
		})
	}
	for _, next := range []string{"/v1.0/me/messages", "/v1.0/users/delta?$skiptoken=1", "/beta/users?$skiptoken=1"} {
		synctest.Test(t, func(t *testing.T) {
			c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/v1.0/users/delta":
					pagesOf(w, r, 1, 1)
				case "/v1.0/users":
					_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s"}`, graphBase, next)
				default:
					t.Errorf("%s was asked for", r.URL.Path)
				}
			}))
			_, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{})
			require.Equal(t, "upstream_error", errs.ReasonOf(err), next)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"value":[],"@odata.deltaLink":"%s/v1.0/users/delta?$deltatoken=e"}`, graphBase)
		}))
		for _, good := range []string{"/v1.0/users/delta?$deltatoken=d", "/v1.0/users/delta()?$deltatoken=d"} {
			l, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{DeltaLink: graphBase + good})
			require.NoError(t, err, good)
			require.NotNil(t, l.complete)
		}
	})
}

// Links that lead in a circle, after some that do not, end a listing soon, whatever
// it lists.
func TestACircleOfLinksEnds(t *testing.T) {
	t.Parallel()
	lists := map[string]func(t *rapid.T, c *Client) error{
		"/v1.0/users": func(t *rapid.T, c *Client) error {
			_, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{})
			return err
		},
		"/v1.0/users/delta": func(t *rapid.T, c *Client) error {
			_, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{})
			return err
		},
		"/v1.0/groups/g%2F1/transitiveMembers/microsoft.graph.user": func(t *rapid.T, c *Client) error {
			_, err := members(t.Context(), c)
			return err
		},
	}
	for path, ask := range lists {
		rapid.Check(t, func(t *rapid.T) {
			before := rapid.IntRange(0, 20).Draw(t, "before")
			circle := rapid.IntRange(1, 20).Draw(t, "circle")
			asked := 0
			c, err := New(Options{
				Endpoints: Endpoints{Login: "https://login.example", Graph: graphBase},
				Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.EscapedPath() != path {
						pagesOf(w, r, 1, 1)
						return
					}
					at := asked
					if asked++; at >= before {
						at = before + (at-before)%circle
					}
					_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s?$skiptoken=%d"}`, graphBase, path, at)
					if asked > 200 {
						panic("a listing without an end")
					}
				})},
			})
			require.NoError(t, err)
			err = ask(t, c)
			require.Equal(t, "upstream_error", errs.ReasonOf(err))
			require.Equal(t, connection.Retry, connection.ClassOf(err))
			require.LessOrEqual(t, asked, 4*(before+circle)+4)
		})
	}
}
