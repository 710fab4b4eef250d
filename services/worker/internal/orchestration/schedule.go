package orchestration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/pausereason"
)

const (
	// quarantineEvery is how often a sync of a tenant in quarantine is started.
	quarantineEvery = 24 * time.Hour
	// discoverEvery is how often managed tenants are looked for: what changes there, new customers
	// and access that ends, is found within a day.
	discoverEvery = 24 * time.Hour
	// scheduleTries bounds how often a schedule is written while what is wanted changes meanwhile.
	scheduleTries = 5
	// schedulesSize is how many tenants are listed in one call.
	schedulesSize = 500
)

// Why a schedule is paused, or starts runs more rarely than the settings say.
const (
	ReasonDisconnected = pausereason.Disconnected
	ReasonSwitchedOff  = pausereason.AutomaticSyncOff
	ReasonQuarantined  = pausereason.Quarantined // not paused: it tries once a day
	ReasonOperator     = pausereason.PausedByOperator
)

// Recurring is what a schedule starts.
type Recurring string

// What recurs for a tenant.
const (
	RecurringSync      Recurring = "sync"      // of all managed tenants
	RecurringDiscovery Recurring = "discovery" // of managed tenants
)

// scheduleFacts is what a tenant's schedules follow from.
type scheduleFacts struct {
	SyncSchedule

	connected     bool
	everConnected bool // there is a connection, or was one
}

// Plan is a schedule as it should be.
type Plan struct {
	Every  time.Duration
	Paused bool
	Reason string // one of the reasons above; empty where it starts runs as the settings say
	Ticket string
}

// plans are the schedules that follow; what is not among them has no schedule yet.
func (f scheduleFacts) plans() map[Recurring]Plan {
	plans := map[Recurring]Plan{}
	if f.FirstSyncDone {
		plans[RecurringSync] = f.sync()
	}
	if f.everConnected {
		plans[RecurringDiscovery] = f.discovery()
	}
	return plans
}

func (f scheduleFacts) sync() Plan {
	plan := Plan{Every: f.Interval, Ticket: f.Ticket}
	switch {
	case !f.connected:
		plan.Paused, plan.Reason = true, ReasonDisconnected
	case !f.Automatic:
		plan.Paused, plan.Reason = true, ReasonSwitchedOff
	case f.Quarantined:
		plan.Every, plan.Reason = max(f.Interval, quarantineEvery), ReasonQuarantined
	}
	return plan
}

// discovery recurs whether contacts are synced by themselves or not: it changes none.
func (f scheduleFacts) discovery() Plan {
	plan := Plan{Every: discoverEvery, Ticket: f.Ticket}
	if !f.connected {
		plan.Paused, plan.Reason = true, ReasonDisconnected
	}
	return plan
}

// ScheduleState is a schedule as the orchestrator has it.
type ScheduleState struct {
	Exists bool
	Plan
	NextRunAt *time.Time // nil where it will not start one
}

// Schedules keeps what recurs for the tenant of the context.
type Schedules interface {
	// Put makes the tenant's schedule as planned; one that is so already stays untouched.
	Put(ctx context.Context, what Recurring, plan Plan) error
	// Schedule returns the tenant's schedule.
	Schedule(ctx context.Context, what Recurring) (ScheduleState, error)
}

// ApplySchedule is the use case of bringing a tenant's schedules in line with what is wanted.
type ApplySchedule struct {
	source    *ScheduleSource
	schedules Schedules
}

// NewApplySchedule makes the use case.
func NewApplySchedule(source *ScheduleSource, schedules Schedules) *ApplySchedule {
	return &ApplySchedule{source: source, schedules: schedules}
}

// Do does it for the tenant of the context. Several may do so at once: each reads the facts again
// after it wrote, so that the last one to write has seen the last facts.
func (a *ApplySchedule) Do(ctx context.Context) error {
	facts, err := a.source.facts(ctx)
	if err != nil {
		return fmt.Errorf("reading what the schedules follow from: %w", err)
	}
	for range scheduleTries {
		for what, plan := range facts.plans() {
			if err := a.schedules.Put(ctx, what, plan); err != nil {
				return unreachable(err)
			}
		}
		now, err := a.source.facts(ctx)
		if err != nil {
			return fmt.Errorf("reading again what the schedules follow from: %w", err)
		}
		if now == facts {
			return nil
		}
		facts = now
	}
	return unreachable(errors.New("what is wanted of the schedules keeps changing"))
}

// ReconcileSchedules is the use case of bringing all schedules in line with what is wanted, in
// case an effect of a change did not.
type ReconcileSchedules struct {
	source *ScheduleSource
	apply  *ApplySchedule
}

// NewReconcileSchedules makes the use case.
func NewReconcileSchedules(source *ScheduleSource, apply *ApplySchedule) *ReconcileSchedules {
	return &ReconcileSchedules{source: source, apply: apply}
}

// Do does it. The failure of one tenant does not affect the others.
func (r *ReconcileSchedules) Do(ctx context.Context) error {
	var failures []error
	for after := ""; ; {
		tenants, err := r.source.scheduled(ctx, after, schedulesSize)
		if err != nil {
			return errors.Join(append(failures, fmt.Errorf("listing scheduled tenants: %w", err))...)
		}
		for _, tenantID := range tenants {
			if err := r.one(ctx, tenantID); err != nil {
				failures = append(failures, fmt.Errorf("schedules of tenant %s: %w", tenantID, err))
			}
			if ctx.Err() != nil {
				return errors.Join(append(failures, ctx.Err())...)
			}
		}
		if len(tenants) < schedulesSize {
			return errors.Join(failures...)
		}
		after = tenants[len(tenants)-1]
	}
}

func (r *ReconcileSchedules) one(ctx context.Context, tenantID string) error {
	ctx, err := bySystem(ctx, tenantID)
	if err != nil {
		return err
	}
	return r.apply.Do(ctx)
}

// DescribeSchedule is the use case of showing the schedule of a tenant's recurring sync.
type DescribeSchedule struct{ schedules Schedules }

// NewDescribeSchedule makes the use case.
func NewDescribeSchedule(schedules Schedules) *DescribeSchedule {
	return &DescribeSchedule{schedules: schedules}
}

// Do returns the schedule of the tenant of the context; errs.Unavailable, reason
// "orchestrator_unavailable", where the orchestrator cannot be asked.
func (d *DescribeSchedule) Do(ctx context.Context) (ScheduleState, error) {
	state, err := d.schedules.Schedule(ctx, RecurringSync)
	if err != nil {
		return ScheduleState{}, errs.Of(codeUnavailable, errs.WithCause(err))
	}
	return state, nil
}
