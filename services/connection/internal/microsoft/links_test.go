package microsoft

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

func TestLinksLeadOnWithinTheirOwnListing(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"/v1.0/me/messages", "/v1.0/users/delta?$skiptoken=1", "/beta/users?$skiptoken=1", "/v1.0/users()/../me"} {
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
}

// spellings are the ways to write the function whose links are delta links.
var spellings = []string{"delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()"}

// TestADeltaLinkIsFollowedAsItIsSpelled: Graph may name the function whole, and
// may change its mind between the pages of a round.
func TestADeltaLinkIsFollowedAsItIsSpelled(t *testing.T) {
	t.Parallel()
	for _, kept := range spellings {
		for _, later := range spellings {
			synctest.Test(t, func(t *testing.T) {
				c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch query := r.URL.Query(); {
					case r.URL.Path == "/v1.0/users":
						_, _ = w.Write([]byte(`{"value":[{"id":"a"},{"id":"b"}]}`))
					case query.Get("$deltatoken") == "latest":
						_, _ = fmt.Fprintf(w, `{"value":[],"@odata.deltaLink":"%s/v1.0/users/%s?$deltatoken=first"}`, graphBase, kept)
					case query.Get("$deltatoken") == "first" && r.URL.Path == "/v1.0/users/"+kept:
						_, _ = fmt.Fprintf(w, `{"value":[{"id":"b"}],"@odata.nextLink":"%s/v1.0/users/%s?$skiptoken=s"}`, graphBase, later)
					case query.Get("$skiptoken") == "s" && r.URL.Path == "/v1.0/users/"+later:
						_, _ = fmt.Fprintf(w, `{"value":[{"id":"c"}],"@odata.deltaLink":"%s/v1.0/users/%s?$deltatoken=second"}`, graphBase, kept)
					default:
						t.Errorf("%s was asked for", r.URL)
					}
				}))
				full, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{})
				require.NoError(t, err)
				require.Equal(t, []string{"a", "b"}, full.ids)
				changes, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{DeltaLink: full.complete.DeltaLink})
				require.NoError(t, err)
				require.Equal(t, listed{ids: []string{"b", "c"}, complete: &connection.Completed{
					DeltaLink: graphBase + "/v1.0/users/" + kept + "?$deltatoken=second",
				}}, changes)
			})
		}
	}
}

// unusable are delta links that nothing can be done with.
var unusable = map[string]string{
	"of another host":       "https://graph.other.example/v1.0/users/delta?$deltatoken=d",
	"in clear":              "http://graph.example/v1.0/users/delta?$deltatoken=d",
	"of another version":    graphBase + "/beta/users/delta?$deltatoken=d",
	"of something else":     graphBase + "/v1.0/groups/delta?$deltatoken=d",
	"of no changes":         graphBase + "/v1.0/users?$top=5",
	"of what lies below":    graphBase + "/v1.0/users/delta/x",
	"that goes back":        graphBase + "/v1.0/users/delta/../../me",
	"of a function's alike": graphBase + "/v1.0/users/other.delta()?$deltatoken=d",
	"with credentials":      "https://a:b@graph.example/v1.0/users/delta?$deltatoken=d",
	"that is no link":       "://",
}

// TestAStoredLinkThatCannotBeFollowedLeadsToAFullListing: the link is of another
// time or another address of Graph. Nothing is sent to it, and nobody has to mend
// it.
func TestAStoredLinkThatCannotBeFollowedLeadsToAFullListing(t *testing.T) {
	t.Parallel()
	for name, link := range unusable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					fresh := r.URL.Path == "/v1.0/users/delta" && r.URL.Query().Get("$deltatoken") == "latest"
					if r.URL.Scheme+"://"+r.URL.Host != graphBase || r.URL.User != nil || !fresh && r.URL.Path != "/v1.0/users" {
						t.Errorf("%s was asked for", r.URL)
					}
					pagesOf(w, r, 2, 1)
				}))
				var restarts []connection.Restarted
				var users int
				var completed *connection.Completed
				err := c.ListUsers(t.Context(), directoryTokens{"app", "one"}, connection.UsersRequest{DeltaLink: link}, func(e connection.UsersEvent) error {
					switch {
					case e.Restarted != nil:
						restarts = append(restarts, *e.Restarted)
					case e.Page != nil:
						users += len(e.Page.Users)
					case e.Completed != nil:
						completed = e.Completed
					}
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, []connection.Restarted{{Full: true, Reason: "delta_link_unusable"}}, restarts)
				require.Equal(t, 2, users)
				require.Equal(t, &connection.Completed{DeltaLink: graphBase + "/v1.0/users/delta?$deltatoken=d", Full: true}, completed)
			})
		})
	}
}

// TestADeltaLinkThatCannotBeFollowedIsNotTaken: whoever keeps it would have no
// changes at the next listing.
func TestADeltaLinkThatCannotBeFollowedIsNotTaken(t *testing.T) {
	t.Parallel()
	links := maps.Clone(unusable)
	links["that cannot be sent back"] = graphBase + "/v1.0/users/delta?$deltatoken=" + strings.Repeat("x", maxDeltaLink)
	for name, link := range links {
		for _, since := range []string{"", graphBase + "/v1.0/users/delta?$deltatoken=kept"} {
			t.Run(fmt.Sprintf("%s, %q", name, since), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path != "/v1.0/users/delta" {
							t.Errorf("%s was asked for", r.URL)
						}
						_, _ = fmt.Fprintf(w, `{"value":[],"@odata.deltaLink":"%s"}`, link)
					}))
					l, err := list(t.Context(), c, directoryTokens{"app", "one"}, connection.UsersRequest{DeltaLink: since})
					require.Equal(t, "upstream_error", errs.ReasonOf(err))
					require.Nil(t, l.complete)
				})
			})
		}
	}
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
