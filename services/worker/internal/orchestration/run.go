// Package orchestration starts background work, shows its state and performs the effects of
// committed changes. It stores nothing itself: runs live in the database of the sync engine,
// workflows in the orchestrator.
package orchestration

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/runstate"
)

// Kind is a type of run.
type Kind string

// The kinds.
const (
	InitialSync    Kind = "initial"
	AllTenantsSync Kind = "all-tenants"
	ClientSync     Kind = "single-client"
	Discovery      Kind = "discovery"
)

// What started a run.
const (
	TriggerManual   = "manual"
	TriggerSchedule = "schedule"
)

// State is that of a run, or of the workflow that executes one.
type State string

// The states that matter here.
const (
	StateQueued    State = runstate.Queued
	StateRunning   State = runstate.Running
	StateCompleted State = runstate.Completed
	StateFailed    State = runstate.Failed
	StateCancelled State = runstate.Cancelled
)

// NewRun asks for a run.
type NewRun struct {
	ID              string // a UUID that the run is to have, so that a repeat finds it; empty: any
	Kind            Kind
	ClientID        string // of a ClientSync
	ManagedTenantID string // stands in for the client
	Trigger         string
	DryRun          bool // it only decides
}

// Run is a run that the database has.
type Run struct {
	ID         string
	WorkflowID string // deterministic: the same for every run of the tenant, kind and scope
	ClientID   string // of a ClientSync, also where a managed tenant was given
	Joined     bool   // it existed before
	State      State
	Ticket     string // that the engine made it, for its workflow to show
}

// Open reports whether the run has not ended.
func (r Run) Open() bool { return runstate.Open(string(r.State)) }

// OpenRun is a run that has not ended.
type OpenRun struct {
	TenantID   string
	RunID      string
	WorkflowID string
}

// Runs keeps runs. Its methods work for the tenant of the context, but for Open.
type Runs interface {
	// Create makes a queued run or gives the one of the same kind and scope in flight. The run
	// that has the asked id already is returned in whatever state it is.
	Create(ctx context.Context, run NewRun) (Run, error)
	// Fail closes a run as failed; one that has ended stays as it is.
	Fail(ctx context.Context, runID string, problem Problem) error
	// Cancel closes the tenant's runs that were made before a time and gives the workflows that
	// ran them; those of runs that were closed so and still work are given again.
	Cancel(ctx context.Context, before time.Time) (workflowIDs []string, err error)
	// Open lists runs of all tenants that began before and have not ended, oldest first, behind
	// the run with the id after; from the first on where that is empty.
	Open(ctx context.Context, before time.Time, after string, limit int) ([]OpenRun, error)
}

// Job is a run as a workflow executes it.
type Job struct {
	Kind       Kind
	TenantID   string
	RunID      string
	WorkflowID string
	ClientID   string // of a ClientSync
	Ticket     string
	Urgency    Urgency
}

// Urgency is how soon a run's work is done while other work waits. Among work of one urgency
// tenants take turns.
type Urgency int

// The urgencies.
const (
	Awaited   Urgency = iota + 1 // a person waits for its end: a discovery, one client
	Asked                        // a person started it
	Scheduled                    // no person waits
)

// urgency is that of a run.
func (r NewRun) urgency() Urgency {
	switch {
	case r.Trigger == TriggerSchedule:
		return Scheduled
	case r.Kind == Discovery || r.Kind == ClientSync:
		return Awaited
	}
	return Asked
}

// Found is how a discovery's workflow ended.
type Found struct {
	State      State  // completed, failed or cancelled
	Code       string // why it failed
	Discovered int
}

// Execution is the state of a workflow.
type Execution struct {
	State     State      // running, completed, failed, cancelled, terminated, timed_out or unknown
	RunID     string     // the run that it executes, the database's id
	StartedAt *time.Time // nil while it is unknown
	ClosedAt  *time.Time // nil while it is open
}

// Running reports whether the workflow is open.
func (e Execution) Running() bool { return e.State == StateRunning }

// Workflows executes runs.
type Workflows interface {
	// Start has the job's workflow executed; one that executes the job already stays the only
	// one. It returns the execution's id.
	Start(ctx context.Context, job Job) (executionID string, err error)
	// AwaitDiscovery waits for the end of a discovery's execution, however it ends. The error is
	// that of the waiting.
	AwaitDiscovery(ctx context.Context, workflowID, executionID string) (Found, error)
	// Describe returns the state of the newest execution of a workflow.
	Describe(ctx context.Context, workflowID string) (Execution, error)
	// Cancel asks a workflow to end that executes a run made before a time; it is no error if
	// there is none or it executes a later run.
	Cancel(ctx context.Context, workflowID string, before time.Time) error
}
