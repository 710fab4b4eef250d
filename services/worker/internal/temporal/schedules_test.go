package temporal

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peers"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// scheduled brings the tenant's schedule in line and removes it after the test.
func (b *bundle) scheduled() orchestration.ScheduleState {
	b.t.Helper()
	require.NoError(b.t, b.apply.Do(b.ctx, b.tenant))
	b.t.Cleanup(func() {
		_ = b.handle(context.WithoutCancel(b.t.Context())).Delete(context.WithoutCancel(b.t.Context()))
	})
	state, err := b.schedules.Schedule(b.ctx, b.tenant)
	require.NoError(b.t, err)
	return state
}

func (b *bundle) handle(ctx context.Context) client.ScheduleHandle {
	return b.client.ScheduleClient().GetHandle(ctx, scheduleID(b.tenant))
}

func TestAScheduleFollowsWhatItsTenantWants(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	wants := func(automatic bool, minutes int32, quarantined bool) {
		wish := &syncenginev1.GetScheduleResponse{AutomaticSync: automatic, IntervalMinutes: minutes, FirstSyncDone: true}
		if quarantined {
			wish.QuarantinedAt = timestamppb.Now()
		}
		b.engine.SetSchedule(wish)
	}
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 60})
	require.False(t, b.scheduled().Exists, "nothing was synced yet")

	wants(true, 60, false)
	state := b.scheduled()
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: time.Hour}, state.Plan)
	require.WithinDuration(t, time.Now().Add(33*time.Minute), state.NextRunAt, 40*time.Minute)
	described, err := b.handle(b.ctx).Describe(b.ctx)
	require.NoError(t, err)
	require.Equal(t, 6*time.Minute, described.Schedule.Spec.Jitter)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, described.Schedule.Policy.Overlap)
	require.Equal(t, 10*time.Minute, described.Schedule.Policy.CatchupWindow)

	wants(true, 15, false)
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute}, b.scheduled().Plan)

	wants(false, 15, false)
	state = b.scheduled()
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute, Paused: true, Reason: orchestration.ReasonSwitchedOff}, state.Plan)
	require.Zero(t, state.NextRunAt)

	wants(true, 15, true)
	state = b.scheduled()
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 24 * time.Hour, Reason: orchestration.ReasonQuarantined}, state.Plan)
	require.NotZero(t, state.NextRunAt, "it is tried once a day")
	b.connection.SetStatus("disconnected")
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute, Paused: true, Reason: orchestration.ReasonDisconnected}, b.scheduled().Plan)
	b.connection.SetStatus("validation_failed")
	wants(true, 15, false)
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute}, b.scheduled().Plan)

	require.NoError(t, b.handle(b.ctx).Pause(b.ctx, client.SchedulePauseOptions{Note: "looking into something"}))
	state, err = b.schedules.Schedule(b.ctx, b.tenant)
	require.NoError(t, err)
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 15 * time.Minute, Paused: true, Reason: orchestration.ReasonOperator}, state.Plan)
}

// An interval counts absolute time: a change of clocks neither doubles a run nor drops one.
func TestAScheduleKeepsItsIntervalWhenClocksChange(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil, workflow.Limits{})
	const week = 7 * 24 * time.Hour
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: int32(week / time.Minute), FirstSyncDone: true})
	b.scheduled()
	described, err := b.handle(b.ctx).Describe(b.ctx)
	require.NoError(t, err)
	require.Empty(t, described.Schedule.Spec.Calendars)
	times := described.Info.NextActionTimes
	require.GreaterOrEqual(t, len(times), 10)
	for i := 1; i < len(times); i++ {
		require.InDelta(t, week.Hours(), times[i].Sub(times[i-1]).Hours(), (week/10).Hours()+1)
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
		select {
		case <-release:
		case <-ctx.Done():
		}
		return peertest.Done(), ctx.Err()
	}, workflow.Limits{})
	b.work()
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 1440, FirstSyncDone: true})
	b.scheduled()
	due := func() (out workflow.StartScheduledSyncOutput) {
		started := b.due()
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
func (b *bundle) due() *client.ScheduleWorkflowExecution {
	b.t.Helper()
	before := b.actions()
	require.NoError(b.t, b.handle(b.ctx).Trigger(b.ctx, client.ScheduleTriggerOptions{}))
	b.eventually(func() bool { return b.actions() > before })
	described, err := b.handle(b.ctx).Describe(b.ctx)
	require.NoError(b.t, err)
	return described.Info.RecentActions[len(described.Info.RecentActions)-1].StartWorkflowResult
}

// actions is how many runs the schedule has started.
func (b *bundle) actions() int {
	described, err := b.handle(b.ctx).Describe(b.ctx)
	require.NoError(b.t, err)
	return described.Info.NumActions
}

func TestAllSchedulesAreBroughtInLineAtTheStart(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.started(orchestration.NewRun{Kind: orchestration.InitialSync})
	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 30, FirstSyncDone: true})
	require.NoError(t, orchestration.NewReconcileSchedules(b.wishes, b.apply, peers.EnterTenant).Do(t.Context()))
	require.Equal(t, orchestration.Plan{Ticket: peertest.TicketOf(b.tenant, ""), Every: 30 * time.Minute}, b.scheduled().Plan)
}
