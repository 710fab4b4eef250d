package cipp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// passing is a clock that only waiting moves.
type passing struct {
	mu     sync.Mutex
	at     time.Time
	pauses []time.Duration
}

func (p *passing) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *passing) wait(_ context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.pauses = p.at.Add(d), append(p.pauses, d)
	return nil
}

// serve returns a provider for a simulated CIPP, and the clock by which it waits.
func serve(t *testing.T, o Options, answer http.HandlerFunc) (connection.Provider, *passing) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	clock := &passing{at: time.Date(2026, 6, 1, 13, 0, 0, 0, time.UTC)}
	o.AllowedHosts, o.Now, o.Wait = []string{server.Listener.Addr().String()}, clock.now, clock.wait
	client, err := NewClient(o)
	require.NoError(t, err)
	provider, err := client.Open(Credentials{BaseURL: server.URL, TenantID: anID})
	require.NoError(t, err)
	return provider, clock
}

func count(t *testing.T, p connection.Provider) (int32, error) {
	t.Helper()
	return p.CountUsers(t.Context(), tokens{}, connection.TenantRequest{ManagedTenant: anID})
}

const onePage = `{"Results":[{"id":"1"}],"Metadata":{}}`

// TestAColdStartIsWaitedFor: the first answers do not begin in time.
func TestAColdStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	var came atomic.Int32
	provider, clock := serve(t, Options{FirstByte: 2 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
		if came.Add(1) < maxAttempts {
			<-r.Context().Done() // until the caller has gone
			return
		}
		_, _ = w.Write([]byte(onePage))
	})
	n, err := count(t, provider)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Len(t, clock.pauses, maxAttempts-1)

	came.Store(-100)
	_, err = count(t, provider)
	require.Equal(t, "unreachable", errs.ReasonOf(err))
	require.EqualValues(t, -100+maxAttempts, came.Load(), "it ends")
}

func TestCIPPSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) // by CIPP's clock
	for value, want := range map[string]time.Duration{"7": 7 * time.Second, now.Add(9 * time.Second).Format(http.TimeFormat): 10 * time.Second} {
		var came atomic.Int32
		provider, clock := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			if came.Add(1) == 1 {
				w.Header().Set("Date", now.Format(http.TimeFormat))
				w.Header().Set("Retry-After", value)
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = w.Write([]byte(onePage))
		})
		_, err := count(t, provider)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{want}, clock.pauses)
	}
	provider, clock := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := count(t, provider)
	require.Equal(t, "throttled", errs.ReasonOf(err))
	require.Empty(t, clock.pauses, "nobody holds a worker for so long")
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 10*time.Minute, e.RetryAfter())
}

// TestARetryAfterHoldsForAllCallers: other callers that read through the same CIPP would come
// early, and be refused for longer.
func TestARetryAfterHoldsForAllCallers(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		var asked [2]atomic.Int32
		var refuse atomic.Int32 // seconds
		refuse.Store(600)
		var urls, hosts [2]string
		for i := range urls {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked[i].Add(1)
				if seconds := refuse.Load(); seconds > 0 {
					w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
					w.WriteHeader(status)
					return
				}
				_, _ = w.Write([]byte(onePage))
			}))
			t.Cleanup(server.Close)
			urls[i], hosts[i] = server.URL, server.Listener.Addr().String()
		}
		clock := &passing{at: time.Date(2026, 6, 1, 13, 0, 0, 0, time.UTC)}
		client, err := NewClient(Options{AllowedHosts: hosts[:], Now: clock.now, Wait: clock.wait})
		require.NoError(t, err)
		open := func(url string) connection.Provider {
			provider, err := client.Open(Credentials{BaseURL: url, TenantID: anID})
			require.NoError(t, err)
			return provider
		}
		_, err = count(t, open(urls[0]))
		require.Equal(t, connection.Retry, connection.ClassOf(err))
		require.EqualValues(t, 1, asked[0].Load())
		refuse.Store(0)
		require.NoError(t, clock.wait(t.Context(), 3*time.Minute))
		_, err = count(t, open(urls[0]+"/"))
		require.Equal(t, "throttled", errs.ReasonOf(err))
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, 7*time.Minute, e.RetryAfter(), "what is left of it")
		_, err = open(urls[0]).Probe(t.Context(), tokens{})
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.EqualValues(t, 1, asked[0].Load(), "nobody came early")
		_, err = count(t, open(urls[1]))
		require.NoError(t, err, "another CIPP is not meant")
		require.NoError(t, clock.wait(t.Context(), 7*time.Minute-20*time.Second))
		before := len(clock.pauses)
		_, err = count(t, open(urls[0]))
		require.NoError(t, err)
		require.Equal(t, []time.Duration{20 * time.Second}, clock.pauses[before:], "a short wait is waited for")

		refuse.Store(600)
		_, err = count(t, open(urls[0]))
		require.Error(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err = open(urls[0]).CountUsers(ctx, tokens{}, connection.TenantRequest{ManagedTenant: anID})
		require.Equal(t, "throttled", errs.ReasonOf(err), "who cannot wait is told at once")
		cancel()
		require.EqualValues(t, 3, asked[0].Load())
	}
}

// TestACallerWithoutAName: CIPP says with status 200 that the API client has no role,
// or comes from an address that is not allowed.
func TestACallerWithoutAName(t *testing.T) {
	t.Parallel()
	for body, reason := range map[string]string{
		`{"clientPrincipal":null,"permissions":[],"message":"Your IP address (192.0.2.7) is not in the allowed range"}`: "consent_missing",
		`{"permissions":[]}`: "upstream_error", `{"clientPrincipal":"ann@contoso.example"}`: "upstream_error",
	} {
		provider, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/me" {
				t.Errorf("%s was asked for", r.URL.Path)
			}
			_, _ = w.Write([]byte(body))
		})
		_, err := provider.Probe(t.Context(), tokens{})
		require.Equal(t, reason, errs.ReasonOf(err), body)
		require.NotContains(t, err.Error(), "192.0.2.7")
		require.NotContains(t, err.Error(), "ann@")
		require.NotEmpty(t, connection.RequestIDOf(err))
	}
}

// TestLinksThatLeadInACircle end.
func TestLinksThatLeadInACircle(t *testing.T) {
	t.Parallel()
	next := map[string]string{"": "a", "a": "b", "b": "c", "c": "a"}
	provider, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"Results":[{"id":"1"}],"Metadata":{"nextLink":"` + next[r.URL.Query().Get("nextLink")] + `"}}`))
	})
	_, err := count(t, provider)
	require.Equal(t, "upstream_error", errs.ReasonOf(err))
}

// TestNoTextOfCIPPGoesOn: it may name people.
func TestNoTextOfCIPPGoesOn(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 302, 400, 403, 404, 500} {
		provider, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			require.NotEmpty(t, r.Header.Get("client-request-id"))
			w.WriteHeader(status)
			_, _ = w.Write([]byte("Graph Error: ann@contoso.example AADSTS65001"))
		})
		_, err := count(t, provider)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "ann@")
		require.NotContains(t, err.Error(), "the-token")
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		require.NotContains(t, e.Public(), "ann@")
		require.NotEmpty(t, e.Metadata()["request_id"], status)
	}
}

// TestARequestWithoutAnAnswerIsNamed: by its id the operator of the CIPP finds it.
func TestARequestWithoutAnAnswerIsNamed(t *testing.T) {
	t.Parallel()
	var id atomic.Value
	came := make(chan struct{}, 1)
	provider, _ := serve(t, Options{ProbeTime: 5 * time.Second}, func(_ http.ResponseWriter, r *http.Request) {
		id.Store(r.Header.Get("client-request-id"))
		came <- struct{}{}
		<-r.Context().Done()
	})
	_, err := provider.Probe(t.Context(), tokens{})
	require.Equal(t, "unreachable", errs.ReasonOf(err))
	<-came
	require.Equal(t, id.Load(), connection.RequestIDOf(err))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-came
		cancel()
	}()
	_, err = provider.CountUsers(ctx, tokens{}, connection.TenantRequest{ManagedTenant: anID})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, id.Load(), connection.RequestIDOf(err), "also where the caller gives up")
}
