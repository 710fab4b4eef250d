package microsoft

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// readWith reads one answer of a directory by a decoder of the test's.
func readWith(t *testing.T, c *Client, tokens connection.TokenSource, parse func(answer) error) error {
	t.Helper()
	q, err := c.call(t.Context(), atCustomer, tokens, "")
	if err != nil {
		return err
	}
	q.url = c.graphURL("/v1.0/users/$count", nil)
	return c.read(t.Context(), q, parse)
}

// A server takes a panic for the end of one call and lives on: the directory must
// not be locked out for those that follow.
func TestAPanicGivesTheTurnBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusTooManyRequests
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status == http.StatusTooManyRequests {
				status = http.StatusOK
				throttledAnswer(w, 1)
				return
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("3"))
		}))
		tokens := directoryTokens{"app", "one"}
		broken := func() { _ = readWith(t, c, tokens, func(answer) error { panic("a decoder") }) }
		require.PanicsWithValue(t, "a decoder", broken, "while there is one request at a time")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n, err := c.CountUsers(ctx, tokens, connection.TenantRequest{ManagedTenant: "one"})
		require.NoError(t, err)
		require.EqualValues(t, 3, n)

		status = http.StatusInternalServerError
		for range pace.TripAfter {
			_, err := c.CountUsers(t.Context(), tokens, connection.TenantRequest{ManagedTenant: "one"})
			require.Error(t, err)
		}
		status = http.StatusOK
		<-time.After(pace.OpenFor + time.Second)
		require.PanicsWithValue(t, "a decoder", broken, "as the probe of a breaker")
		_, err = c.CountUsers(t.Context(), tokens, connection.TenantRequest{ManagedTenant: "one"})
		require.NoError(t, err, errs.ReasonOf(err))
	})
}

// hanging takes the requests of one directory and never answers them. Those of
// others get an answer, or cannot be sent at all.
type hanging struct {
	directory string
	asked     atomic.Int32
}

func (h *hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	if bearer(req) != h.directory {
		return inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("3")) })}.RoundTrip(req)
	}
	h.asked.Add(1)
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestADirectoryThatHangsIsItsOwnMatter(t *testing.T) {
	t.Parallel()
	for name, patience := range map[string]time.Duration{"the caller's deadline": time.Second, "ours": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hanging{directory: "slow"}
				c, err := New(Options{Endpoints: Endpoints{Login: "https://login.example", Graph: graphBase}, Transport: h})
				require.NoError(t, err)
				count := func(directory string) error {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					_, err := c.CountUsers(ctx, directoryTokens{"app", directory}, connection.TenantRequest{ManagedTenant: directory})
					return err
				}
				for range pace.TripAfter {
					require.Error(t, count("slow"))
				}
				require.NoError(t, count("well"))
				before := h.asked.Load()
				require.Error(t, count("slow"))
				if patience < attemptTimeout {
					require.Greater(t, h.asked.Load(), before, "a caller in a hurry says nothing of the directory")
				} else {
					require.Equal(t, before, h.asked.Load(), "the directory itself is spared")
				}
			})
		})
	}
}

// The caller's deadline says nothing of an authority either; an answer that does
// not come within our own does.
func TestAnAuthorityThatHangs(t *testing.T) {
	t.Parallel()
	for patience, open := range map[time.Duration]bool{time.Second: false, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			h := &hanging{}
			c, err := New(Options{Endpoints: Endpoints{Login: "https://login.example", Graph: graphBase}, Transport: h})
			require.NoError(t, err)
			for range pace.TripAfter {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, err := c.AppToken(ctx, connection.Credentials{ClientID: "app", ClientSecret: "s"}, "managed")
				cancel()
				require.Error(t, err)
			}
			before := h.asked.Load()
			_, err = c.AppToken(t.Context(), connection.Credentials{ClientID: "app", ClientSecret: "s"}, "managed")
			require.Error(t, err)
			require.Equal(t, open, h.asked.Load() == before)
		})
	}
}
