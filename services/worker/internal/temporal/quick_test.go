package temporal

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// asked counts the activities of a workflow's newest execution, by name.
func (b *bundle) asked(workflowID string) map[string]int {
	asked := map[string]int{}
	for _, event := range events(b.t, b, workflowID, "") {
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			asked[event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()]++
		}
	}
	return asked
}

// TestQuickTenantsAreDoneTogether has a fleet of which nearly all is unchanged, and one managed tenant
// for each way in which a round can fail. Each has the result that it would have had by itself.
func TestQuickTenantsAreDoneTogether(t *testing.T) {
	t.Parallel()
	upstream := errs.New(errs.Unavailable, "upstream_error", "Microsoft answered 503.", errs.WithMetadata("class", "retry"))
	b := setup(t, peertest.Quick(peertest.Groups(60, 2)), func(ctx context.Context, try int, send func(string)) (*syncenginev1.TenantOutcome, error) {
		switch id := peertest.ManagedTenant(ctx); {
		case id == "c3-0":
			return nil, consentMissing()
		case id == "c7-0": // to the last try
			return nil, upstream
		case id == "c9-0" && try < 5:
			return nil, upstream
		case id == "c11-1" && try < 4:
			return nil, errs.New(errs.Exhausted, "throttled", "Slow down.", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(time.Millisecond))
		case id == "c13-0" && try == 1:
			return nil, errs.New(errs.Conflict, "round_in_progress", "Busy.", errs.WithRetryAfter(time.Millisecond))
		case id == "c15-0" && try == 1:
			send("staging")
			<-ctx.Done() // not quick after all
			return nil, ctx.Err()
		case id == "c17-0" && try < 4:
			return nil, errs.New(errs.Unavailable, "database_unavailable", "The database is away.")
		case id == "c19-0":
			return &syncenginev1.TenantOutcome{State: "held"}, nil
		}
		return peertest.Done(), nil
	}, workflow.Limits{})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	out := b.synced(started)
	require.Equal(t, "held", out.State)
	require.Equal(t, 120, out.Total)
	require.Equal(t, 120, out.Done)
	require.Equal(t, 2, out.Failed)
	results := b.engine.Run(started.RunID).Results
	require.Len(t, results, 120)
	for id, result := range results {
		want := peertest.Result{State: "completed"}
		switch id {
		case "c3-0":
			want = peertest.Result{State: "failed", Code: "consent_missing"}
		case "c7-0":
			want = peertest.Result{State: "failed", Code: "upstream_error"}
		case "c19-0":
			want = peertest.Result{State: "held"}
		}
		require.Equal(t, want, result, id)
	}
	seen := b.engine.Seen()
	require.False(t, seen.Overlap, "a client's directories are synced one after the other")
	for id, want := range map[string]int{"c3-0": 1, "c7-0": 5, "c9-0": 5, "c11-1": 4, "c13-0": 2, "c15-0": 2, "c17-0": 4, "c19-0": 1, "c20-0": 1, "c17-1": 1} {
		require.Equal(t, want, seen.Tries[id], id)
	}
	asked := b.asked(started.WorkflowID)
	require.Equal(t, 8, asked[workflow.SyncQuickTenants], "60 clients, shared out among 8")
	// c7, c9, c13 and c15 whole, the second of c11, and c17 with all behind it: our own parts were down.
	require.Equal(t, 2+2+1+2+2+14, asked[workflow.SyncTenantUsers], "%v", asked)
}

// TestAFewQuickTenantsAreNotDoneOneAfterTheOther has no more quick clients than may be synced at once.
func TestAFewQuickTenantsAreNotDoneOneAfterTheOther(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	under, release := 0, make(chan struct{})
	b := setup(t, peertest.Quick(peertest.Groups(8, 1)), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		mu.Lock()
		if under++; under == 8 {
			close(release)
		}
		mu.Unlock()
		return until(ctx, release)
	}, workflow.Limits{})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, "completed", b.synced(started).State)
	require.Zero(t, b.asked(started.WorkflowID)[workflow.SyncQuickTenants])
}

// TestAnotherWorkerGoesOnWithinABatch stops the worker in the middle of a batch.
func TestAnotherWorkerGoesOnWithinABatch(t *testing.T) {
	t.Parallel()
	begun, stopped := make(chan struct{}, 100), make(chan struct{})
	b := setup(t, peertest.Quick(peertest.Groups(10, 1)), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if peertest.ManagedTenant(ctx) == "c5-0" {
			select {
			case <-stopped:
			default:
				begun <- struct{}{}
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}
		return peertest.Done(), nil
	}, workflow.Limits{Window: 1, Batch: 10})
	stop := b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	received(b, begun)
	close(stopped)
	stop()
	b.work()
	out := b.synced(started)
	require.Equal(t, "completed", out.State)
	require.Equal(t, 10, out.Done)
	for c := range 10 {
		want := 1 // what has a result is not done again
		if c == 5 {
			want = 2
		}
		require.Equal(t, want, b.engine.Seen().Tries[fmt.Sprintf("c%d-0", c)], c)
	}
	require.Equal(t, 1, b.asked(started.WorkflowID)[workflow.SyncQuickTenants])
}

// TestCancellingABatch cancels a run in the middle of one.
func TestCancellingABatch(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 100)
	b := setup(t, peertest.Quick(peertest.Groups(20, 1)), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}, workflow.Limits{Window: 2})
	b.beatAtMost = often
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	for range 2 {
		received(b, begun)
	}
	require.NoError(t, b.workflows.Cancel(b.ctx, started.WorkflowID, time.Now()))
	require.Equal(t, "cancelled", b.synced(started).State)
	require.Equal(t, "cancelled", b.engine.Run(started.RunID).State)
	require.Len(t, b.engine.Seen().Order, 2, "nothing more was begun")
}
