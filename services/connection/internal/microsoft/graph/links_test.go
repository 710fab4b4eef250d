package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
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
					_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s"}`, microsofttest.GraphBase, next)
				default:
					t.Errorf("%s was asked for", r.URL.Path)
				}
			}))
			_, err := list(t.Context(), c, microsofttest.Tokens{App: "app", Directory: "one"}, connection.UsersRequest{})
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
						_, _ = fmt.Fprintf(w, `{"value":[],"@odata.deltaLink":"%s/v1.0/users/%s?$deltatoken=first"}`, microsofttest.GraphBase, kept)
					case query.Get("$deltatoken") == "first" && r.URL.Path == "/v1.0/users/"+kept:
						_, _ = fmt.Fprintf(w, `{"value":[{"id":"b"}],"@odata.nextLink":"%s/v1.0/users/%s?$skiptoken=s"}`, microsofttest.GraphBase, later)
					case query.Get("$skiptoken") == "s" && r.URL.Path == "/v1.0/users/"+later:
						_, _ = fmt.Fprintf(w, `{"value":[{"id":"c"}],"@odata.deltaLink":"%s/v1.0/users/%s?$deltatoken=second"}`, microsofttest.GraphBase, kept)
					default:
						t.Errorf("%s was asked for", r.URL)
					}
				}))
				full, err := list(t.Context(), c, microsofttest.Tokens{App: "app", Directory: "one"}, connection.UsersRequest{})
				require.NoError(t, err)
				require.Equal(t, []string{"a", "b"}, full.ids)
				changes, err := list(t.Context(), c, microsofttest.Tokens{App: "app", Directory: "one"}, connection.UsersRequest{DeltaLink: full.complete.DeltaLink})
				require.NoError(t, err)
				require.Equal(t, listed{ids: []string{"b", "c"}, complete: &connection.Completed{
					DeltaLink: microsofttest.GraphBase + "/v1.0/users/" + kept + "?$deltatoken=second",
				}}, changes)
			})
		}
	}
}

// unusable are delta links that nothing can be done with.
var unusable = map[string]string{
	"of another host":       "https://graph.other.example/v1.0/users/delta?$deltatoken=d",
	"in clear":              "http://graph.example/v1.0/users/delta?$deltatoken=d",
	"of another version":    microsofttest.GraphBase + "/beta/users/delta?$deltatoken=d",
	"of something else":     microsofttest.GraphBase + "/v1.0/groups/delta?$deltatoken=d",
	"of no changes":         microsofttest.GraphBase + "/v1.0/users?$top=5",
	"of what lies below":    microsofttest.GraphBase + "/v1.0/users/delta/x",
	"that goes back":        microsofttest.GraphBase + "/v1.0/users/delta/../../me",
	"of a function's alike": microsofttest.GraphBase + "/v1.0/users/other.delta()?$deltatoken=d",
	"with credentials":      "https://a:b@graph.example/v1.0/users/delta?$deltatoken=d",
	"that is no link":       "://",
}

// TestAStoredLinkThatCannotBeFollowedLeadsToAFullListing: the link is of another
// time or another address of Graph. Nothing is sent to it, and no person has to repair
// it.
func TestAStoredLinkThatCannotBeFollowedLeadsToAFullListing(t *testing.T) {
	t.Parallel()
	for name, link := range unusable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					fresh := r.URL.Path == "/v1.0/users/delta" && r.URL.Query().Get("$deltatoken") == "latest"
					if r.URL.Scheme+"://"+r.URL.Host != microsofttest.GraphBase || r.URL.User != nil || !fresh && r.URL.Path != "/v1.0/users" {
						t.Errorf("%s was asked for", r.URL)
					}
					pagesOf(w, r, 2, 1)
				}))
				var restarts []connection.Restarted
				var users int
				var completed *connection.Completed
				err := c.ListUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: "one"}, connection.UsersRequest{DeltaLink: link}, func(e connection.UsersEvent) error {
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
				require.Equal(t, &connection.Completed{DeltaLink: microsofttest.GraphBase + "/v1.0/users/delta?$deltatoken=d", Full: true}, completed)
			})
		})
	}
}

// TestADeltaLinkThatCannotBeFollowedIsNotTaken: a reader that kept it would have no
// changes at the next listing.
func TestADeltaLinkThatCannotBeFollowedIsNotTaken(t *testing.T) {
	t.Parallel()
	links := maps.Clone(unusable)
	links["that cannot be sent back"] = microsofttest.GraphBase + "/v1.0/users/delta?$deltatoken=" + strings.Repeat("x", maxDeltaLink)
	for name, link := range links {
		for _, since := range []string{"", microsofttest.GraphBase + "/v1.0/users/delta?$deltatoken=kept"} {
			t.Run(fmt.Sprintf("%s, %q", name, since), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path != "/v1.0/users/delta" {
							t.Errorf("%s was asked for", r.URL)
						}
						_, _ = fmt.Fprintf(w, `{"value":[],"@odata.deltaLink":"%s"}`, link)
					}))
					l, err := list(t.Context(), c, microsofttest.Tokens{App: "app", Directory: "one"}, connection.UsersRequest{DeltaLink: since})
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
			_, err := list(t.Context(), c, microsofttest.Tokens{App: "app", Directory: "one"}, connection.UsersRequest{})
			return err
		},
		"/v1.0/users/delta": func(t *rapid.T, c *Client) error {
			_, err := list(t.Context(), c, microsofttest.Tokens{App: "app", Directory: "one"}, connection.UsersRequest{})
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
				Address: microsofttest.GraphBase,
				Transport: microsofttest.InProcess{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.EscapedPath() != path {
						pagesOf(w, r, 1, 1)
						return
					}
					at := asked
					if asked++; at >= before {
						at = before + (at-before)%circle
					}
					_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s?$skiptoken=%d"}`, microsofttest.GraphBase, path, at)
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

// failsOn is a Microsoft that gives links with a token in them and fails callers
// that follow one.
type failsOn struct {
	token string
	links func(path string) string // the members of a page that hold them
	lost  error
	code  int // else
	body  string
	cut   bool // the body breaks off
}

func (f failsOn) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.Contains(req.URL.RawQuery, f.token) {
		if f.lost != nil {
			return nil, f.lost
		}
		var body io.Reader = strings.NewReader(f.body)
		if f.cut {
			body = io.MultiReader(body, microsofttest.CutOff{})
		}
		return &http.Response{StatusCode: f.code, Header: http.Header{}, Body: io.NopCloser(body), Request: req}, nil
	}
	return microsofttest.InProcess{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"value":[]%s}`, f.links(r.URL.EscapedPath()))
	})}.RoundTrip(req)
}

// TestNoErrorQuotesALink: with a link of a listing and a token one can read on in
// somebody's directory, and errors are logged.
func TestNoErrorQuotesALink(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-a-listing"
	next := func(path string) string {
		return fmt.Sprintf(`,"@odata.nextLink":"%s%s?$skiptoken=%s"`, microsofttest.GraphBase, path, token)
	}
	users := func(ctx context.Context, c *Client) error {
		_, err := list(ctx, c, microsofttest.Tokens{App: "app", Directory: "managed"}, connection.UsersRequest{DeltaLink: microsofttest.GraphBase + "/v1.0/users/delta?$deltatoken=kept"})
		return err
	}
	listings := map[string]struct {
		ask   func(ctx context.Context, c *Client) error
		links func(path string) string
	}{
		"managed tenants": {asks["managed tenants"], next},
		"members":         {asks["members"], next},
		"all users": {asks["users"], func(path string) string {
			if strings.HasSuffix(path, "/delta") {
				return `,"@odata.deltaLink":"` + microsofttest.GraphBase + `/v1.0/users/delta?$deltatoken=d"`
			}
			return next(path)
		}},
		"the first delta link": {asks["users"], next},
		"changes":              {users, next},
		"changes, kept link": {func(ctx context.Context, c *Client) error {
			_, err := list(ctx, c, microsofttest.Tokens{App: "app", Directory: "managed"}, connection.UsersRequest{DeltaLink: microsofttest.GraphBase + "/v1.0/users/delta?$deltatoken=" + token})
			return err
		}, next},
		"a foreign next link": {users, func(string) string { return next("/v1.0/me") }},
		"a foreign delta link": {users, func(string) string {
			return `,"@odata.deltaLink":"https://other.example/v1.0/users/delta?$deltatoken=` + token + `"`
		}},
		"a link that is none": {users, func(string) string { return `,"@odata.nextLink":"%zz:` + token + `"` }},
	}
	quoting := `{"error":{"code":"x","message":"` + microsofttest.GraphBase + `/v1.0/users?$skiptoken=` + token + `"}}`
	for what, l := range listings {
		for how, f := range map[string]failsOn{
			"dropped":    {lost: errors.New("connection reset by peer")},
			"redirected": {code: http.StatusFound},
			"refused":    {code: http.StatusBadRequest, body: quoting},
			"broken":     {code: http.StatusInternalServerError, body: quoting},
			"cut off":    {code: http.StatusOK, body: `{"value":[`, cut: true},
			"no JSON":    {code: http.StatusOK, body: quoting + "x"},
		} {
			t.Run(what+", "+how, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f.token, f.links = token, l.links
					err := l.ask(t.Context(), clientOn(t, f))
					require.Error(t, err)
					var log bytes.Buffer
					slog.New(slog.NewJSONHandler(&log, nil)).Error("a listing failed", "error", err)
					public, _ := errors.AsType[*errs.Error](err)
					for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %#v", err, err, err), public.Public(), fmt.Sprint(public.Metadata())} {
						require.NotContains(t, text, token)
						require.NotContains(t, text, "kept")
					}
				})
			})
		}
	}
}
