package temporal

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// endless is the sync of a managed tenant that only an end of the run ends; it says that it began.
func endless(begun chan<- struct{}) func(context.Context, int, func(string)) (*syncenginev1.TenantOutcome, error) {
	return func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// until is the sync of a managed tenant that is done when release is closed.
func until(ctx context.Context, release <-chan struct{}) (*syncenginev1.TenantOutcome, error) {
	select {
	case <-release:
	case <-ctx.Done():
	}
	return peertest.Done(), ctx.Err()
}

// held syncs every managed tenant so.
func held(release <-chan struct{}) peertest.Round {
	return func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		return until(ctx, release)
	}
}

func TestASecondRequestJoinsTheRunInFlight(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := setup(t, peertest.Groups(1, 1), held(release), workflow.Limits{})
	b.work()
	first := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.False(t, first.Joined)
	second := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, orchestration.Started{RunID: first.RunID, WorkflowID: first.WorkflowID, Joined: true}, second)
	other := b.started(orchestration.NewRun{Kind: orchestration.ClientSync, ClientID: "c0"})
	require.NotEqual(t, first.RunID, other.RunID)
	close(release)
	require.Equal(t, "completed", b.synced(first).State)
	b.synced(other)

	third := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.False(t, third.Joined)
	require.NotEqual(t, first.RunID, third.RunID, "after it has ended a request starts a new run")
	require.Equal(t, "completed", b.synced(third).State)
	require.Equal(t, "completed", b.engine.Run(third.RunID).State)
}

func TestAnOpenRunWhoseWorkflowWasNeverStartedIsStartedByTheNextRequest(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.work()
	run, err := b.runs.Create(b.ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	joined := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, orchestration.Started{RunID: run.ID, WorkflowID: run.WorkflowID, Joined: true}, joined)
	require.Equal(t, "completed", b.synced(joined).State)
}

// The database has closed the earlier run, but its workflow is still there, with no worker to end
// it or busy with something else.
func TestTheWorkflowOfAClosedRunDoesNotSwallowTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	first := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	_, err := b.runs.Cancel(b.ctx, time.Now())
	require.NoError(t, err)
	second := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.NotEqual(t, first.RunID, second.RunID)
	b.work()
	require.Equal(t, "completed", b.synced(second).State)
	require.Equal(t, "completed", b.engine.Run(second.RunID).State)
	require.Equal(t, "cancelled", b.engine.Run(first.RunID).State)
}

func TestWithoutTemporalTheRunIsClosedAndTheCallerIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	away, err := Dial(Connection{Address: rpctest.FreeAddress(t), Namespace: namespace}, inClear)
	require.NoError(t, err)
	defer away.Close()
	start := orchestration.NewStart(b.runs, NewWorkflows(away, b.queue, workflow.Limits{}, nil, inClear))
	began := time.Now()
	_, err = start.Do(b.ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	require.Equal(t, "orchestrator_unavailable", errs.ReasonOf(err))
	require.Less(t, time.Since(began), 9*time.Second, "the caller is told soon: 4 s, and what a busy machine adds")
	open, err := b.runs.Open(b.ctx, time.Now(), "", 10)
	require.NoError(t, err)
	require.Empty(t, open, "no run is left behind")

	b.work()
	require.Equal(t, "completed", b.synced(b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})).State)
}

func TestARunThatTheEngineRefusesIsNotStarted(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	_, err := b.start.Do(b.ctx, orchestration.NewRun{Kind: orchestration.InitialSync, Trigger: orchestration.TriggerManual})
	require.Equal(t, "no_confirmed_mapping", errs.ReasonOf(err))
	execution, err := b.workflows.Describe(b.ctx, "entra-initial-sync:"+b.tenant)
	require.NoError(t, err)
	require.Equal(t, orchestration.State("unknown"), execution.State)
}

func TestDiscoveryAnswersItsResult(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	b.work()
	discovered, err := b.discover.Do(b.ctx)
	require.NoError(t, err)
	require.Equal(t, orchestration.StateCompleted, discovered.State)
	require.Equal(t, 12, discovered.Discovered)
	require.Len(t, discovered.Unreadable, 1)
	require.Equal(t, "consent_missing", discovered.Unreadable[0].Problem.Code)
	run := b.engine.Run(discovered.RunID)
	require.Equal(t, "completed", run.State)
	require.EqualValues(t, 12, *run.Found)
}

func TestAFailedDiscoveryTellsWhy(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	b.discovery.Find = func(context.Context) (*discoveryv1.DiscoveryResult, error) {
		return nil, errs.New(errs.Precondition, "auth_rejected", "No.", errs.WithMetadata("class", "reconnect"))
	}
	b.work()
	discovered, err := b.discover.Do(b.ctx)
	require.NoError(t, err)
	require.Equal(t, orchestration.StateFailed, discovered.State)
	require.Equal(t, "auth_rejected", discovered.Problem.Code)
	require.NotEmpty(t, discovered.Problem.Remedy)
	require.Equal(t, "failed", b.engine.Run(discovered.RunID).State)
	require.Equal(t, "auth_rejected", b.engine.Run(discovered.RunID).Code)
}

func TestADiscoveryThatIsCutOffHasFailed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	begun := make(chan struct{}, 10)
	b.discovery.Find = func(ctx context.Context) (*discoveryv1.DiscoveryResult, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.work()
	type answer struct {
		discovered orchestration.Discovered
		err        error
	}
	answered := make(chan answer, 1)
	go func() {
		discovered, err := b.discover.Do(b.ctx)
		answered <- answer{discovered, err}
	}()
	<-begun
	require.NoError(t, b.client.TerminateWorkflow(b.ctx, "entra-discovery:"+b.tenant, "", "a test"))
	got := <-answered
	require.NoError(t, got.err)
	require.Equal(t, orchestration.StateFailed, got.discovered.State)
	require.Equal(t, "workflow_lost", got.discovered.Problem.Code)
}

func TestALongDiscoveryGoesOnInTheBackground(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	release := make(chan struct{})
	b.discovery.Find = func(ctx context.Context) (*discoveryv1.DiscoveryResult, error) {
		select {
		case <-release:
			return &discoveryv1.DiscoveryResult{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	b.work()
	network := &impatient{Workflows: b.workflows}
	discover := orchestration.NewDiscover(b.start, network, nil)
	first, err := discover.Do(b.ctx)
	require.NoError(t, err)
	require.Equal(t, orchestration.Discovered{RunID: first.RunID, State: "running"}, first)
	second, err := discover.Do(b.ctx)
	require.NoError(t, err)
	require.Equal(t, first.RunID, second.RunID, "the second joins")
	close(release)
	b.eventually(func() bool { return b.engine.Run(first.RunID).State == "completed" })
}

// impatient waits for a discovery but a moment.
type impatient struct{ *Workflows }

func (i *impatient) AwaitDiscovery(ctx context.Context, workflowID, executionID string) (orchestration.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	return i.Workflows.AwaitDiscovery(ctx, workflowID, executionID)
}

func TestTheSweeperClosesRunsWithoutAWorkflow(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := setup(t, peertest.Groups(1, 1), held(release), workflow.Limits{})
	b.work()
	alive := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	lost, err := b.runs.Create(b.ctx, orchestration.NewRun{Kind: orchestration.InitialSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	gone := b.started(orchestration.NewRun{Kind: orchestration.ClientSync, ClientID: "c0"})
	require.NoError(t, b.client.TerminateWorkflow(b.ctx, gone.WorkflowID, "", "test"))
	b.eventually(func() bool { return b.engine.Run(alive.RunID).State == "running" })

	sweep := orchestration.NewSweep(b.runs, b.workflows)
	closed, err := sweep.Do(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, 2, closed)
	for _, id := range []string{lost.ID, gone.RunID} {
		require.Equal(t, "failed", b.engine.Run(id).State)
		require.Equal(t, "workflow_lost", b.engine.Run(id).Code)
	}
	require.Equal(t, "running", b.engine.Run(alive.RunID).State)
	closed, err = sweep.Do(t.Context(), time.Now())
	require.NoError(t, err)
	require.Zero(t, closed)
	close(release)
	require.Equal(t, "completed", b.synced(alive).State)
}

func TestTheSweeperLeavesRunsAloneWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	run, err := b.runs.Create(b.ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	away, err := Dial(Connection{Address: rpctest.FreeAddress(t), Namespace: namespace}, inClear)
	require.NoError(t, err)
	defer away.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	closed, err := orchestration.NewSweep(b.runs, NewWorkflows(away, b.queue, workflow.Limits{}, nil, inClear)).Do(ctx, time.Now())
	require.Error(t, err)
	require.Zero(t, closed)
	require.Equal(t, "queued", b.engine.Run(run.ID).State)
}

// TestAConfirmStartsTheInitialSync: the effect that confirming mappings writes starts it once, however
// often the effect is done, and also by a process that knows nothing of the first time.
func TestAConfirmStartsTheInitialSync(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.work()
	start := b.effect("start_initial_sync")
	started, err := b.performer(b.workflows).Do(b.ctx, start)
	require.NoError(t, err)
	require.Equal(t, "done", started.State)
	require.Equal(t, map[string]string{"run_id": start.ID, "workflow_id": "entra-initial-sync:" + b.tenant, "joined": "false"}, started.Result)
	b.eventually(func() bool { return b.engine.Run(start.ID).State == "completed" })

	again, err := b.performer(b.workflows).Do(b.ctx, start)
	require.NoError(t, err)
	require.Equal(t, started, again, "the same effect again starts nothing")
}

// TestADisconnectCancelsRunsAndPausesTheSchedule until the tenant is connected again.
func TestADisconnectCancelsRunsAndPausesTheSchedule(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 10)
	b := setup(t, peertest.Groups(1, 1), endless(begun), workflow.Limits{})
	b.beatAtMost = beatAtMost
	b.work()
	perform := b.performer(b.workflows)
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 1440, FirstSyncDone: true})
	b.scheduled()
	paused := func() bool { return b.state(orchestration.RecurringSync).Paused }
	start := b.effect("start_initial_sync")
	started, err := perform.Do(b.ctx, start)
	require.NoError(t, err)
	<-begun

	require.False(t, paused())
	b.connection.SetStatus("disconnected")
	outcome, err := perform.Do(b.ctx, b.effect("connection_disconnected"))
	require.NoError(t, err)
	require.Equal(t, orchestration.Outcome{State: "done"}, outcome)
	require.Equal(t, "cancelled", b.engine.Run(start.ID).State)
	require.True(t, paused())
	b.eventually(func() bool {
		execution, err := b.workflows.Describe(b.ctx, "entra-initial-sync:"+b.tenant)
		return err == nil && !execution.Running()
	})

	// Another process, which knows nothing of the first, is handed the same effect.
	again, err := b.performer(b.workflows).Do(b.ctx, start)
	require.NoError(t, err)
	require.Equal(t, started, again, "a start that was done starts nothing after the disconnect")
	require.Empty(t, begun)

	b.connection.SetStatus("connected")
	outcome, err = perform.Do(b.ctx, b.effect("connection_connected"))
	require.NoError(t, err)
	require.Equal(t, "done", outcome.State)
	require.False(t, paused())
}

func TestAnEffectThatFailsIsTriedAgainAndAnUnknownOneIsNot(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	perform := b.performer(b.workflows)
	b.connection.SetStatus("disconnected")
	disconnect := b.effect("connection_disconnected")
	b.engine.SetDown(errs.New(errs.Unavailable, "database_unavailable", "Away."))
	outcome, err := perform.Do(b.ctx, disconnect)
	require.Error(t, err)
	require.Equal(t, "retry", outcome.State)
	b.engine.SetDown(nil)
	outcome, err = perform.Do(b.ctx, disconnect)
	require.NoError(t, err)
	require.Equal(t, "done", outcome.State)
	outcome, err = perform.Do(b.ctx, b.effect("make_coffee"))
	require.Error(t, err)
	require.Equal(t, orchestration.Outcome{State: "failed", Result: map[string]string{"error": "unknown_effect"}}, outcome)
}

// effect is one of the tenant that was written now.
func (b *bundle) effect(kind string) orchestration.Effect {
	return orchestration.Effect{ID: uuid.Must(uuid.NewV7()).String(), Kind: kind, CreatedAt: time.Now()}
}

func TestAStartThatAProcessDidNotFinishIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.work()
	start := b.effect("start_initial_sync")
	_, err := b.runs.Create(b.ctx, orchestration.NewRun{ID: start.ID, Kind: orchestration.InitialSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	outcome, err := b.performer(b.workflows).Do(b.ctx, start)
	require.NoError(t, err)
	require.Equal(t, "done", outcome.State)
	require.Equal(t, map[string]string{"run_id": start.ID, "workflow_id": "entra-initial-sync:" + b.tenant, "joined": "false"}, outcome.Result)
	b.eventually(func() bool { return b.engine.Run(start.ID).State == "completed" })
}

func TestARunThatAChangeMadeIsStartedWhateverLiesBetween(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.work()
	created := b.effect("run_created")
	created.Arguments = map[string]string{"type": "all-tenants"}
	_, err := b.runs.Create(b.ctx, orchestration.NewRun{ID: created.ID, Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	away, err := Dial(Connection{Address: rpctest.FreeAddress(t), Namespace: namespace}, inClear)
	require.NoError(t, err)
	defer away.Close()
	outcome, err := b.performer(NewWorkflows(away, b.queue, workflow.Limits{}, nil, inClear)).Do(b.ctx, created)
	require.Error(t, err)
	require.Equal(t, "retry", outcome.State, "the change stands, so the run waits")
	require.Equal(t, "queued", b.engine.Run(created.ID).State)
	for range 2 {
		outcome, err = b.performer(b.workflows).Do(b.ctx, created)
		require.NoError(t, err)
		require.Equal(t, "done", outcome.State)
	}
	b.eventually(func() bool { return b.engine.Run(created.ID).State == "completed" })
}

func TestADisconnectDoneAgainLeavesWhatBeganLaterAlone(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 10)
	b := setup(t, peertest.Groups(1, 1), endless(begun), workflow.Limits{})
	b.beatAtMost = beatAtMost
	b.work()
	first := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	<-begun
	disconnect := b.effect("connection_disconnected")
	// The process that did it died between the database and the orchestrator.
	_, err := b.runs.Cancel(b.ctx, disconnect.CreatedAt)
	require.NoError(t, err)
	perform := b.performer(b.workflows)
	outcome, err := perform.Do(b.ctx, disconnect)
	require.NoError(t, err)
	require.Equal(t, "done", outcome.State)
	b.eventually(func() bool {
		execution, err := b.workflows.Describe(b.ctx, first.WorkflowID)
		return err == nil && !execution.Running()
	})
	second := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, first.WorkflowID, second.WorkflowID)
	<-begun
	// The engine still names the first run's workflow, which executes the second now.
	b.engine.Forget(first.RunID)
	outcome, err = perform.Do(b.ctx, disconnect)
	require.NoError(t, err)
	require.Equal(t, "done", outcome.State)
	require.Equal(t, "running", b.engine.Run(second.RunID).State)
	require.Never(t, func() bool {
		execution, err := b.workflows.Describe(b.ctx, second.WorkflowID)
		return err == nil && !execution.Running()
	}, 500*time.Millisecond, 50*time.Millisecond)
}

func TestAConnectionEffectWithoutAScheduleIsDone(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	perform := b.performer(b.workflows)
	for _, kind := range []string{"connection_connected", "connection_disconnected"} {
		outcome, err := perform.Do(b.ctx, b.effect(kind))
		require.NoError(t, err)
		require.Equal(t, "done", outcome.State)
	}
}

func TestDescribeTellsOnlyOfTheTenantsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	b.synced(started)
	describe := orchestration.NewDescribe(b.workflows)
	execution, err := describe.Do(b.ctx, started.WorkflowID)
	require.NoError(t, err)
	require.Equal(t, orchestration.StateCompleted, execution.State)
	require.NotNil(t, execution.ClosedAt)
	for _, id := range []string{"entra-all-tenants-sync:other", "other:" + b.tenant, b.tenant, "entra-client-sync:other:" + b.tenant} {
		_, err := describe.Do(b.ctx, id)
		require.Equal(t, "unknown_workflow", errs.ReasonOf(err), id)
	}
	unknown, err := describe.Do(b.ctx, "entra-client-sync:"+b.tenant+":c9")
	require.NoError(t, err)
	require.Equal(t, orchestration.State("unknown"), unknown.State)
}

func TestAWorkerWaitsForTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	away, err := Dial(Connection{Address: rpctest.FreeAddress(t), Namespace: namespace}, inClear)
	require.NoError(t, err)
	defer away.Close()
	w := NewWorker(away, b.queue, b.acts, Version{})
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(t.Context()) }()
	require.Error(t, w.Ready(t.Context()))
	require.NoError(t, w.Stop(t.Context()))
	require.NoError(t, <-ended)
}
