package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func TestCallsOfOneTenantAreExecutedAFewAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *gateway.Parts) { p.TenantChanges = 2 })
	b.allOn("t1")
	b.allOn("t2")
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(leave) })
	t.Cleanup(goOn)
	b.backends.on(startSync, func(ctx context.Context, _ proto.Message) (proto.Message, error) {
		entered <- struct{}{}
		select {
		case <-leave:
		case <-ctx.Done():
		}
		return &orchestrationv1.StartSyncResponse{}, nil
	})
	token := b.admin("t1")
	var calls sync.WaitGroup
	for range 5 {
		calls.Go(func() {
			if status := b.as(token, "POST", syncPath, `{"scope":"initial"}`).status; status != 202 {
				t.Errorf("a call that waited was answered %d", status)
			}
		})
	}
	<-entered
	<-entered
	// While two are executed and others wait, reads and other tenants go on.
	require.Equal(t, 200, b.as(token, "GET", "/api/clients", "").status)
	other := make(chan int)
	go func() { other <- b.as(b.admin("t2"), "POST", syncPath, `{"scope":"initial"}`).status }()
	<-entered
	require.Len(t, b.backends.of(startSync), 3)
	goOn()
	calls.Wait()
	require.Equal(t, 202, <-other)
	require.Len(t, b.backends.of(startSync), 6)
}

// TestCallsThatWaitKeepNobodyOut: as many as take every place of those that work, and reads, changes
// and each other's kind go on.
func TestCallsThatWaitKeepNobodyOut(t *testing.T) {
	t.Parallel()
	const changes, discovery = "/entrasync.syncengine.v1.ChangeService/ListChanges", "/entrasync.orchestration.v1.OrchestrationService/StartDiscovery"
	b := setup(t, func(p *gateway.Parts) { p.TenantReads, p.TenantChanges = 2, 2 })
	b.allOn("t1")
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(leave) })
	t.Cleanup(goOn)
	waits := func(answer proto.Message) func(context.Context, proto.Message) (proto.Message, error) {
		return func(ctx context.Context, _ proto.Message) (proto.Message, error) {
			entered <- struct{}{}
			select {
			case <-leave:
			case <-ctx.Done():
			}
			return answer, nil
		}
	}
	b.backends.on(changes, waits(&syncenginev1.ListChangesResponse{}))
	b.backends.on(discovery, waits(&orchestrationv1.StartDiscoveryResponse{}))
	token := b.admin("t1")
	var calls sync.WaitGroup
	for range 3 {
		for verb, path := range map[string]string{"GET": "/api/contacts/changes?waitSeconds=20", "POST": "/api/integrations/entra/discovery"} {
			calls.Go(func() {
				if status := b.as(token, verb, path, "").status; status/100 != 2 {
					t.Errorf("%s %s was answered %d", verb, path, status)
				}
			})
		}
	}
	for range 6 {
		<-entered
	}
	require.Equal(t, 200, b.as(token, "GET", "/api/clients", "").status)
	require.Equal(t, 202, b.as(token, "POST", syncPath, `{"scope":"initial"}`).status)
	goOn()
	calls.Wait()
}

// TestQuestionsByPOSTKeepNoChangeWaiting: who may read alone may ask them, and takes no place of those who
// change something.
func TestQuestionsByPOSTKeepNoChangeWaiting(t *testing.T) {
	t.Parallel()
	const filters = "/entrasync.syncengine.v1.FilterTestService/TestFilters"
	b := setup(t, func(p *gateway.Parts) { p.TenantChanges, p.TenantReads = 1, 1 })
	b.allOn("t1")
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(leave) })
	t.Cleanup(goOn)
	b.backends.on(filters, func(ctx context.Context, _ proto.Message) (proto.Message, error) {
		entered <- struct{}{}
		select {
		case <-leave:
		case <-ctx.Done():
		}
		return &syncenginev1.TestFiltersResponse{}, nil
	})
	token := b.admin("t1")
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			if status := b.as(token, "POST", "/api/integrations/entra/settings/test-filters", `{"identities":[{"displayName":"Ann"}]}`).status; status != 200 {
				t.Errorf("a question was answered %d", status)
			}
		})
	}
	<-entered
	<-entered
	require.Equal(t, 202, b.as(token, "POST", syncPath, `{"scope":"initial"}`).status)
	require.Equal(t, 200, b.as(token, "GET", "/api/clients", "").status)
	require.Len(t, b.backends.of(filters), 2)
	goOn()
	calls.Wait()
}

// slowBody is a body of which nothing comes until it is let go.
type slowBody struct {
	text  io.Reader
	asked func() // when the server reads
	letGo <-chan struct{}
}

func (s *slowBody) Read(p []byte) (int, error) {
	s.asked()
	<-s.letGo
	return s.text.Read(p)
}

// TestABodyThatComesSlowlyKeepsNoOtherCallWaiting: small ones whatever comes, and large ones those only
// that are large.
func TestABodyThatComesSlowlyKeepsNoOtherCallWaiting(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *gateway.Parts) { p.TenantChanges = 2 })
	b.allOn("t1")
	b.backends.on(batch, func(context.Context, proto.Message) (proto.Message, error) {
		return &mappingv1.BatchUpsertClientsResponse{}, nil
	})
	token, letGo := b.admin("t1"), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(letGo) })
	t.Cleanup(goOn)
	// A server asks for a body that is expected when it begins to read it.
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	t.Cleanup(client.CloseIdleConnections)
	statuses := make(chan int, 12)
	slowly := func(verb, path string, size int) {
		text := `{"clients":[` + strings.Repeat(" ", size) + `{"name":"n"}]}`
		asked := make(chan struct{})
		body := &slowBody{text: strings.NewReader(text), asked: sync.OnceFunc(func() { close(asked) }), letGo: letGo}
		r, err := http.NewRequestWithContext(t.Context(), verb, b.url+path, body)
		require.NoError(t, err)
		r.ContentLength = int64(len(text))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Expect", "100-continue")
		go func() {
			res, err := client.Do(r)
			if err != nil {
				statuses <- 0
				return
			}
			_ = res.Body.Close()
			statuses <- res.StatusCode
		}()
		select {
		case <-asked:
		case status := <-statuses:
			require.Fail(t, "a body was not read", "%d", status)
		}
	}
	const rest = "/api/clients:batch"
	for range 5 {
		slowly("PUT", rest, 0)
		slowly("POST", batch, 0)
	}
	slowly("PUT", rest, 1<<20)
	slowly("POST", batch, 1<<20)
	require.Equal(t, 202, b.as(token, "POST", syncPath, `{"scope":"initial"}`).status)
	require.Equal(t, 200, b.as(token, "PUT", rest, `{"clients":[{"name":"n"}]}`).status)
	require.Equal(t, 200, b.as(token, "POST", batch, `{"clients":[{"name":"n"}]}`).status)
	large := make(chan int, 1)
	go func() {
		large <- b.as(token, "PUT", rest, `{"clients":[`+strings.Repeat(" ", 1<<20)+`{"name":"n"}]}`).status
	}()
	goOn()
	for range 12 {
		require.Equal(t, 200, <-statuses)
	}
	require.Equal(t, 200, <-large, "after those that came before it")
}

// A caller that sends the next request as soon as the last was refused is slowed
// down; nobody else is.
func TestRefusalsOfCallersOverTheirLimitTakeTheirTime(t *testing.T) {
	t.Parallel()
	const delay, refusals = 50 * time.Millisecond, 5
	b := setup(t, strict, func(p *gateway.Parts) { p.Refusals = delay })
	b.allOn("t1")
	loud := b.issuer.token(t, b.clock.Now(), claims{"tenant_id": "t1", "permissions": access.Read, "sub": "loud"})
	b.clock.Advance(time.Second)
	for range 199 {
		require.Equal(t, 200, b.as(loud, "GET", "/api/feature-flags", "").status)
	}
	require.Equal(t, 200, b.as(loud, "GET", "/api/feature-flags", "").status)
	start := time.Now()
	for range refusals {
		res := b.as(loud, "GET", "/api/feature-flags", "")
		require.Equal(t, "rate_limited", res.problem(t).Code)
	}
	require.GreaterOrEqual(t, time.Since(start), refusals*delay)
	for range 20 {
		require.Equal(t, 401, b.do("GET", "/api/feature-flags", "").status, "below the limit it is refused at once")
	}
	start = time.Now()
	require.Equal(t, 429, b.do("GET", "/api/feature-flags", "").status)
	require.GreaterOrEqual(t, time.Since(start), delay)
}

// A caller that leaves while its intent waits to be written is no failure of ours.
func TestALeavingCallerIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	tx, err := b.db.Admin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), `LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	ctx, left := context.WithCancel(t.Context())
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, "POST", syncPath, strings.NewReader(`{"scope":"initial"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+b.admin("t1"))
	served := make(chan struct{})
	go func() {
		defer close(served)
		b.handler.ServeHTTP(w, r)
	}()
	require.Eventually(t, func() bool {
		var waits bool
		return tx.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'gateway.audit_events'::regclass)`).Scan(&waits) == nil && waits
	}, time.Minute, 5*time.Millisecond)
	left()
	require.NoError(t, tx.Rollback(t.Context()))
	<-served
	require.Equal(t, 499, w.Code, w.Body.String())
	require.Contains(t, w.Body.String(), `"cancelled"`)
}
