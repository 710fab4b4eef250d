package gateway_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/gateway"
	"github.com/entrasync/entrasync/pkg/errs"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// outcomes are those of a tenant's trail, newest first.
func (b *bundle) outcomes(id string) (out []string) {
	b.t.Helper()
	events, _ := b.as(b.reader(id), "GET", "/api/audit", "").json(b.t)["events"].([]any)
	for _, e := range events {
		out = append(out, e.(map[string]any)["outcome"].(string))
	}
	return out
}

// sql does something to the gateway's database that the gateway does not know of.
func (b *bundle) sql(statement string) {
	b.t.Helper()
	_, err := b.db.Admin.Exec(b.t.Context(), statement)
	require.NoError(b.t, err)
}

func TestNoChangeWithoutItsIntentInTheTrail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.forget()
	b.sql(`REVOKE INSERT ON audit_events FROM entrasync_gateway`)
	for _, path := range []string{syncPath, startSync} {
		res := b.as(b.admin("t1"), "POST", path, `{"scope":"initial"}`, "Idempotency-Key", "k1")
		require.Equal(t, http.StatusServiceUnavailable, res.status, res.body)
		require.Contains(t, res.body, "so it was not made")
		require.Equal(t, "5", res.header.Get("Retry-After"))
	}
	require.Zero(t, b.backends.count())
	require.Equal(t, 200, b.as(b.reader("t1"), "GET", "/api/clients", "").status, "reads go on")
	b.sql(`GRANT INSERT ON audit_events TO entrasync_gateway`)
	require.Equal(t, 202, b.as(b.admin("t1"), "POST", syncPath, `{"scope":"initial"}`, "Idempotency-Key", "k1").status, "the key was not used up")
	require.Equal(t, "ok", b.outcomes("t1")[0])
}

func TestWhatBeganStandsInTheTrailWhateverBecomesOfTheProcess(t *testing.T) {
	t.Parallel()
	var parts gateway.Parts
	b := setup(t, func(p *gateway.Parts) { parts = *p })
	b.allOn("t1")
	entered, leave := make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(leave) })
	defer goOn()
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		close(entered)
		<-leave
		return &orchestrationv1.StartSyncResponse{RunId: "run"}, nil
	})
	done := make(chan answer, 1)
	go func() { done <- b.as(b.admin("t1"), "POST", syncPath, `{"scope":"initial"}`) }()
	<-entered
	require.Equal(t, []string{"pending"}, b.outcomes("t1"))
	b.clock.Advance(61 * time.Second)
	// Another process knows no more of the first than what that wrote.
	var err error
	other := &bundle{t: t, clock: b.clock, issuer: b.issuer}
	other.handler, err = gateway.New(t.Context(), parts)
	require.NoError(t, err)
	seen := other.from("192.0.2.1:1", "GET", "/api/audit", "Authorization", "Bearer "+b.reader("t1")).Body.String()
	require.Contains(t, compact(t, seen), `"outcome":"unknown"`)
	goOn()
	require.Equal(t, 202, (<-done).status)
	require.Equal(t, []string{"ok"}, b.outcomes("t1"), "the process was slow, and not dead")
}

func TestAnOutcomeThatCannotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		b.sql(`REVOKE INSERT, UPDATE ON audit_events FROM entrasync_gateway;
			REVOKE UPDATE (outcome, attempts, remote_addr) ON audit_events FROM entrasync_gateway`)
		return nil, errs.New(errs.Precondition, "no_confirmed_mapping", "Confirm first.")
	})
	res := b.as(b.admin("t1"), "POST", syncPath, `{"scope":"initial"}`)
	require.Equal(t, "no_confirmed_mapping", res.problem(t).Code, "the answer is the method's")
	require.Equal(t, "permission_denied", b.as(b.reader("t1"), "POST", syncPath, `{"scope":"initial"}`).problem(t).Code)
	require.Equal(t, []string{"pending"}, b.outcomes("t1"))
	b.settle()
	b.clock.Advance(61 * time.Second)
	require.Equal(t, []string{"unknown"}, b.outcomes("t1"))
	b.sql(`GRANT INSERT ON audit_events TO entrasync_gateway;
		GRANT UPDATE (outcome, attempts, remote_addr) ON audit_events TO entrasync_gateway`)
	b.settle()
	require.Equal(t, []string{"permission_denied", "no_confirmed_mapping"}, b.outcomes("t1"))
}
