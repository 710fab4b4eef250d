package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/errs"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// TestAKeyIsCheckedOnEveryPost: also where no answer is kept.
func TestAKeyIsCheckedOnEveryPost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	const explain, body = "/api/integrations/entra/explain", `{"query":"amelia"}`
	for _, form := range [][]string{
		{strings.Repeat("k", 256)}, {"a\tb"}, {"\u00e4"}, {"a", "b"}, {"a", "a"},
	} {
		var headers []string
		for _, key := range form {
			headers = append(headers, "Idempotency-Key", key)
		}
		for path, body := range map[string]string{explain: body, syncPath: `{"scope":"initial"}`} {
			got := b.as(b.admin("t1"), "POST", path, body, headers...)
			require.Equal(t, 400, got.status, got.body)
			require.Equal(t, "Idempotency-Key", got.problem(t).Violations[0].Field)
		}
	}
	require.Empty(t, b.backends.of(startSync))
	require.Empty(t, b.backends.of("/entrasync.syncengine.v1.ExplainService/Explain"))
}

// TestACredentialIsGivenOnce: nobody can tell which of two a proxy before the gateway looked at.
func TestACredentialIsGivenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	token := "Bearer " + b.admin("t1")
	require.Equal(t, 200, b.do("GET", "/api/feature-flags", "", "Authorization", token).status)
	for _, second := range []string{token, "Bearer x", ""} {
		got := b.do("GET", "/api/feature-flags", "", "Authorization", token, "Authorization", second)
		require.Equal(t, 401, got.status, got.body)
		require.Equal(t, "unauthenticated", got.problem(t).Code)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.allOn("t2")
	runs := 0
	var fail error
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		runs++
		if fail != nil {
			return nil, fail
		}
		return &orchestrationv1.StartSyncResponse{RunId: "run", WorkflowId: strings.Repeat("w", runs)}, nil
	})
	post := func(token, key, body string) answer {
		return b.as(token, "POST", syncPath, body, "Idempotency-Key", key)
	}
	first := post(b.admin("t1"), "k1", `{"scope":"initial"}`)
	require.Equal(t, 202, first.status, first.body)
	again := post(b.admin("t1"), "k1", `{ "scope" : "initial" }`)
	require.Equal(t, 202, again.status)
	require.Equal(t, compact(t, first.body), compact(t, again.body))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, 1, runs)
	over := b.as(b.admin("t1"), "POST", startSync, `{"scope":"initial"}`, "Idempotency-Key", "k1")
	require.Equal(t, compact(t, first.body), compact(t, over.body), "the same answer over Connect")
	require.Equal(t, 1, runs)

	other := post(b.admin("t1"), "k1", `{"scope":"all-tenants"}`)
	require.Equal(t, 409, other.status)
	require.Equal(t, "idempotency_key_reused", other.problem(t).Code)

	post(b.admin("t2"), "k1", `{"scope":"initial"}`)
	require.Equal(t, 2, runs, "another tenant's key is another key")
	someone := b.issuer.token(t, b.clock.Now(), claims{"tenant_id": "t1", "sub": "someone", "permissions": access.Update})
	post(someone, "k1", `{"scope":"initial"}`)
	require.Equal(t, 3, runs, "another user's key is another key")

	// A failure on our side leaves the key free; a refusal is kept.
	fail = errs.New(errs.Unavailable, "orchestrator_unavailable", "Later.")
	require.Equal(t, 503, post(b.admin("t1"), "k2", `{"scope":"initial"}`).status)
	fail = errs.New(errs.Precondition, "no_confirmed_mapping", "Confirm first.")
	require.Equal(t, 409, post(b.admin("t1"), "k2", `{"scope":"initial"}`).status)
	fail = nil
	kept := post(b.admin("t1"), "k2", `{"scope":"initial"}`)
	require.Equal(t, "no_confirmed_mapping", kept.problem(t).Code)
	require.Equal(t, "Confirm first.", kept.problem(t).Detail)
	require.Equal(t, 5, runs)

	b.clock.Advance(24*time.Hour + time.Second)
	require.Equal(t, 202, post(b.admin("t1"), "k2", `{"scope":"initial"}`).status, "forgotten after a day")
	require.Equal(t, 400, post(b.admin("t1"), strings.Repeat("k", 256), `{"scope":"initial"}`).status)

	var stored [][]byte
	rows, err := b.db.Admin.Query(t.Context(), `SELECT answer FROM idempotency_keys WHERE answer IS NOT NULL`)
	require.NoError(t, err)
	for rows.Next() {
		var raw []byte
		require.NoError(t, rows.Scan(&raw))
		stored = append(stored, raw)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, stored)
	require.NotContains(t, string(bytes.Join(stored, nil)), "run", "stored encrypted")
}

// TestARefusalThatPassesLeavesTheKeyFree: whoever is told to ask again sends the same
// request with the same key.
func TestARefusalThatPassesLeavesTheKeyFree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	var fail error
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		return &orchestrationv1.StartSyncResponse{RunId: "run"}, fail
	})
	for key, path := range map[string]string{"k1": syncPath, "k2": startSync} {
		post := func() answer { return b.as(b.admin("t1"), "POST", path, `{"scope":"initial"}`, "Idempotency-Key", key) }
		fail = errs.New(errs.Conflict, "effects_pending", "Try again in a moment.", errs.WithRetryAfter(2*time.Second))
		refused := post()
		require.Equal(t, 409, refused.status, refused.body)
		require.Equal(t, "2", refused.header.Get("Retry-After"))
		fail = nil
		done := post()
		require.Less(t, done.status, 300, done.body)
		require.Empty(t, done.header.Get("Idempotency-Replayed"))
		require.Equal(t, "true", post().header.Get("Idempotency-Replayed"))
	}
}

func TestARequestThatStillRunsKeepsItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		entered <- struct{}{}
		<-leave
		return &orchestrationv1.StartSyncResponse{RunId: "run"}, nil
	})
	token := b.admin("t1")
	post := func() answer { return b.as(token, "POST", syncPath, `{"scope":"initial"}`, "Idempotency-Key", "k") }
	done := make(chan answer, 2)
	go func() { done <- post() }()
	<-entered
	running := post()
	require.Equal(t, 409, running.status)
	require.Equal(t, "idempotency_in_progress", running.problem(t).Code)
	require.Equal(t, "60", running.header.Get("Retry-After"))
	b.clock.Advance(2 * time.Minute) // a replica's clock is ahead: leases go by the database's
	require.Equal(t, 409, post().status)
	_, err := b.db.Admin.Exec(t.Context(), `UPDATE idempotency_keys SET leased_until = now()`) // the first is taken for dead
	require.NoError(t, err)
	go func() { done <- post() }()
	<-entered
	close(leave)
	require.Equal(t, 202, (<-done).status)
	require.Equal(t, 202, (<-done).status)
	require.Equal(t, 202, post().status)
	require.Len(t, b.backends.of(startSync), 2)
}

func TestAnAnswerIsKeptForWhoLostTheConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	b.backends.on(startSync, func(ctx context.Context, _ proto.Message) (proto.Message, error) {
		entered <- struct{}{}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-leave:
			return &orchestrationv1.StartSyncResponse{RunId: "run"}, nil
		}
	})
	token := b.admin("t1")
	for i, path := range []string{syncPath, startSync} {
		key := strings.Repeat("k", i+1)
		ctx, hangUp := context.WithCancel(t.Context())
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(`{"scope":"initial"}`))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Idempotency-Key", key)
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.handler.ServeHTTP(httptest.NewRecorder(), request)
		}()
		<-entered
		hangUp()
		again := b.as(token, "POST", path, `{"scope":"initial"}`, "Idempotency-Key", key)
		require.Equal(t, 409, again.status, "the method still runs")
		leave <- struct{}{}
		<-done
		require.Eventually(t, func() bool {
			again = b.as(token, "POST", path, `{"scope":"initial"}`, "Idempotency-Key", key)
			return again.status != 409
		}, time.Minute, 10*time.Millisecond)
		require.Less(t, again.status, 300, again.body)
		require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
		require.Len(t, b.backends.of(startSync), i+1)
	}
}
