package run

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFinish(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	done, cancel := context.WithCancel(t.Context())
	cancel()
	require.Zero(t, finish(t.Context(), &out, "x", func(context.Context) error { return nil }))
	require.Zero(t, finish(done, &out, "x", func(ctx context.Context) error { return ctx.Err() }), "a signal is no failure")
	require.Empty(t, out.String())
	require.Equal(t, 1, finish(t.Context(), &out, "mapping", func(context.Context) error { return errors.New("no port") }))
	require.Equal(t, "mapping: no port\n", out.String())
	require.Equal(t, 1, finish(done, &out, "x", func(context.Context) error { return errors.New("stuck") }))
}

// recorder notes in which order servers stop.
type recorder struct {
	mu    sync.Mutex
	order []string
}

func (r *recorder) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order = append(r.order, s)
}

// server ends when it is stopped, or at once with an error.
func (r *recorder) server(name string, failure error) Server {
	quit := make(chan struct{})
	return Server{
		Name: name,
		Serve: func(context.Context) error {
			if failure != nil {
				return failure
			}
			<-quit
			r.note(name + " ended")
			return nil
		},
		Stop: func(context.Context) error {
			r.note(name + " stopping")
			close(quit)
			return nil
		},
	}
}

func TestGroupStopsInReverseOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		var g Group
		ctx, cancel := context.WithCancel(t.Context())
		g.Add(r.server("admin", nil))
		g.Add(Server{Name: "background", Serve: func(ctx context.Context) error { // ends by its context
			<-ctx.Done()
			r.note("background ended")
			return ctx.Err()
		}})
		g.Add(r.server("rpc", nil))
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		synctest.Wait()
		require.Empty(t, r.order)
		cancel()
		require.NoError(t, <-ended)
		require.Equal(t, []string{"rpc stopping", "rpc ended", "background ended", "admin stopping", "admin ended"}, r.order)
	})
}

func TestGroupEndsWithTheFirstFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		var g Group
		broken := errors.New("broken")
		g.Add(r.server("admin", nil))
		g.Add(r.server("rpc", broken))
		err := g.Run(t.Context())
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "rpc: broken")
		require.Equal(t, []string{"admin stopping", "admin ended"}, r.order)

		var early Group
		early.Add(Server{Name: "short", Serve: func(context.Context) error { return nil }})
		require.ErrorContains(t, early.Run(t.Context()), "short ended on its own")
	})
}

func TestGroupGivesUpOnWhatDoesNotStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		var g Group
		g.Add(Server{Name: "stuck", Serve: func(context.Context) error { <-release; return nil }})
		start := time.Now()
		cancel()
		require.ErrorContains(t, g.Run(ctx), "stuck did not stop in time")
		require.Equal(t, StopTimeout, time.Since(start))
		close(release)
	})
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	var failure error
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") })
	handler := Admin(metrics, Check{Name: "database", Test: func(context.Context) error { return failure }})
	get := func(path string) (int, string) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return recorder.Code, recorder.Body.String()
	}
	code, body := get("/readyz")
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, `{"database": "ok"}`, body)
	failure = errors.New("password=hunter2")
	code, body = get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.JSONEq(t, `{"database": "failing"}`, body)
	code, _ = get("/healthz")
	require.Equal(t, http.StatusOK, code, "a process that waits for its database is alive")
	_, body = get("/metrics")
	require.Equal(t, "metrics", body)
	code, _ = get("/other")
	require.Equal(t, http.StatusNotFound, code)
}

func TestAnAdminOfADegradedProcessIsReady(t *testing.T) {
	t.Parallel()
	broken := func(context.Context) error { return errors.New("sealed") }
	get := func(checks ...Check) (int, string) {
		recorder := httptest.NewRecorder()
		Admin(nil, checks...).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		return recorder.Code, recorder.Body.String()
	}
	fine := Check{Name: "database", Test: func(context.Context) error { return nil }}
	code, body := get(fine, Check{Name: "secret_store", Test: broken, Degrades: true})
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, `{"database": "ok", "secret_store": "degraded"}`, body)
	code, body = get(Check{Name: "database", Test: broken}, Check{Name: "secret_store", Test: broken, Degrades: true})
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.JSONEq(t, `{"database": "failing", "secret_store": "degraded"}`, body)
}

func TestHTTPServes(t *testing.T) {
	t.Parallel()
	server, address, err := HTTP(t.Context(), "admin", "127.0.0.1:0", Admin(nil), time.Minute)
	require.NoError(t, err)
	_, _, err = HTTP(t.Context(), "second", address.String(), Admin(nil), 0)
	require.ErrorContains(t, err, "listening for second")
	ctx, cancel := context.WithCancel(t.Context())
	var g Group
	g.Add(server)
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address.String()+"/healthz", nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	cancel()
	require.NoError(t, <-ended)
}
