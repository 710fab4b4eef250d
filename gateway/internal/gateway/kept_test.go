package gateway_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/gateway"
	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// kept is how many answers the gateway keeps for a tenant, and their bytes.
func (b *bundle) kept(id string) (n, bytes int) {
	b.t.Helper()
	require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(),
		`SELECT count(*), COALESCE(sum(octet_length(answer)), 0) FROM idempotency_keys WHERE tenant_id = $1`, id).Scan(&n, &bytes))
	return n, bytes
}

func TestOfALongAnswerTheOutcomeIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	var fail error
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		return &orchestrationv1.StartSyncResponse{RunId: "run", WorkflowId: strings.Repeat("w", 70_000)}, fail
	})
	post := func(path, key string) answer {
		return b.as(b.admin("t1"), "POST", path, `{"scope":"initial"}`, "Idempotency-Key", key)
	}
	require.Equal(t, 202, post(syncPath, "k1").status)
	again := post(syncPath, "k1")
	require.Equal(t, 409, again.status, again.body)
	require.Equal(t, "already_done", again.problem(t).Code)
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, "already_done", reason(t, post(startSync, "k1").body))
	require.Len(t, b.backends.of(startSync), 1, "it is not done twice")

	var violations []errs.Violation
	for i := range 2000 {
		violations = append(violations, errs.Violation{Field: "field" + strconv.Itoa(i), Message: strings.Repeat("m", 50)})
	}
	fail = errs.New(errs.Conflict, "mapping_conflict", "The decisions contradict.", errs.WithViolations(violations...))
	first, replayed := post(syncPath, "k2"), post(syncPath, "k2")
	require.Equal(t, "mapping_conflict", first.problem(t).Code)
	require.Equal(t, "mapping_conflict", replayed.problem(t).Code)
	require.Equal(t, "The decisions contradict.", replayed.problem(t).Detail)
	require.Equal(t, "true", replayed.header.Get("Idempotency-Replayed"))
	require.Len(t, b.backends.of(startSync), 2)
	_, bytes := b.kept("t1")
	require.Less(t, bytes, 16<<10)
}

func TestDryRunsAreNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	dry := true
	b.backends.on(importCall, func(context.Context, proto.Message) (proto.Message, error) {
		return &mappingv1.ImportMappingsResponse{DryRun: dry}, nil
	})
	post := func() {
		res := b.as(b.admin("t1"), "POST", importPath, `{"csv":"x"}`, "Idempotency-Key", "k1")
		require.Equal(t, 200, res.status, res.body)
		require.Empty(t, res.header.Get("Idempotency-Replayed"))
	}
	post()
	post()
	n, _ := b.kept("t1")
	require.Zero(t, n)
	dry = false
	post()
	n, _ = b.kept("t1")
	require.Equal(t, 1, n)
}

func TestTheOldestAnswersOfATenantGoWhenThereAreTooMany(t *testing.T) {
	t.Parallel()
	const budget = 64 << 10
	b := setup(t, func(p *gateway.Parts) { p.KeptBytes = budget })
	b.allOn("t1")
	b.allOn("t2")
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		return &orchestrationv1.StartSyncResponse{RunId: "run", WorkflowId: strings.Repeat("w", 4000)}, nil
	})
	post := func(id string, i int) answer {
		b.clock.Advance(time.Millisecond)
		return b.as(b.admin(id), "POST", syncPath, `{"scope":"initial"}`, "Idempotency-Key", strconv.Itoa(i))
	}
	require.Equal(t, 202, post("t2", 0).status)
	for i := range 40 {
		require.Equal(t, 202, post("t1", i).status)
		n, bytes := b.kept("t1")
		require.LessOrEqual(t, bytes+256*n, budget+budget/64+4500)
	}
	require.Equal(t, "true", post("t1", 39).header.Get("Idempotency-Replayed"))
	require.Equal(t, "true", post("t1", 30).header.Get("Idempotency-Replayed"))
	require.Empty(t, post("t1", 0).header.Get("Idempotency-Replayed"), "the oldest")
	require.Equal(t, "true", post("t2", 0).header.Get("Idempotency-Replayed"), "another tenant's stay")
}
