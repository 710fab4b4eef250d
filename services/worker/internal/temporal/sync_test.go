package temporal

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// person is somebody whose data a service's error may mention and a history must not.
const person = "Anna Example anna@example.com"

func consentMissing() error {
	return errs.New(errs.Precondition, "consent_missing", "No consent for "+person, errs.WithMetadata("class", "customer"), errs.WithMetadata("who", person))
}

func TestAFleetRunSyncsAllAndOneFailureStopsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(10, 2), func(ctx context.Context, _ int, send func(string)) (*syncenginev1.TenantOutcome, error) {
		send("staging")
		if peertest.ManagedTenant(ctx) == "c3-0" {
			return nil, consentMissing()
		}
		return peertest.Done(), nil
	}, workflow.Limits{})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.InitialSync})
	require.Equal(t, "entra-initial-sync:"+b.tenant, started.WorkflowID)
	out := b.synced(started)
	require.Equal(t, workflow.SyncOutput{State: "partial", Total: 20, Done: 20, Failed: 1, Counters: workflow.Counters{Created: 40}}, out)

	run := b.engine.Run(started.RunID)
	require.Equal(t, "partial", run.State)
	require.Len(t, run.Results, 20)
	require.Equal(t, peertest.Result{State: "failed", Code: "consent_missing"}, run.Results["c3-0"])
	require.Equal(t, peertest.Result{State: "completed"}, run.Results["c3-1"], "the client's next directory goes on")

	seen := b.engine.Seen()
	require.Equal(t, 1, seen.Tries["c3-0"], "what no retry mends is not retried")
	for _, call := range seen.Calls {
		require.Equal(t, b.tenant, call.Tenant.String())
		require.Equal(t, "system", call.Actor.Type)
		require.Equal(t, started.RunID, call.Run)
	}
}

func TestTheWindowIsFullAndOrderedWithinAClient(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	under, release := 0, make(chan struct{})
	b := setup(t, peertest.Groups(12, 3), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		mu.Lock()
		if under++; under == 8 {
			close(release) // nobody goes on before eight are under way
		}
		mu.Unlock()
		select {
		case <-release:
			return peertest.Done(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, workflow.Limits{PageSize: 5}) // pages cut through clients
	b.work()
	out := b.synced(b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync}))
	require.Equal(t, "completed", out.State)
	require.Equal(t, 36, out.Done)
	seen := b.engine.Seen()
	require.Equal(t, 8, seen.Most)
	require.False(t, seen.Overlap, "a client's directories are synced one after the other")
	for c := range 12 {
		var own []string
		for _, managed := range seen.Order {
			if strings.HasPrefix(managed, peertest.Groups(12, 3)[c].GetClientId()+"-") {
				own = append(own, managed)
			}
		}
		require.True(t, slices.IsSorted(own), "in the order of confirmation: %v", own)
		require.Len(t, own, 3)
	}
}

func TestALongRunContinuesAsNew(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(23, 1), nil, workflow.Limits{PageSize: 4, TenantsPerExecution: 8})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	out := b.synced(started)
	require.Equal(t, workflow.SyncOutput{State: "completed", Total: 23, Done: 23, Counters: workflow.Counters{Created: 46}}, out)
	for managed, tries := range b.engine.Seen().Tries {
		require.Equal(t, 1, tries, managed)
	}
	execution, err := b.workflows.Describe(b.ctx, started.WorkflowID)
	require.NoError(t, err)
	require.Equal(t, started.RunID, execution.RunID, "the memo goes along")
	first := events(t, b, started.WorkflowID, "")[0].GetWorkflowExecutionStartedEventAttributes()
	require.NotEmpty(t, first.GetContinuedExecutionRunId())
}

// TestNoExecutionGetsALongHistory: of a run over 20,000 managed tenants every execution stays below
// 10,000 events, since a managed tenant adds fewer than ten and an execution takes 1,000 of them.
func TestNoExecutionGetsALongHistory(t *testing.T) {
	t.Parallel()
	const tenants, share, perTenant = 130, 50, 10
	b := setup(t, peertest.Groups(tenants, 1), nil, workflow.Limits{TenantsPerExecution: share, PageSize: share / 2})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, tenants, b.synced(started).Done)
	executions := 0
	for id := ""; executions == 0 || id != ""; executions++ {
		all := events(t, b, started.WorkflowID, id)
		require.Less(t, len(all), share*perTenant)
		id = all[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
	require.Equal(t, 3, executions)
}

func TestUpstreamErrorsAreTriedFiveTimes(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(2, 1), func(ctx context.Context, try int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		switch {
		case peertest.ManagedTenant(ctx) == "c0-0":
			return nil, errs.New(errs.Unavailable, "upstream_error", "Microsoft answered 503.", errs.WithMetadata("class", "retry"))
		case try <= 3: // waiting and outages of our own do not count
			return nil, errs.New(errs.Conflict, "round_in_progress", "Busy.", errs.WithRetryAfter(time.Millisecond))
		case try <= 6:
			return nil, errs.New(errs.Exhausted, "throttled", "Slow down.", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(time.Millisecond))
		case try <= 12:
			return nil, errs.New(errs.Unavailable, "database_unavailable", "The database is away.")
		case try <= 16:
			return nil, errs.New(errs.Unavailable, "upstream_error", "Microsoft answered 503.", errs.WithMetadata("class", "retry"))
		}
		return peertest.Done(), nil
	}, workflow.Limits{})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, "partial", b.synced(started).State)
	seen := b.engine.Seen()
	require.Equal(t, 5, seen.Tries["c0-0"])
	require.Equal(t, 17, seen.Tries["c1-0"])
	require.Equal(t, "upstream_error", b.engine.Run(started.RunID).Results["c0-0"].Code)
}

func TestAnotherWorkerGoesOnWhereOneStopped(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 100)
	var mu sync.Mutex
	stopped := false
	b := setup(t, peertest.Groups(4, 2), func(ctx context.Context, try int, send func(string)) (*syncenginev1.TenantOutcome, error) {
		send("staging")
		mu.Lock()
		free := stopped || peertest.ManagedTenant(ctx) == "c0-0"
		mu.Unlock()
		if free {
			return peertest.Done(), nil
		}
		begun <- struct{}{}
		<-ctx.Done() // the worker that asked goes away
		return nil, ctx.Err()
	}, workflow.Limits{})
	stop := b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	for range 4 {
		<-begun
	}
	mu.Lock()
	stopped = true
	mu.Unlock()
	stop()
	require.Equal(t, "running", b.engine.Run(started.RunID).State)
	b.work()
	out := b.synced(started)
	require.Equal(t, "completed", out.State)
	require.Equal(t, 8, out.Done)
	require.Zero(t, out.Failed)
	require.Equal(t, 1, b.engine.Seen().Tries["c0-0"], "what has a result is not done again")
}

func TestCancellingClosesTheRun(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 100)
	b := setup(t, peertest.Groups(12, 1), endless(begun), workflow.Limits{})
	b.beatAtMost = often
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	for range 8 {
		<-begun
	}
	require.NoError(t, b.workflows.Cancel(b.ctx, started.WorkflowID, time.Now()))
	require.Equal(t, "cancelled", b.synced(started).State)
	run := b.engine.Run(started.RunID)
	require.Equal(t, "cancelled", run.State)
	require.Len(t, run.Results, 8, "what was under way is recorded as cancelled; the rest was never begun")
	for _, result := range run.Results {
		require.Equal(t, "cancelled", result.State)
	}
}

func TestARunThatWasClosedBeforeItBeganEndsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	started := b.started(orchestration.NewRun{Kind: orchestration.ClientSync, ClientID: "c0"})
	require.Equal(t, "entra-client-sync:"+b.tenant+":c0", started.WorkflowID)
	_, err := b.runs.Cancel(b.ctx, time.Now())
	require.NoError(t, err)
	b.work()
	require.Equal(t, "cancelled", b.synced(started).State)
	require.Empty(t, b.engine.Seen().Order)
}

func TestHistoriesNameNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(2, 1), func(ctx context.Context, try int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if peertest.ManagedTenant(ctx) == "c0-0" {
			return nil, consentMissing()
		}
		if try == 1 {
			return nil, errs.New(errs.Internal, "", person)
		}
		return peertest.Done(), nil
	}, workflow.Limits{})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.InitialSync})
	require.Equal(t, "partial", b.synced(started).State)
	raw, err := proto.Marshal(&historypb.History{Events: events(t, b, started.WorkflowID, "")})
	require.NoError(t, err)
	history := string(raw) // payloads as they are, not in base64
	require.Contains(t, history, started.RunID)
	require.Contains(t, history, "consent_missing")
	for _, part := range strings.Fields(person) {
		require.NotContains(t, history, part)
	}
	require.NotContains(t, history, "user-1", "not even who started it")
}

// events are those of a workflow's newest execution, or of the given one.
func events(t *testing.T, b *bundle, workflowID, executionID string) []*historypb.HistoryEvent {
	t.Helper()
	var all []*historypb.HistoryEvent
	iterator := b.client.GetWorkflowHistory(b.ctx, workflowID, executionID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		require.NoError(t, err)
		all = append(all, event)
	}
	return all
}
