package syncengine

import (
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/proto/entrasync/runstate"
)

// RunType says what a run covers.
type RunType string

// Run types.
const (
	TypeInitial      RunType = "initial"
	TypeAllTenants   RunType = "all-tenants"
	TypeSingleClient RunType = "single-client"
	TypeDiscovery    RunType = "discovery"
)

// State is that of a run, or of a managed tenant's part in one.
type State string

// The states. Nothing leaves the last five.
const (
	StateQueued    State = runstate.Queued
	StateRunning   State = runstate.Running
	StateCompleted State = runstate.Completed
	StatePartial   State = runstate.Partial
	StateFailed    State = runstate.Failed
	StateCancelled State = runstate.Cancelled
	StateHeld      State = runstate.Held
)

// Triggers of runs.
const (
	TriggerManual   = "manual"
	TriggerSchedule = "schedule"
)

// IsTerminal reports a state that nothing leaves.
func IsTerminal(state State) bool { return !runstate.Open(string(state)) }

// Run is one run of a tenant.
type Run struct {
	ID                string // UUID
	WorkflowID        string
	Type              RunType
	State             State
	DryRun            bool
	Trigger           string
	InitiatedBy       string
	ClientID          string // of a single-client run
	CreatedAt         time.Time
	StartedAt         *time.Time
	CompletedAt       *time.Time
	Problem           *Problem
	DiscoveredTenants *int // of a discovery
	Totals            Totals
	Approves          *Approval // what it was started for; nil for all other runs
}

// Totals add up the results of a run's tenants.
type Totals struct {
	Tenants, Processed, Succeeded, Failed, Held, Partial, Cancelled int
	Counters                                                        Counters
}

// Problem is why something could not be done, for people and programs.
type Problem struct{ Code, Message, Remedy string }

// ManagedTenant is what a run does for one managed tenant: its part in the run, with its result. The
// managed tenant itself is a row of discovery.
type ManagedTenant struct {
	RunID           string
	ManagedTenantID string
	EntraTenantID   string
	ClientID        string // of a client that a dry run supposes, the managed tenant's id
	MappingRevision int64
	Group, Position int
	DryRun          bool
	State           State
	Counters        Counters
	Filtered        map[string]int // by reason
	Ambiguous       map[string]int // by reason
	Failures        []Failure
	Held            *Held
	Problem         *Problem
	StartedAt       *time.Time
	CompletedAt     *time.Time
}

// MappedClient is the client that the managed tenant is mapped to; empty where a
// sync would create it.
func (t *ManagedTenant) MappedClient() string {
	if t.ClientID == t.ManagedTenantID {
		return ""
	}
	return t.ClientID
}

// WorkflowID names the workflow of a run: a fixed name, so that requests join.
func WorkflowID(owner tenant.ID, runType RunType, clientID string, dryRun bool) string {
	id, of := "", owner.String()
	switch runType {
	case TypeDiscovery:
		id = "entra-discovery:" + of
	case TypeInitial:
		id = "entra-initial-sync:" + of
	case TypeAllTenants:
		id = "entra-all-tenants-sync:" + of
	case TypeSingleClient:
		id = "entra-client-sync:" + of + ":" + clientID
	}
	if dryRun {
		id += ":preflight"
	}
	return id
}

// endState is the first that applies of cancelled, failed (all tenants), held,
// partial, completed.
func endState(asked State, t Totals) State {
	switch {
	case asked == StateCancelled:
		return StateCancelled
	case asked == StateFailed && t.Succeeded == 0, t.Tenants > 0 && t.Failed == t.Tenants:
		return StateFailed
	case t.Held > 0:
		return StateHeld
	case t.Failed > 0 || t.Partial > 0 || t.Cancelled > 0 || asked == StateFailed:
		return StatePartial
	}
	return StateCompleted
}

// Failures of more than one use case.
var (
	ErrUnknownRun = errs.New(errs.NotFound, reason.NotFound, "There is no such run.")
	errNotRunning = errs.Of(reason.RunNotRunning)
)
