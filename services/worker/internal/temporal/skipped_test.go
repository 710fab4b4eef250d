package temporal

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkactivity "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/activity"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peers"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// skipped is a fleet run whose time is skipped: waits take none, and are measured. The activities are
// those that a worker has, at their own pace, on an engine in memory.
type skipped struct {
	t      *testing.T
	env    *testsuite.TestWorkflowEnvironment
	engine *peertest.Engine
	run    orchestration.Run
	began  time.Time

	mu    sync.Mutex
	tries map[string][]time.Duration // when each round was tried, since the run began
}

func skip(t *testing.T, groups []*syncenginev1.ClientTenants, round peertest.Round) *skipped {
	t.Helper()
	s := &skipped{t: t, env: new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment(), tries: map[string][]time.Duration{}}
	s.env.SetTestTimeout(2 * mostWait)
	s.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: mostWait}) // on a busy machine
	s.engine = peertest.NewEngine(groups, func(ctx context.Context, try int, send func(string)) (*syncenginev1.TenantOutcome, error) {
		s.mu.Lock()
		id := peertest.ManagedTenant(ctx)
		s.tries[id] = append(s.tries[id], s.env.Now().Sub(s.began))
		s.mu.Unlock()
		if round == nil {
			return peertest.Done(), nil
		}
		return round(ctx, try, send)
	})
	network := rpctest.New(t)
	engine, tickets := s.engine.Client(t, network), s.engine.Tickets(t, network)
	acts := activity.New(activity.Clients{Engine: engine, Tickets: tickets}, nil, activity.Pace{})
	for name, definition := range Activity(acts) {
		s.env.RegisterActivityWithOptions(definition, sdkactivity.RegisterOptions{Name: name})
	}
	for name, definition := range Workflow() {
		s.env.RegisterWorkflowWithOptions(definition, sdk.RegisterOptions{Name: name})
	}
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: "msp", Actor: tenant.Actor{Type: "system"}})
	var err error
	s.run, err = peers.NewRuns(engine, tickets).Create(ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	s.began = s.env.Now()
	return s
}

// ended executes the run and gives its result and how long it took.
func (s *skipped) ended(limits workflow.Limits) (out workflow.SyncOutput, took time.Duration) {
	s.t.Helper()
	ref := workflow.RunRef{TenantID: "msp", RunID: s.run.ID, Ticket: s.run.Ticket}
	s.env.ExecuteWorkflow(workflow.AllTenantsSync, workflow.SyncInput{RunRef: ref, Limits: limits})
	require.True(s.t, s.env.IsWorkflowCompleted())
	require.NoError(s.t, s.env.GetWorkflowError())
	require.NoError(s.t, s.env.GetWorkflowResult(&out))
	require.Equal(s.t, out.State, s.engine.Run(s.run.ID).State)
	return out, s.env.Now().Sub(s.began)
}

// waits are the times between the tries of a round, in seconds.
func (s *skipped) waits(id string) (waits []int) {
	for i, at := range s.tries[id][1:] {
		waits = append(waits, int((at - s.tries[id][i]).Round(time.Second).Seconds()))
	}
	return waits
}

func TestARunOverNoTenantsIsCompleted(t *testing.T) {
	t.Parallel()
	out, took := skip(t, nil, nil).ended(workflow.Limits{})
	require.Equal(t, workflow.SyncOutput{State: "completed"}, out)
	require.Less(t, took, time.Minute)
}

func TestWhenAllTenantsFailTheRunHasFailed(t *testing.T) {
	t.Parallel()
	s := skip(t, peertest.Groups(12, 2), func(context.Context, int, func(string)) (*syncenginev1.TenantOutcome, error) {
		return nil, errs.New(errs.Precondition, "auth_rejected", "No.", errs.WithMetadata("class", "reconnect"))
	})
	out, took := s.ended(workflow.Limits{})
	require.Equal(t, "failed", out.State)
	require.Equal(t, 24, out.Failed)
	require.Less(t, took, time.Minute, "nothing was waited for")
	for id, tries := range s.tries {
		require.Len(t, tries, 1, "credentials that were rejected are not tried again: %s", id)
		require.Equal(t, peertest.Result{State: "failed", Code: "auth_rejected"}, s.engine.Run(s.run.ID).Results[id])
	}
}

func TestWhatIsThrottledWaitsAsLongAsItIsTold(t *testing.T) {
	t.Parallel()
	for name, groups := range map[string][]*syncenginev1.ClientTenants{"alone": peertest.Groups(3, 1), "in a batch": peertest.Quick(peertest.Groups(30, 1))} {
		s := skip(t, groups, func(ctx context.Context, try int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
			if peertest.ManagedTenant(ctx) == "c1-0" && try <= 7 {
				return nil, errs.New(errs.Exhausted, "throttled", "Slow down.", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(10*time.Minute))
			}
			return peertest.Done(), nil
		})
		out, took := s.ended(workflow.Limits{})
		require.Equal(t, "completed", out.State, name)
		require.Equal(t, []int{600, 600, 600, 600, 600, 600, 600}, s.waits("c1-0"), name)
		require.InDelta(t, 70, took.Minutes(), 1, name)
	}
}

func TestUpstreamErrorsAreWaitedForTwiceAsLongEachTime(t *testing.T) {
	t.Parallel()
	for name, groups := range map[string][]*syncenginev1.ClientTenants{"alone": peertest.Groups(3, 1), "in a batch": peertest.Quick(peertest.Groups(30, 1))} {
		s := skip(t, groups, func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
			if peertest.ManagedTenant(ctx) == "c1-0" {
				return nil, errs.New(errs.Unavailable, "upstream_error", "Microsoft answered 503.", errs.WithMetadata("class", "retry"))
			}
			return peertest.Done(), nil
		})
		out, _ := s.ended(workflow.Limits{})
		require.Equal(t, "partial", out.State, name)
		require.Equal(t, []int{5, 10, 20, 40}, s.waits("c1-0"), name)
	}
}

// Our own parts are away for longer than a run may take: it ends at its deadline.
func TestARunEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	s := skip(t, peertest.Groups(2, 1), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if peertest.ManagedTenant(ctx) == "c1-0" {
			return nil, errs.New(errs.Exhausted, "throttled", "Slow down.", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(5*time.Hour))
		}
		return peertest.Done(), nil
	})
	out, took := s.ended(workflow.Limits{})
	require.Equal(t, "partial", out.State)
	require.Equal(t, 1, out.Failed)
	require.Less(t, took, 25*time.Hour)
}

// Our own parts are away for a while. The test environment gives an activity ten tries, Temporal as many
// as it needs.
func TestAnOutageOfOurOwnPartsIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, groups := range map[string][]*syncenginev1.ClientTenants{"alone": peertest.Groups(3, 1), "in a batch": peertest.Quick(peertest.Groups(30, 1))} {
		s := skip(t, groups, func(ctx context.Context, try int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
			if peertest.ManagedTenant(ctx) == "c1-0" && try <= 8 {
				return nil, errs.New(errs.Unavailable, "database_unavailable", "The database is away.")
			}
			return peertest.Done(), nil
		})
		out, _ := s.ended(workflow.Limits{})
		require.Equal(t, "completed", out.State, name)
		waits := s.waits("c1-0")
		require.Len(t, waits, 8, name)
		require.Equal(t, 30, waits[7], "no longer than that: "+name)
		for id, tries := range s.tries {
			if id != "c1-0" {
				require.Len(t, tries, 1, "what is done is not done again: "+name+" "+id)
			}
		}
	}
}

// Held ends the run, and nothing waits; what a person approves is another run, and a rejection is none.
func TestNothingWaitsForAPerson(t *testing.T) {
	t.Parallel()
	s := skip(t, peertest.Groups(4, 1), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if peertest.ManagedTenant(ctx) == "c2-0" {
			return &syncenginev1.TenantOutcome{State: "held"}, nil
		}
		return peertest.Done(), nil
	})
	out, took := s.ended(workflow.Limits{})
	require.Equal(t, "held", out.State)
	require.Zero(t, out.Failed)
	require.Less(t, took, time.Minute)
}

func TestACancelledRunBeginsNothingMore(t *testing.T) {
	t.Parallel()
	s := skip(t, peertest.Groups(30, 1), func(_ context.Context, try int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if try == 1 {
			return nil, errs.New(errs.Exhausted, "throttled", "Slow down.", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(time.Hour))
		}
		return peertest.Done(), nil
	})
	s.env.RegisterDelayedCallback(s.env.CancelWorkflow, 10*time.Minute)
	out, took := s.ended(workflow.Limits{})
	require.Equal(t, "cancelled", out.State)
	require.Len(t, s.tries, 8)
	require.Less(t, took, time.Hour)
}

// What a run knows of itself goes along when it continues as new: here its share is done, and the next
// execution begins behind it, with the time that it has left.
func TestContinuingAsNewKeepsTheRunsState(t *testing.T) {
	t.Parallel()
	s := skip(t, peertest.Groups(10, 1), func(ctx context.Context, try int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if peertest.ManagedTenant(ctx) == "c1-0" && try == 1 {
			return nil, errs.New(errs.Exhausted, "throttled", "Slow down.", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(time.Hour))
		}
		return peertest.Done(), nil
	})
	ref := workflow.RunRef{TenantID: "msp", RunID: s.run.ID, Ticket: s.run.Ticket}
	s.env.ExecuteWorkflow(workflow.AllTenantsSync, workflow.SyncInput{RunRef: ref, Limits: workflow.Limits{PageSize: 4, TenantsPerExecution: 4}})
	var again *sdk.ContinueAsNewError
	require.ErrorAs(t, s.env.GetWorkflowError(), &again)
	var next workflow.SyncInput
	require.NoError(t, inClear.FromPayloads(again.Input, &next))
	require.Equal(t, s.began.Unix(), next.State.StartedUnix)
	require.Equal(t, 10, next.State.Total)
	require.Equal(t, 4, next.State.Done)
	require.NotEmpty(t, next.State.PageToken)
	require.False(t, next.State.Listed)
	require.Equal(t, ref, next.RunRef)
	require.Equal(t, "running", s.engine.Run(s.run.ID).State)
}

// A thousand unchanged managed tenants need some dozens of activities, and few events.
func TestAThousandQuickTenantsAreAShortHistory(t *testing.T) {
	t.Parallel()
	s := skip(t, peertest.Quick(peertest.Groups(1000, 1)), nil)
	activities := 0
	s.env.SetOnActivityStartedListener(func(*sdkactivity.Info, context.Context, converter.EncodedValues) { activities++ })
	out, _ := s.ended(workflow.Limits{TenantsPerExecution: 2000})
	require.Equal(t, "completed", out.State)
	require.Equal(t, 1000, out.Done)
	require.Less(t, activities, 60)
	for c := range 1000 {
		require.Len(t, s.tries["c"+strconv.Itoa(c)+"-0"], 1)
	}
}
