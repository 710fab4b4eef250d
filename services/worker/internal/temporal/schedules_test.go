package temporal

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// scheduled brings the tenant's schedules in line, removes them after the test, and gives that of the
// recurring sync.
func (b *bundle) scheduled() orchestration.ScheduleState {
	b.t.Helper()
	answered(b, func() (any, error) { return nil, b.apply.Do(b.ctx) })
	b.t.Cleanup(func() {
		for what := range recurrings {
			_ = b.handle(context.WithoutCancel(b.t.Context()), what).Delete(context.WithoutCancel(b.t.Context()))
		}
	})
	return b.state(orchestration.RecurringSync)
}

func (b *bundle) state(what orchestration.Recurring) orchestration.ScheduleState {
	b.t.Helper()
	return answered(b, func() (orchestration.ScheduleState, error) { return b.schedules.Schedule(b.ctx, what) })
}

// described is the schedule as Temporal has it.
func (b *bundle) described(what orchestration.Recurring) *client.ScheduleDescription {
	b.t.Helper()
	return answered(b, func() (*client.ScheduleDescription, error) { return b.handle(b.ctx, what).Describe(b.ctx) })
}

func (b *bundle) handle(ctx context.Context, what orchestration.Recurring) client.ScheduleHandle {
	return b.client.ScheduleClient().GetHandle(ctx, recurrings[what].schedule+b.tenant)
}

// TestManagedTenantsAreLookedForEveryDay has the daily discovery there from the connection on, paused
// without one, and come to its time.
func TestManagedTenantsAreLookedForEveryDay(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	b.work()
	b.connection.SetStatus("not_connected")
	b.scheduled()
	require.False(t, b.state(orchestration.RecurringDiscovery).Exists, "nobody connected yet")
	b.connection.SetStatus("connected")
	require.False(t, b.scheduled().Exists, "nothing was synced yet")
	day := orchestration.Plan{Every: 24 * time.Hour, Ticket: peertest.TicketOf(b.tenant, "")}
	state := b.state(orchestration.RecurringDiscovery)
	require.Equal(t, day, state.Plan)
	require.WithinDuration(t, time.Now().Add(12*time.Hour+13*time.Hour), *state.NextRunAt, 14*time.Hour, "not right after a person did it")
	described := b.described(orchestration.RecurringDiscovery)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, described.Schedule.Policy.Overlap)
	require.Less(t, described.Schedule.Policy.CatchupWindow, 24*time.Hour, "an outage is followed by one at most")
	require.Positive(t, described.Schedule.Spec.Jitter)
	begins := described.Schedule.Spec.StartAt

	b.connection.SetStatus("disconnected")
	b.scheduled()
	paused := day
	paused.Paused, paused.Reason = true, orchestration.ReasonDisconnected
	require.Equal(t, paused, b.state(orchestration.RecurringDiscovery).Plan)
	b.connection.SetStatus("validation_failed")
	b.scheduled()
	require.Equal(t, day, b.state(orchestration.RecurringDiscovery).Plan)
	require.Equal(t, begins, b.described(orchestration.RecurringDiscovery).Schedule.Spec.StartAt)

	due := b.due(orchestration.RecurringDiscovery)
	var started workflow.StartScheduledOutput
	require.NoError(t, b.client.GetWorkflow(b.ctx, due.WorkflowID, due.FirstExecutionRunID).Get(b.ctx, &started))
	require.False(t, started.Joined)
	b.eventually(func() bool { return b.engine.Run(started.RunID).State == "completed" })
	require.Equal(t, orchestration.TriggerSchedule, b.engine.Run(started.RunID).Trigger)
	require.NotNil(t, b.engine.Run(started.RunID).Found)
}

// A tenant that is connected has its schedules again although nothing was synced yet and Temporal has
// lost them.
func TestLostSchedulesOfConnectedTenantsComeBack(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	b.scheduled()
	require.NoError(t, b.handle(b.ctx, orchestration.RecurringDiscovery).Delete(b.ctx))
	require.False(t, b.state(orchestration.RecurringDiscovery).Exists)
	require.NoError(t, orchestration.NewReconcileSchedules(b.source, b.apply).Do(t.Context()))
	require.True(t, b.state(orchestration.RecurringDiscovery).Exists)
}

func TestAScheduleFollowsWhatItsTenantWants(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	wants := func(automatic bool, minutes int32, quarantined bool) {
		schedule := &syncenginev1.GetScheduleResponse{AutomaticSync: automatic, IntervalMinutes: minutes, FirstSyncDone: true}
		if quarantined {
			schedule.QuarantinedAt = timestamppb.Now()
		}
		b.engine.SetSchedule(schedule)
	}
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 60})
	require.False(t, b.scheduled().Exists, "nothing was synced yet")

	wants(true, 60, false)
	state := b.scheduled()
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: time.Hour}, state.Plan)
	require.WithinDuration(t, time.Now().Add(33*time.Minute), *state.NextRunAt, 40*time.Minute)
	described := b.described(orchestration.RecurringSync)
	require.Equal(t, 6*time.Minute, described.Schedule.Spec.Jitter)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, described.Schedule.Policy.Overlap)
	require.Equal(t, 10*time.Minute, described.Schedule.Policy.CatchupWindow)

	wants(true, 15, false)
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute}, b.scheduled().Plan)

	wants(false, 15, false)
	state = b.scheduled()
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute, Paused: true, Reason: orchestration.ReasonSwitchedOff}, state.Plan)
	require.Nil(t, state.NextRunAt)

	wants(true, 15, true)
	state = b.scheduled()
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 24 * time.Hour, Reason: orchestration.ReasonQuarantined}, state.Plan)
	require.NotNil(t, state.NextRunAt, "it is tried once a day")
	b.connection.SetStatus("disconnected")
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute, Paused: true, Reason: orchestration.ReasonDisconnected}, b.scheduled().Plan)
	b.connection.SetStatus("validation_failed")
	wants(true, 15, false)
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute}, b.scheduled().Plan)

	require.NoError(t, b.handle(b.ctx, orchestration.RecurringSync).Pause(b.ctx, client.SchedulePauseOptions{Note: "looking into something"}))
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute, Paused: true, Reason: orchestration.ReasonOperator}, b.state(orchestration.RecurringSync).Plan)
}

// An interval counts absolute time: a change of clocks, in whichever country, neither doubles a run nor
// drops one. Temporal itself says when it would start the runs of the weeks with the changes of a year.
func TestAScheduleKeepsItsIntervalWhenClocksChange(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 60, FirstSyncDone: true})
	b.scheduled()
	year := time.Now().Year() + 1
	for change, weeks := range map[string][2]time.Time{
		"spring": {time.Date(year, time.March, 7, 0, 0, 0, 0, time.UTC), time.Date(year, time.April, 8, 0, 0, 0, 0, time.UTC)},
		"autumn": {time.Date(year, time.October, 20, 0, 0, 0, 0, time.UTC), time.Date(year, time.November, 9, 0, 0, 0, 0, time.UTC)},
	} {
		listed, err := b.client.WorkflowService().ListScheduleMatchingTimes(b.ctx, &workflowservice.ListScheduleMatchingTimesRequest{
			Namespace: namespace, ScheduleId: b.handle(b.ctx, orchestration.RecurringSync).GetID(),
			StartTime: timestamppb.New(weeks[0]), EndTime: timestamppb.New(weeks[1]),
		})
		require.NoError(t, err)
		times := listed.GetStartTime()
		require.InDelta(t, weeks[1].Sub(weeks[0]).Hours(), len(times), 1, change)
		for i := 1; i < len(times); i++ {
			apart := times[i].AsTime().Sub(times[i-1].AsTime())
			require.InDelta(t, 60, apart.Minutes(), 6, "%s: after %s", change, times[i-1].AsTime())
		}
	}
}

// TestAScheduledRunIsStartedAsAPersonStartsIt has the schedule come to its time while nothing runs
// and while a person's run is under way.
func TestAScheduledRunIsStartedAsAPersonStartsIt(t *testing.T) {
	t.Parallel()
	release := make(chan struct{}, 10)
	begun := make(chan struct{}, 10)
	b := setup(t, peertest.Groups(1, 1), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		begun <- struct{}{}
		return held(release)(ctx, 0, nil)
	}, workflow.Limits{})
	b.work()
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 1440, FirstSyncDone: true})
	b.scheduled()
	due := func() (out workflow.StartScheduledOutput) {
		started := b.due(orchestration.RecurringSync)
		require.NoError(t, b.client.GetWorkflow(b.ctx, started.WorkflowID, started.FirstExecutionRunID).Get(b.ctx, &out))
		return out
	}
	first := due()
	require.False(t, first.Joined)
	<-begun
	require.Equal(t, orchestration.TriggerSchedule, b.engine.Run(first.RunID).Trigger)
	joined := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.True(t, joined.Joined)
	require.Equal(t, first.RunID, joined.RunID, "a person joins the scheduled run")
	release <- struct{}{}
	require.Equal(t, "completed", b.synced(joined).State)

	manual := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	<-begun
	second := due()
	require.True(t, second.Joined)
	require.Equal(t, manual.RunID, second.RunID, "the schedule joins a person's run")
	release <- struct{}{}
	require.Equal(t, "completed", b.synced(manual).State)
}

// due has the schedule come to its time and names the workflow that it started.
func (b *bundle) due(what orchestration.Recurring) *client.ScheduleWorkflowExecution {
	b.t.Helper()
	before := b.actions(what)
	require.NoError(b.t, b.handle(b.ctx, what).Trigger(b.ctx, client.ScheduleTriggerOptions{}))
	b.eventually(func() bool { return b.actions(what) > before })
	started := b.described(what).Info.RecentActions
	return started[len(started)-1].StartWorkflowResult
}

// actions is how many runs the schedule has started.
func (b *bundle) actions(what orchestration.Recurring) int {
	b.t.Helper()
	return b.described(what).Info.NumActions
}

// TestAnOutageIsFollowedByOneRun has the schedule make up for a day of hourly starts at once, also such
// as Temporal would skip: all of them are one run.
func TestAnOutageIsFollowedByOneRun(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := setup(t, peertest.Groups(1, 1), held(release), workflow.Limits{})
	b.work()
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 60, FirstSyncDone: true})
	b.scheduled()
	now := time.Now()
	require.NoError(t, b.handle(b.ctx, orchestration.RecurringSync).Backfill(b.ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{
		{Start: now.Add(-24 * time.Hour), End: now, Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL},
	}}))
	b.eventually(func() bool { return b.actions(orchestration.RecurringSync) >= 23 })
	b.eventually(func() bool {
		described, err := b.handle(b.ctx, orchestration.RecurringSync).Describe(b.ctx)
		return err == nil && len(described.Info.RunningWorkflows) == 0
	})
	open, err := b.runs.Open(b.ctx, time.Now(), "", 100)
	require.NoError(t, err)
	require.Len(t, open, 1)
	close(release)
	b.eventually(func() bool { return b.engine.Run(open[0].RunID).State == "completed" })
	require.Equal(t, map[string]int{"c0-0": 1}, b.engine.Seen().Tries)
}

// TestAScheduleSkipsWhatOverlaps has the schedule come to its time twice while the first start cannot
// be done.
func TestAScheduleSkipsWhatOverlaps(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	// By itself it comes to its time in the seconds of this test once in some hundred thousand runs.
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 10080, FirstSyncDone: true})
	b.scheduled()
	first := b.due(orchestration.RecurringSync) // no worker takes it yet
	handle := b.handle(b.ctx, orchestration.RecurringSync)
	require.NoError(t, handle.Trigger(b.ctx, client.ScheduleTriggerOptions{}))
	b.eventually(func() bool {
		described, err := handle.Describe(b.ctx)
		return err == nil && described.Info.NumActionsSkippedOverlap == 1
	})
	require.Equal(t, 1, b.actions(orchestration.RecurringSync))
	b.work()
	var started workflow.StartScheduledOutput
	require.NoError(t, b.client.GetWorkflow(b.ctx, first.WorkflowID, first.FirstExecutionRunID).Get(b.ctx, &started))
	b.eventually(func() bool { return b.engine.Run(started.RunID).State == "completed" })
}

func TestAllSchedulesAreBroughtInLineAtTheStart(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.started(orchestration.NewRun{Kind: orchestration.InitialSync})
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 30, FirstSyncDone: true})
	require.NoError(t, orchestration.NewReconcileSchedules(b.source, b.apply).Do(t.Context()))
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 30 * time.Minute}, b.scheduled().Plan)
}
