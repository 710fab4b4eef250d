package microsoft

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// witness is a Microsoft that fails in one way and remembers by what id the
// last request named itself.
type witness struct {
	answer func(w http.ResponseWriter)
	lost   error // instead of an answer
	cut    bool  // the answer breaks off
	ours   string
}

func (f *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	f.ours = req.Header.Get("client-request-id") + req.Header.Get("MS-RequestId")
	if f.lost != nil {
		return nil, f.lost
	}
	resp, err := inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { f.answer(w) })}.RoundTrip(req)
	if err == nil && f.cut {
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":`), severed{}))
	}
	return resp, err
}

// severed is a connection that is cut.
type severed struct{}

func (severed) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// asks are the ways in which Microsoft is asked for something.
var asks = map[string]func(ctx context.Context, c *Client) error{
	"a code": func(ctx context.Context, c *Client) error {
		_, err := c.Exchange(ctx, theApp, "code", "verifier")
		return err
	},
	"a refresh": func(ctx context.Context, c *Client) error {
		_, err := c.Refresh(ctx, theApp, "grant")
		return err
	},
	"a customer's token": func(ctx context.Context, c *Client) error {
		_, err := c.CustomerToken(ctx, theApp, "grant", "managed")
		return err
	},
	"a consent": func(ctx context.Context, c *Client) error { return c.GrantConsent(ctx, theApp, "token", "managed") },
	"a probe": func(ctx context.Context, c *Client) error {
		_, err := c.Probe(ctx, directoryTokens{"app", "partner"})
		return err
	},
	"a probe of a customer": func(ctx context.Context, c *Client) error {
		return c.ProbeCustomer(ctx, directoryTokens{"app", "managed"})
	},
	"managed tenants": func(ctx context.Context, c *Client) error {
		return c.ListManagedTenants(ctx, directoryTokens{"app", "partner"}, connection.Normal, func([]connection.ManagedTenant) error { return nil })
	},
	"details": func(ctx context.Context, c *Client) error {
		_, err := c.TenantDetails(ctx, directoryTokens{"app", "managed"}, connection.TenantRequest{ManagedTenant: "managed"})
		return err
	},
	"a count": func(ctx context.Context, c *Client) error {
		_, err := c.CountUsers(ctx, directoryTokens{"app", "managed"}, connection.TenantRequest{ManagedTenant: "managed"})
		return err
	},
	"users": func(ctx context.Context, c *Client) error {
		_, err := list(ctx, c, directoryTokens{"app", "managed"}, connection.UsersRequest{})
		return err
	},
	"members": func(ctx context.Context, c *Client) error {
		return c.GroupMembers(ctx, directoryTokens{"app", "managed"}, connection.GroupRequest{GroupID: "g"}, func([]string) error { return nil })
	},
	"users by id": func(ctx context.Context, c *Client) error {
		_, _, err := c.UsersByID(ctx, directoryTokens{"app", "managed"}, connection.ByIDRequest{IDs: []string{"u"}})
		return err
	},
}

var theApp = connection.Credentials{ClientID: "app", ClientSecret: "secret"}

func clientOn(t *testing.T, transport http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Options{
		Endpoints: Endpoints{Login: "https://login.example", Graph: graphBase, Partner: "https://partner.example"}, Transport: transport,
	})
	require.NoError(t, err)
	return c
}

func requestID(t *testing.T, err error) string {
	t.Helper()
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	return e.Metadata()["request_id"]
}

// TestEveryFailureNamesItsRequest: without an id nobody at Microsoft finds what
// happened. Theirs counts where there is one, else the one that we sent.
func TestEveryFailureNamesItsRequest(t *testing.T) {
	t.Parallel()
	status := func(code int, body string, headers ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	theirs := []string{"request-id", "theirs", "x-ms-request-id", "theirs", "MS-RequestId", "theirs"}
	broken := []string{"request-id", "theirs\xff", "x-ms-request-id", "theirs\xff", "MS-RequestId", "\xfetheirs"}
	for name, f := range map[string]struct {
		witness
		theirs bool
		fine   string // what takes it for a success
	}{
		"no answer":                    {witness: witness{lost: errors.New("connection reset by peer")}},
		"an answer that is cut off":    {witness: witness{answer: status(http.StatusOK, ""), cut: true}, fine: "a consent"},
		"a refusal that is cut off":    {witness: witness{answer: status(http.StatusBadRequest, ""), cut: true}},
		"a page of somebody between":   {witness: witness{answer: status(http.StatusBadGateway, "<html>")}},
		"an answer that is none":       {witness: witness{answer: status(http.StatusOK, "<html>")}, fine: "a consent"},
		"an empty object":              {witness: witness{answer: status(http.StatusOK, "{}")}, fine: "a consent"},
		"an answer that is none, told": {witness: witness{answer: status(http.StatusOK, "<html>", theirs...)}, theirs: true, fine: "a consent"},
		"a refusal without a body":     {witness: witness{answer: status(http.StatusForbidden, "", theirs...)}, theirs: true},
		"a refusal with a broken id":   {witness: witness{answer: status(http.StatusForbidden, "", broken...)}, theirs: true},
		"a refusal cut off, told":      {witness: witness{answer: status(http.StatusBadRequest, "", theirs...), cut: true}, theirs: true},
	} {
		for what, ask := range asks {
			if what == f.fine {
				continue
			}
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := f.witness
					err := ask(t.Context(), clientOn(t, &w))
					require.Error(t, err)
					require.NotEmpty(t, w.ours)
					want := w.ours
					if f.theirs {
						want = "theirs"
					}
					require.Equal(t, want, requestID(t, err), err)
				})
			})
		}
	}
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
					require.Equal(t, want, requestID(t, asks[what](t.Context(), c)))
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
			_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s?$skiptoken=%d"}`, graphBase, r.URL.Path, n)
		}))
		require.Equal(t, "r-"+strconv.Itoa(maxTenantPages), requestID(t, asks["managed tenants"](t.Context(), c)))
	})
}

// Whoever gives up waiting can still name what was not answered.
func TestARequestThatIsNotWaitedForIsNamed(t *testing.T) {
	t.Parallel()
	for what, ask := range asks {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hanging{}
				var ours string
				c := clientOn(t, roundTrip(func(req *http.Request) (*http.Response, error) {
					ours = req.Header.Get("client-request-id") + req.Header.Get("MS-RequestId")
					h.directory = bearer(req)
					return h.RoundTrip(req)
				}))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := ask(ctx, c)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, ours, connection.RequestIDOf(err))
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
