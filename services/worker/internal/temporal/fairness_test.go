package temporal

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// TestTenantsTakeTurnsInTheQueue has one tenant fill the queue before another comes: the other's
// activities do not wait behind them. It fails on a server whose task queues serve no fairness keys.
func TestTenantsTakeTurnsInTheQueue(t *testing.T) {
	t.Parallel()
	const fleet, early, places = 60, 5, 2
	begun, end := make(chan tenant.ID, 2*fleet), make(chan struct{})
	b := setup(t, peertest.Groups(fleet, 1), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		id, err := tenant.IDFrom(ctx)
		if err != nil {
			return nil, err
		}
		begun <- id
		select {
		case <-end:
		case <-ctx.Done():
		}
		return peertest.Done(), ctx.Err()
	}, workflow.Limits{Window: fleet})
	b.atOnce = places
	b.work()
	large := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	// All of its rounds are in the queue, but for those that take the worker's places.
	b.eventually(func() bool { return b.waiting(large.WorkflowID) == fleet })
	for range places {
		received(b, begun)
	}
	small := tenant.ID("small-" + b.tenant)
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: small, Actor: tenant.Actor{ID: "user-2", Type: "user"}})
	started, err := b.start.Do(ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	seen, before := 0, 0
	for seen < early {
		// The small tenant waits for a place whenever one gets free.
		b.eventually(func() bool { return b.waiting(started.WorkflowID) > 0 })
		select {
		case end <- struct{}{}:
		case <-time.After(mostWait):
			require.FailNow(t, "no round is under way")
		}
		if id := received(b, begun); id == small {
			seen++
		} else {
			before++
		}
		require.LessOrEqual(t, before, fleet/2, "so many of %d rounds began before the small tenant's first %d", fleet, early)
	}
	close(end)
	b.synced(started)
	b.synced(large)
}

// waiting counts activities of a workflow that have not ended.
func (b *bundle) waiting(workflowID string) int {
	described, err := b.client.DescribeWorkflowExecution(b.ctx, workflowID, "")
	require.NoError(b.t, err)
	return len(described.GetPendingActivities())
}

// What a person waits for comes before what a person started, and that before what a schedule did.
func TestWhatAPersonWaitsForComesFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	var keys []int32
	for _, run := range []orchestration.NewRun{
		{Kind: orchestration.ClientSync, ClientID: "c0", Trigger: orchestration.TriggerManual},
		{Kind: orchestration.Discovery, Trigger: orchestration.TriggerManual},
		{Kind: orchestration.InitialSync, Trigger: orchestration.TriggerManual},
		{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerSchedule},
	} {
		started, err := b.start.Do(b.ctx, run)
		require.NoError(t, err)
		history := b.client.GetWorkflowHistory(b.ctx, started.WorkflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		event, err := history.Next()
		require.NoError(t, err)
		priority := event.GetWorkflowExecutionStartedEventAttributes().GetPriority()
		require.Equal(t, b.tenant, priority.GetFairnessKey())
		keys = append(keys, priority.GetPriorityKey())
	}
	require.Equal(t, []int32{2, 2, 3, 4}, keys)
	require.True(t, slices.IsSorted(keys))
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 1440, FirstSyncDone: true})
	b.scheduled()
	described := b.described(orchestration.RecurringSync)
	require.Equal(t, 4, described.Schedule.Action.(*client.ScheduleWorkflowAction).Priority.PriorityKey)
}
