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

	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// jitterShare of the interval is the most by which a run starts later than the interval says.
const jitterShare = 10

// recurring says how a schedule of Temporal's does what recurs.
type recurring struct {
	schedule string // before the tenant's id, that of the schedule
	starts   string // before the tenant's id, that of the workflow it starts
	workflow string
	summary  string
	// catchup is how late a schedule may start what it missed: after a longer outage the next
	// regular one does. It is shorter than the interval, so that no outage is followed by several.
	catchup time.Duration
	// after is how long a new schedule waits: a person has just done the same by hand.
	after time.Duration
}

var recurrings = map[orchestration.Recurring]recurring{
	orchestration.RecurringSync: {
		schedule: "entra-all-tenants-sync:", starts: "entra-scheduled-sync:", workflow: workflow.ScheduledSync,
		summary: "Start the scheduled sync for tenant ", catchup: 10 * time.Minute,
	},
	orchestration.RecurringDiscovery: {
		schedule: "entra-discovery:", starts: "entra-scheduled-discovery:", workflow: workflow.ScheduledDiscovery,
		summary: "Start the daily discovery for tenant ", catchup: 12 * time.Hour, after: 12 * time.Hour,
	},
}

// Schedules keeps what recurs for tenants on Temporal.
type Schedules struct {
	client     client.ScheduleClient
	queue      string
	attributes *Attributes
	payloads   converter.DataConverter
}

// NewSchedules makes the adapter; workers of the task queue execute what the schedules start.
// Payloads are those of the client.
func NewSchedules(c client.Client, queue string, attributes *Attributes, payloads converter.DataConverter) *Schedules {
	return &Schedules{client: c.ScheduleClient(), queue: queue, attributes: attributes, payloads: payloads}
}

// Put implements orchestration.Schedules.
func (s *Schedules) Put(ctx context.Context, what orchestration.Recurring, plan orchestration.Plan) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	state, err := s.Schedule(ctx, what)
	if err != nil {
		return err
	}
	if !state.Exists {
		options := s.options(ctx, id, what, plan)
		if after := recurrings[what].after; after > 0 {
			options.Spec.StartAt = time.Now().Add(after)
		}
		if _, err = s.client.Create(ctx, options); !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
			return wrapped("making the schedule", err)
		}
	}
	if state.Exists && state.Plan == plan {
		return nil
	}
	handle := s.client.GetHandle(ctx, recurrings[what].schedule+id.String())
	err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule
		options := s.options(ctx, id, what, plan)
		options.Spec.StartAt = schedule.Spec.StartAt
		schedule.Spec, schedule.Action = &options.Spec, options.Action
		schedule.Policy = &client.SchedulePolicies{Overlap: options.Overlap, CatchupWindow: options.CatchupWindow}
		schedule.State.Paused, schedule.State.Note = plan.Paused, plan.Reason
		return &client.ScheduleUpdate{Schedule: &schedule}, nil
	}})
	return wrapped("changing the schedule", err)
}

// options say all of a schedule. The tenant's own offset spreads the tenants over the interval.
// The interval counts absolute time, so that no change of clocks doubles or drops a run.
func (s *Schedules) options(ctx context.Context, id tenant.ID, what orchestration.Recurring, plan orchestration.Plan) client.ScheduleOptions {
	r, tenantID := recurrings[what], id.String()
	return client.ScheduleOptions{
		ID: r.schedule + tenantID,
		Spec: client.ScheduleSpec{
			Intervals: []client.ScheduleIntervalSpec{{Every: plan.Every, Offset: offset(tenantID, plan.Every)}},
			Jitter:    plan.Every / jitterShare,
		},
		Action: &client.ScheduleWorkflowAction{
			ID: r.starts + tenantID, Workflow: r.workflow, TaskQueue: s.queue,
			Args:          []any{workflow.ScheduledInput{TenantID: tenantID, Ticket: plan.Ticket}},
			StaticSummary: r.summary + tenantID,

			TypedSearchAttributes: s.attributes.ofTenant(ctx, tenantID),
			Priority:              temporal.Priority{FairnessKey: tenantID, PriorityKey: priority(orchestration.Scheduled)},
		},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: r.catchup,
		Paused: plan.Paused, Note: plan.Reason,
	}
}

// offset is where in the interval a tenant's runs start, in whole seconds.
func offset(tenantID string, every time.Duration) time.Duration {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(tenantID)) // never fails
	return time.Duration(sum.Sum64()%uint64(every/time.Second)) * time.Second
}

// Schedule implements orchestration.Schedules. A schedule that was paused in Temporal itself
// carries another note than ours.
func (s *Schedules) Schedule(ctx context.Context, what orchestration.Recurring) (orchestration.ScheduleState, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return orchestration.ScheduleState{}, err
	}
	described, err := s.client.GetHandle(ctx, recurrings[what].schedule+id.String()).Describe(ctx)
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
	state.Ticket = s.ticketOf(described.Schedule.Action)
	if next := described.Info.NextActionTimes; !state.Paused && len(next) > 0 {
		state.NextRunAt = &next[0]
	}
	return state, nil
}

// ticketOf is the ticket that a schedule carries; empty where it cannot be read.
func (s *Schedules) ticketOf(action client.ScheduleAction) string {
	starts, ok := action.(*client.ScheduleWorkflowAction)
	if !ok || len(starts.Args) != 1 {
		return ""
	}
	payload, ok := starts.Args[0].(*commonpb.Payload)
	var in workflow.ScheduledInput
	if !ok || s.payloads.FromPayload(payload, &in) != nil {
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
