package microsofttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Ask asks for something by a client on the transport.
type Ask func(ctx context.Context, transport http.RoundTripper) error

// OnTransport makes asks of what clients are asked for; on makes a client on a transport.
func OnTransport[Client any](t *testing.T, asks map[string]func(context.Context, Client) error, on func(testing.TB, http.RoundTripper) Client) map[string]Ask {
	t.Helper()
	made := map[string]Ask{}
	for what, ask := range asks {
		made[what] = func(ctx context.Context, transport http.RoundTripper) error { return ask(ctx, on(t, transport)) }
	}
	return made
}

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
	resp, err := InProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { f.answer(w) })}.RoundTrip(req)
	if err == nil && f.cut {
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"value":`), CutOff{}))
	}
	return resp, err
}

// EveryFailureNamesItsRequest holds that every failure has the id of its request: without
// one Microsoft's support cannot find what happened. Theirs counts where there is one, else the
// one that we sent. What is asked for by credulous takes any success for one.
func EveryFailureNamesItsRequest(t *testing.T, asks map[string]Ask, credulous string) {
	t.Helper()
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
		theirs  bool
		success bool // for the credulous
	}{
		"no answer":                    {witness: witness{lost: errors.New("connection reset by peer")}},
		"an answer that is cut off":    {witness: witness{answer: status(http.StatusOK, ""), cut: true}, success: true},
		"a refusal that is cut off":    {witness: witness{answer: status(http.StatusBadRequest, ""), cut: true}},
		"a page of somebody between":   {witness: witness{answer: status(http.StatusBadGateway, "<html>")}},
		"an answer that is none":       {witness: witness{answer: status(http.StatusOK, "<html>")}, success: true},
		"an empty object":              {witness: witness{answer: status(http.StatusOK, "{}")}, success: true},
		"an answer that is none, told": {witness: witness{answer: status(http.StatusOK, "<html>", theirs...)}, theirs: true, success: true},
		"a refusal without a body":     {witness: witness{answer: status(http.StatusForbidden, "", theirs...)}, theirs: true},
		"a refusal with a broken id":   {witness: witness{answer: status(http.StatusForbidden, "", broken...)}, theirs: true},
		"a refusal cut off, told":      {witness: witness{answer: status(http.StatusBadRequest, "", theirs...), cut: true}, theirs: true},
	} {
		for what, ask := range asks {
			if f.success && what == credulous {
				continue
			}
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := f.witness
					err := ask(t.Context(), &w)
					require.Error(t, err)
					require.NotEmpty(t, w.ours)
					want := w.ours
					if f.theirs {
						want = "theirs"
					}
					require.Equal(t, want, RequestID(t, err), err)
				})
			})
		}
	}
}

// UnansweredRequestsAreNamed holds that callers who give up waiting can still name what
// was not answered.
func UnansweredRequestsAreNamed(t *testing.T, asks map[string]Ask) {
	t.Helper()
	for what, ask := range asks {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &Hanging{}
				var ours string
				transport := RoundTrip(func(req *http.Request) (*http.Response, error) {
					ours = req.Header.Get("client-request-id") + req.Header.Get("MS-RequestId")
					h.Directory = Bearer(req)
					return h.RoundTrip(req)
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := ask(ctx, transport)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, ours, connection.RequestIDOf(err))
			})
		})
	}
}

// Pair are two things that one client is asked for.
type Pair struct {
	One, Another func(ctx context.Context) error
}

// ARetryAfterHoldsForEverybody holds that the pause one caller was asked for holds for those after
// it, until it is over, and for no other app or directory.
func ARetryAfterHoldsForEverybody(t *testing.T, pairs map[string]func(transport http.RoundTripper) Pair) {
	t.Helper()
	for name, pair := range pairs {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
			t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					asked := 0
					asks := pair(InProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						asked++
						w.Header().Set("Retry-After", "600")
						w.WriteHeader(status)
					})})
					for n := range 5 {
						err := asks.One(t.Context())
						require.Equal(t, connection.Retry, connection.ClassOf(err))
						require.Equal(t, 10*time.Minute-time.Duration(n)*time.Minute, RetryAfter(err), "what is left of it")
						require.Equal(t, 1, asked)
						<-time.After(time.Minute)
					}
					require.Error(t, asks.Another(t.Context()))
					require.Equal(t, 2, asked, "nobody else is meant")
					<-time.After(5 * time.Minute)
					require.Error(t, asks.One(t.Context()))
					require.Equal(t, 3, asked)
				})
			})
		}
	}
}

// ARetryAfterHoldsHoweverAnAppIsWritten holds that an app's id has no case: a caller that
// writes it in another way has to wait as long.
func ARetryAfterHoldsHoweverAnAppIsWritten(t *testing.T, asks map[string]func(transport http.RoundTripper) func(ctx context.Context, app string) error) {
	t.Helper()
	for name, open := range asks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				ask := open(InProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					asked++
					Throttle(w, 600)
				})})
				for _, app := range []string{"5e11aa00-0000-4000-8000-00000000abcd", "5E11AA00-0000-4000-8000-00000000ABCD", "5e11aa00-0000-4000-8000-00000000abCD"} {
					require.Equal(t, "throttled", errs.ReasonOf(ask(t.Context(), app)))
					<-time.After(time.Minute)
				}
				require.Equal(t, 1, asked)
			})
		})
	}
}
