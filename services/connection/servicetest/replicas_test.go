package servicetest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

// mostWait bounds the waiting of these tests for what must happen soon.
const mostWait = 2 * time.Minute

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(mostWait)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			require.FailNow(t, "it did not happen: "+what)
		case <-tick.C:
		}
	}
}

// replicaNamed is one more process of the service with a pool of its own, whose
// connections carry the name.
func (b *bundle) replicaNamed(name string) replica {
	b.t.Helper()
	address, err := url.Parse(b.db.URLFor("connection"))
	require.NoError(b.t, err)
	query := address.Query()
	query.Set("application_name", name)
	address.RawQuery = query.Encode()
	pool, err := pg.Open(b.t.Context(), address.String(), assembly.Config{}.PoolOptions())
	require.NoError(b.t, err)
	b.t.Cleanup(pool.Close)
	r := b.start(pool)
	b.t.Cleanup(r.parts.Tokens.Close) // before the pool
	return r
}

// three are three processes, all connected to the database.
func (b *bundle) three() []replica {
	b.t.Helper()
	var replicas []replica
	for i := range 3 {
		r := b.replicaNamed("replica-" + strconv.Itoa(i))
		_, err := r.internal.GetConnection(person(b.t, "msp", "admin"), &connectionv1.GetConnectionRequest{})
		require.NoError(b.t, err)
		replicas = append(replicas, r)
	}
	return replicas
}

// outcome is what a caller was answered.
type outcome struct {
	valid bool
	code  string
	err   error
}

func validate(ctx context.Context, r replica) outcome {
	resp, err := r.public.ValidateDirect(ctx, &connectionv1.ValidateDirectRequest{})
	return outcome{resp.GetValid(), resp.GetError().GetCode(), err}
}

// atOnce lets callers validate, spread over the replicas, all from one moment on.
// The outcomes are in their order.
func atOnce(ctx context.Context, callers int, replicas []replica) <-chan []outcome {
	gate, outcomes := make(chan struct{}), make([]outcome, callers)
	var ready, done sync.WaitGroup
	ready.Add(callers)
	for i := range callers {
		done.Go(func() {
			ready.Done()
			<-gate
			outcomes[i] = validate(ctx, replicas[i%len(replicas)])
		})
	}
	ready.Wait()
	close(gate)
	all := make(chan []outcome, 1)
	go func() { done.Wait(); all <- outcomes }()
	return all
}

// force is the version of the token set in force.
func (b *bundle) force(id tenant.ID) (version string) {
	b.t.Helper()
	require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(), `SELECT secret_version FROM entra_partner_connections
		WHERE tenant_id = $1 AND status IN ('connected', 'validation_failed')`, string(id)).Scan(&version))
	return version
}

// holder is the connection that has the tenant's grant lock, and its process; zero
// when none has it.
func (b *bundle) holder() (pid int, process string) {
	b.t.Helper()
	err := b.db.Admin.QueryRow(b.t.Context(), `SELECT coalesce(max(l.pid), 0), coalesce(max(a.application_name), '')
		FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()`).Scan(&pid, &process)
	require.NoError(b.t, err)
	return pid, process
}

// cut ends connections to the database: one by its number, or all of a process.
func (b *bundle) cut(pid int, process string) {
	b.t.Helper()
	_, err := b.db.Admin.Exec(b.t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND (pid = $1 OR (application_name = $2 AND $2 <> ''))`, pid, process)
	require.NoError(b.t, err)
}

// login stands before the simulator's sign-in and may hold or change what its token
// endpoint answers.
type login struct {
	url string

	mu     sync.Mutex
	answer func(form url.Values, answer map[string]any)
	tokens int // answers of the token endpoint so far
}

func startLogin(t *testing.T, sim *simulator) *login {
	t.Helper()
	target, err := url.Parse(sim.base)
	require.NoError(t, err)
	l := &login{}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: l.modify,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			raw, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, "unread", http.StatusBadRequest)
				return
			}
			form, _ := url.ParseQuery(string(raw))
			r = r.WithContext(context.WithValue(r.Context(), l, form))
			r.Body = io.NopCloser(strings.NewReader(string(raw)))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// on sets what happens to successful answers from now on.
func (l *login) on(answer func(form url.Values, answer map[string]any)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

func (l *login) modify(resp *http.Response) error {
	form, ok := resp.Request.Context().Value(l).(url.Values)
	if !ok || resp.StatusCode != http.StatusOK {
		return nil
	}
	l.mu.Lock()
	l.tokens++
	change := l.answer
	l.mu.Unlock()
	if change == nil {
		return nil
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	body := map[string]any{}
	if err := json.Unmarshal(raw, &body); err != nil {
		return err
	}
	change(form, body)
	if raw, err = json.Marshal(body); err != nil {
		return err
	}
	resp.Body = io.NopCloser(strings.NewReader(string(raw)))
	resp.ContentLength = int64(len(raw))
	resp.Header.Set("Content-Length", strconv.Itoa(len(raw)))
	return nil
}
