package temporal

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

const (
	// catchup is how late a schedule may start a run that it missed: after a longer outage the
	// next regular one does.
	catchup = 10 * time.Minute
	// jitterShare of the interval is the most by which a run starts later than the interval says.
	jitterShare = 10
)

// Schedules keeps recurring syncs on Temporal.
type Schedules struct {
	client client.ScheduleClient
	queue  string
}

// NewSchedules makes the adapter; workers of the task queue execute what the schedules start.
func NewSchedules(c client.Client, queue string) *Schedules {
	return &Schedules{client: c.ScheduleClient(), queue: queue}
}

// scheduleID is that of the tenant's recurring sync.
func scheduleID(tenantID string) string { return "entra-all-tenants-sync:" + tenantID }

// Put implements orchestration.Schedules.
func (s *Schedules) Put(ctx context.Context, tenantID string, plan orchestration.Plan) error {
	handle := s.client.GetHandle(ctx, scheduleID(tenantID))
	state, err := s.Schedule(ctx, tenantID)
	if err != nil {
		return err
	}
	if !state.Exists {
		if _, err = s.client.Create(ctx, s.options(tenantID, plan)); !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
			return wrapped("making the schedule", err)
		}
	}
	if state.Exists && state.Plan == plan {
		return nil
	}
	err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule
		options := s.options(tenantID, plan)
		schedule.Spec, schedule.Action = &options.Spec, options.Action
		schedule.Policy = &client.SchedulePolicies{Overlap: options.Overlap, CatchupWindow: options.CatchupWindow}
		schedule.State.Paused, schedule.State.Note = plan.Paused, plan.Reason
		return &client.ScheduleUpdate{Schedule: &schedule}, nil
	}})
	return wrapped("changing the schedule", err)
}

// options say all of a schedule. The tenant's own offset spreads the tenants over the interval.
// The interval counts absolute time, so that no change of clocks doubles or drops a run.
func (s *Schedules) options(tenantID string, plan orchestration.Plan) client.ScheduleOptions {
	return client.ScheduleOptions{
		ID: scheduleID(tenantID),
		Spec: client.ScheduleSpec{
			Intervals: []client.ScheduleIntervalSpec{{Every: plan.Every, Offset: offset(tenantID, plan.Every)}},
			Jitter:    plan.Every / jitterShare,
		},
		Action: &client.ScheduleWorkflowAction{
			ID: "entra-scheduled-sync:" + tenantID, Workflow: workflow.ScheduledSync, TaskQueue: s.queue,
			Args:          []any{workflow.ScheduledSyncInput{TenantID: tenantID, Ticket: plan.Ticket}},
			StaticSummary: "Start the scheduled sync for tenant " + tenantID,
			Priority:      temporal.Priority{FairnessKey: tenantID, PriorityKey: priority(orchestration.Scheduled)},
		},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchup,
		Paused: plan.Paused, Note: plan.Reason,
	}
}

// offset is where in the interval a tenant's runs start, in whole seconds.
func offset(tenantID string, every time.Duration) time.Duration {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(tenantID)) // never fails
	return time.Duration(sum.Sum64()%uint64(every/time.Second)) * time.Second
}

// Schedule implements orchestration.Schedules. A schedule that somebody paused in Temporal itself
// carries a note that is none of ours.
func (s *Schedules) Schedule(ctx context.Context, tenantID string) (orchestration.ScheduleState, error) {
	described, err := s.client.GetHandle(ctx, scheduleID(tenantID)).Describe(ctx)
	if notFound := new(serviceerror.NotFound); errors.As(err, &notFound) {
		return orchestration.ScheduleState{}, nil
	}
	if err != nil {
		return orchestration.ScheduleState{}, fmt.Errorf("looking at the schedule: %w", err)
	}
	state := orchestration.ScheduleState{Exists: true}
	state.Paused, state.Reason = described.Schedule.State.Paused, described.Schedule.State.Note
	switch state.Reason {
	case orchestration.ReasonDisconnected, orchestration.ReasonSwitchedOff, orchestration.ReasonQuarantined:
	default:
		state.Reason = ""
		if state.Paused {
			state.Reason = orchestration.ReasonOperator
		}
	}
	if intervals := described.Schedule.Spec.Intervals; len(intervals) > 0 {
		state.Every = intervals[0].Every
	}
	state.Ticket = ticketOf(described.Schedule.Action)
	if next := described.Info.NextActionTimes; !state.Paused && len(next) > 0 {
		state.NextRunAt = next[0]
	}
	return state, nil
}

// ticketOf is the ticket that a schedule carries; empty where it cannot be read.
func ticketOf(action client.ScheduleAction) string {
	starts, ok := action.(*client.ScheduleWorkflowAction)
	if !ok || len(starts.Args) != 1 {
		return ""
	}
	payload, ok := starts.Args[0].(*commonpb.Payload)
	var in workflow.ScheduledSyncInput
	if !ok || converter.GetDefaultDataConverter().FromPayload(payload, &in) != nil {
		return ""
	}
	return in.Ticket
}

func wrapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
