package temporal

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

func TestEffectsOfAMapping(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	perform := b.performer(b.workflows)
	revised := b.effect("mapping_revised")
	revised.Arguments = map[string]string{"managed_tenant_id": "m-1", "entra_tenant_id": "d-1", "client_id": "c-1", "revision": "4"}
	for range 2 { // handed out at least once
		outcome, err := perform.Do(b.ctx, revised)
		require.NoError(t, err)
		require.Equal(t, orchestration.Outcome{State: "done", Result: map[string]string{"orphaned_links": "7"}}, outcome)
	}
	unmapped := b.effect("mapping_revised")
	unmapped.Arguments = map[string]string{"managed_tenant_id": "m-1", "entra_tenant_id": "d-1", "client_id": "", "revision": "5"}
	_, err := perform.Do(b.ctx, unmapped)
	require.NoError(t, err)
	calls, _ := b.engine.Links()
	require.Len(t, calls, 3)
	want := &syncenginev1.ReviseMappingRequest{ManagedTenantId: "m-1", EntraTenantId: "d-1", ClientId: "c-1", Revision: 4}
	require.True(t, proto.Equal(want, calls[0]), "%v", calls[0])
	require.True(t, proto.Equal(&syncenginev1.ReviseMappingRequest{ManagedTenantId: "m-1", EntraTenantId: "d-1", Revision: 5}, calls[2]), "%v", calls[2])

	decided := b.effect("orphans_decided")
	decided.Arguments = map[string]string{
		"decision_id": uuid.NewString(), "managed_tenant_id": "m-1", "entra_tenant_id": "d-1", "client_id": "c-1", "revision": "4",
		"decision": "relink", "decided_by": "user-1",
	}
	outcome, err := perform.Do(b.ctx, decided)
	require.NoError(t, err)
	require.Equal(t, orchestration.Outcome{State: "done", Result: map[string]string{
		"relinking": "5", "left": "1", "orphaned_links": "4", "run_id": decided.ID,
	}}, outcome)
	require.True(t, b.executes("entra-client-sync:"+b.tenant+":c-1"), "a sync of the client finds the contacts")
	_, decisions := b.engine.Links()
	require.True(t, proto.Equal(&syncenginev1.DecideOrphansRequest{
		DecisionId: decided.Arguments["decision_id"], ManagedTenantId: "m-1", EntraTenantId: "d-1", ClientId: "c-1", Revision: 4,
		Decision: "relink", DecidedBy: "user-1",
	}, decisions[0]), "%v", decisions[0])
	for _, call := range b.engine.Seen().Calls {
		require.Equal(t, tenant.ID(b.tenant), call.Tenant)
		require.Equal(t, "user-1", call.Actor.ID)
	}
}

// executes tells whether a workflow of this id is under way.
func (b *bundle) executes(workflowID string) bool {
	b.t.Helper()
	execution, err := b.workflows.Describe(b.ctx, workflowID)
	require.NoError(b.t, err)
	return execution.Running()
}

// TestADecisionAboutLinksStandsWhateverBecomesOfItsSync has Temporal away, a sync of the client
// under way, and nothing to relink.
func TestADecisionAboutLinksStandsWhateverBecomesOfItsSync(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	decide := func(workflows *Workflows, decision string) map[string]string {
		effect := b.effect("orphans_decided")
		effect.Arguments = map[string]string{
			"decision_id": effect.ID, "managed_tenant_id": "m-1", "entra_tenant_id": "d-1", "client_id": "c-1", "revision": "4",
			"decision": decision, "decided_by": "user-1",
		}
		outcome, err := b.performer(workflows).Do(b.ctx, effect)
		require.NoError(t, err)
		require.Equal(t, "done", outcome.State)
		require.Equal(t, "1", outcome.Result["left"])
		return outcome.Result
	}
	away, err := Dial(Connection{Address: rpctest.FreeAddress(t), Namespace: namespace}, inClear)
	require.NoError(t, err)
	defer away.Close()
	unsynced := decide(NewWorkflows(away, b.queue, workflow.Limits{}, nil, inClear), "relink")
	require.NotContains(t, unsynced, "run_id", "the next sync relinks")
	require.Equal(t, "orchestrator_unavailable", unsynced["error"])
	left := decide(b.workflows, "leave")
	require.NotContains(t, left, "run_id")
	require.NotContains(t, left, "error")

	under, err := b.start.Do(b.ctx, orchestration.NewRun{Kind: orchestration.ClientSync, ClientID: "c-1", Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	require.Equal(t, under.RunID, decide(b.workflows, "relink")["run_id"], "it is joined")
}

func TestEffectsOfAMappingThatCannotBeDone(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	perform := b.performer(b.workflows)
	effect := func(kind string) orchestration.Effect {
		effect := b.effect(kind)
		effect.Arguments = map[string]string{
			"decision_id": uuid.NewString(), "managed_tenant_id": "m-1", "entra_tenant_id": "d-1", "client_id": "c-1", "revision": "4",
			"decision": "leave", "decided_by": "user-1",
		}
		return effect
	}
	for _, c := range []struct {
		refused error
		want    orchestration.Outcome
	}{
		{errs.New(errs.Unavailable, "round_in_progress", "Busy."), orchestration.Outcome{State: "retry", Result: map[string]string{"error": "round_in_progress"}}},
		{errs.New(errs.Unavailable, "database_unavailable", "Away."), orchestration.Outcome{State: "retry", Result: map[string]string{"error": "database_unavailable"}}},
		{errs.New(errs.Unauthenticated, "context_expired", "Expired."), orchestration.Outcome{State: "retry", Result: map[string]string{"error": "context_expired"}}},
		{errs.New(errs.Unimplemented, "unimplemented", "An older engine."), orchestration.Outcome{State: "retry", Result: map[string]string{"error": "unimplemented"}}},
		{errs.New(errs.Denied, "caller_denied", "Denied."), orchestration.Outcome{State: "retry", Result: map[string]string{"error": "caller_denied"}}},
		{errs.New(errs.Conflict, "already_exists", "A race."), orchestration.Outcome{State: "retry", Result: map[string]string{"error": "already_exists"}}},
		{errs.New(errs.Invalid, "invalid", "Invalid."), orchestration.Outcome{State: "failed", Result: map[string]string{"error": "invalid"}}},
		{errs.New(errs.Precondition, "mapping_changed", "Changed."), orchestration.Outcome{State: "failed", Result: map[string]string{"error": "mapping_changed"}}},
		{errs.New(errs.Precondition, "mapping_differs", "Differs."), orchestration.Outcome{State: "failed", Result: map[string]string{"error": "mapping_differs"}}},
	} {
		for _, kind := range []string{"mapping_revised", "orphans_decided"} {
			b.engine.RefuseLinks(c.refused)
			outcome, err := perform.Do(b.ctx, effect(kind))
			require.Error(t, err)
			require.Equal(t, c.want, outcome, kind)
		}
	}
	b.engine.RefuseLinks(nil)
	for _, kind := range []string{"mapping_revised", "orphans_decided"} {
		broken := effect(kind)
		broken.Arguments["revision"] = "new"
		outcome, err := perform.Do(b.ctx, broken)
		require.Error(t, err)
		require.Equal(t, orchestration.Outcome{State: "failed", Result: map[string]string{"error": "malformed_effect"}}, outcome)
	}
	revised, decided := b.engine.Links()
	require.Empty(t, revised)
	require.Empty(t, decided)
}
