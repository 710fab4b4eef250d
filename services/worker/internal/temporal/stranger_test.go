package temporal

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// untouched makes a run that no workflow executes yet, and a discovery that fails the test.
func (b *bundle) untouched() orchestration.Run {
	b.t.Helper()
	b.discovery.Find = func(context.Context) (*discoveryv1.DiscoveryResult, error) {
		b.t.Error("a stranger's discovery")
		return nil, errors.New("a stranger's discovery")
	}
	run, err := b.runs.Create(b.ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.NoError(b.t, err)
	return run
}

// refused waits for the end of a stranger's workflow.
func (b *bundle) refused(run client.WorkflowRun, what string) {
	b.t.Helper()
	failure := new(sdktemporal.ApplicationError)
	require.ErrorAs(b.t, run.Get(b.ctx, nil), &failure, what)
	require.Equal(b.t, reason.RunTicketInvalid, failure.Type(), what)
}

// TestAStrangerAtTemporalChangesNothing has somebody who reaches Temporal start every workflow for
// a tenant's run, with no ticket and with those of another run and of another tenant.
func TestAStrangerAtTemporalChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(2, 1), nil, workflow.Limits{})
	own := b.untouched()
	b.work()
	for _, ticket := range []string{"", peertest.TicketOf(b.tenant, uuid.NewString()), peertest.TicketOf("another", own.ID)} {
		ref := workflow.RunRef{TenantID: b.tenant, RunID: own.ID, Ticket: ticket}
		inputs := map[string]any{
			workflow.Discovery: workflow.DiscoveryInput{RunRef: ref}, workflow.InitialSync: workflow.SyncInput{RunRef: ref},
			workflow.AllTenantsSync: workflow.SyncInput{RunRef: ref}, workflow.ClientSync: workflow.SyncInput{RunRef: ref},
			workflow.ScheduledSync:      workflow.ScheduledInput{TenantID: b.tenant, Ticket: ticket},
			workflow.ScheduledDiscovery: workflow.ScheduledInput{TenantID: b.tenant, Ticket: ticket},
		}
		for name := range Workflow() {
			require.Contains(t, inputs, name)
			run, err := b.client.ExecuteWorkflow(b.ctx, client.StartWorkflowOptions{ID: "stranger-" + uuid.NewString(), TaskQueue: b.queue}, name, inputs[name])
			require.NoError(t, err)
			b.refused(run, name)
		}
	}
	require.Equal(t, "queued", b.engine.Run(own.ID).State)
	require.Empty(t, b.engine.Seen().Order)
	open, err := b.runs.Open(b.ctx, time.Now(), "", 100)
	require.NoError(t, err)
	require.Len(t, open, 1, "no scheduled run was made")
}

// A stranger's workflow, on a worker of the stranger's own, may ask for the activities themselves.
func TestAStrangersActivitiesChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	own := b.untouched()
	b.work()
	ref := workflow.RunRef{TenantID: b.tenant, RunID: own.ID}
	inputs := map[string]any{
		workflow.UpsertRun: ref, workflow.DiscoverTenants: ref,
		workflow.LoadMappedTenants:  workflow.LoadMappedTenantsInput{RunRef: ref, PageSize: 10},
		workflow.SyncTenantUsers:    workflow.SyncTenantUsersInput{RunRef: ref, ManagedTenantID: "c0-0"},
		workflow.FinaliseRun:        workflow.FinaliseRunInput{RunRef: ref, State: "cancelled"},
		workflow.RecordTenantResult: workflow.RecordTenantResultInput{RunRef: ref, ManagedTenantID: "c0-0", State: "failed", Code: "x"},
		workflow.StartScheduledSync: workflow.ScheduledInput{TenantID: b.tenant},

		workflow.StartScheduledDiscovery: workflow.ScheduledInput{TenantID: b.tenant},
		workflow.SyncQuickTenants: workflow.SyncQuickTenantsInput{
			RunRef: ref, Groups: []workflow.Group{{ClientID: "c0", ManagedTenantIDs: []string{"c0-0"}}},
		},
	}
	stranger := worker.New(b.client, "stranger-"+b.queue, worker.Options{})
	stranger.RegisterWorkflowWithOptions(func(ctx sdk.Context, name string) error {
		return sdk.ExecuteActivity(sdk.WithActivityOptions(ctx, sdk.ActivityOptions{TaskQueue: b.queue, ScheduleToCloseTimeout: mostWait}), name, inputs[name]).Get(ctx, nil)
	}, sdk.RegisterOptions{Name: "Stranger"})
	require.NoError(t, stranger.Start())
	t.Cleanup(stranger.Stop)
	for name := range inputs {
		run, err := b.client.ExecuteWorkflow(b.ctx, client.StartWorkflowOptions{ID: "stranger-" + uuid.NewString(), TaskQueue: "stranger-" + b.queue}, "Stranger", name)
		require.NoError(t, err)
		b.refused(run, name)
	}
	require.Equal(t, "queued", b.engine.Run(own.ID).State)
	require.Empty(t, b.engine.Run(own.ID).Results)
}
