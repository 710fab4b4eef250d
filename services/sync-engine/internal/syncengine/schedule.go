package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// quarantineRuns is how many runs over all tenants fail in a row before the tenant is tried only
// once a day.
const quarantineRuns = 5

// quarantineTry is how long a managed tenant in quarantine is left out of scheduled runs after a
// try: a day, less what jitter may take of a daily schedule.
const quarantineTry = 20 * time.Hour

// QuarantineRuns is how many runs in a row one managed tenant fails in before it is left out.
const QuarantineRuns = quarantineRuns

// LeaveOut says which managed tenants a run leaves out.
type LeaveOut struct {
	TriedAfter time.Time // those in quarantine that were tried later than this
	Problem    Problem   // what their result says
}

// leaveOut is what a run leaves out: a person's run nothing.
func leaveOut(run Run, now time.Time) *LeaveOut {
	if run.Trigger != TriggerSchedule {
		return nil
	}
	why, _ := reason.Of(reason.TenantQuarantined)
	return &LeaveOut{TriedAfter: now.Add(-quarantineTry), Problem: Problem{Code: reason.TenantQuarantined, Message: why.Text, Remedy: why.Do}}
}

// FleetHistory is what a tenant's schedule follows from beside the settings: how its runs over all
// managed tenants ended.
type FleetHistory struct {
	FirstSyncedAt *time.Time // when the first initial sync got through; nil before
	FailedRuns    int        // in a row
	QuarantinedAt *time.Time // since when they are too many; nil while they are not
}

// After is the history with one more run that ended at a time. A run that never began, was
// cancelled, was a dry run or did not cover all managed tenants says nothing.
func (h FleetHistory) After(run Run, ended State, at time.Time) FleetHistory {
	if run.State == StateQueued || run.DryRun || run.Type != TypeInitial && run.Type != TypeAllTenants {
		return h
	}
	switch ended {
	case StateFailed:
		h.FailedRuns++
		if h.FailedRuns >= quarantineRuns && h.QuarantinedAt == nil {
			h.QuarantinedAt = &at
		}
	case StateCompleted, StatePartial, StateHeld:
		h.FailedRuns, h.QuarantinedAt = 0, nil
		if run.Type == TypeInitial && h.FirstSyncedAt == nil {
			h.FirstSyncedAt = &at
		}
	}
	return h
}

// Schedule is how a tenant wants to be synced by itself.
type Schedule struct {
	AutomaticSync   bool
	IntervalMinutes int // 15 to 10080
	FleetHistory
}

// ScheduleReader reads what a tenant's schedules follow from.
type ScheduleReader interface {
	Schedule(ctx context.Context, now time.Time) (Schedule, error)
}

// ReadSchedule shows what a tenant's schedules follow from.
type ReadSchedule struct {
	store ScheduleReader
	now   func() time.Time
}

// NewReadSchedule wires the use case.
func NewReadSchedule(store ScheduleReader, now func() time.Time) *ReadSchedule {
	return &ReadSchedule{store: store, now: now}
}

// Do returns how the tenant of the context wants to be synced by itself.
func (r *ReadSchedule) Do(ctx context.Context) (Schedule, error) {
	return r.store.Schedule(ctx, r.now())
}
