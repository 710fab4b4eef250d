package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ClientTenants are the directories of one client, in order.
type ClientTenants struct {
	Group            int
	ClientID         string
	ManagedTenantIDs []string
	Quick            bool // each is small, and only what changed will be asked for
}

// QuickIdentities is up to how many identities a directory counts as small.
const QuickIdentities = 500

// ResultStore keeps what became of a run's tenants.
type ResultStore interface {
	Run(ctx context.Context, id string) (Run, error)
	// OpenTenants lists, of at most limit groups after the given one, the tenants
	// that have no result yet.
	OpenTenants(ctx context.Context, runID string, afterGroup, limit int) ([]ClientTenants, error)
	// FailTenant closes a tenant that has no result yet; as cancelled where the run is.
	FailTenant(ctx context.Context, runID, managedTenantID string, state State, problem *Problem, now time.Time) error
	// FinishRun closes every tenant that has no result with the given state,
	// derives the run's end from the totals and closes it, all in one transaction.
	// A run that is closed already comes back as it is.
	FinishRun(ctx context.Context, end RunEnd, derive func(Run) Ending) (Run, error)
	// CancelRuns closes what is asked for and names the workflows, also those of
	// runs cancelled before that still have a tenant without a result.
	CancelRuns(ctx context.Context, which Cancellation, now time.Time) (workflowIDs []string, err error)
}

// Cancellation says which open runs of the tenant to close; both bounds apply.
type Cancellation struct {
	RunID         string     // empty for all
	CreatedBefore *time.Time // nil for all
}

// Ending is what follows from the results of a run's tenants.
type Ending struct {
	State         State
	AutomaticSync bool // turn it on
}

// RunEnd is how a run is to be closed.
type RunEnd struct {
	RunID             string
	OpenTenants       State // the state that tenants without a result get
	OpenProblem       *Problem
	Problem           *Problem
	DiscoveredTenants *int
	Now               time.Time
}

// RunResults records and closes.
type RunResults struct {
	store ResultStore
	now   func() time.Time
}

// NewRunResults wires the use cases about results.
func NewRunResults(store ResultStore, now func() time.Time) *RunResults {
	return &RunResults{store: store, now: now}
}

// OpenTenants pages through the run's tenants without a result, by client.
func (r *RunResults) OpenTenants(ctx context.Context, runID string, afterGroup, limit int) ([]ClientTenants, error) {
	if _, err := r.store.Run(ctx, runID); err != nil {
		return nil, err
	}
	return r.store.OpenTenants(ctx, runID, afterGroup, limit)
}

// RecordTenant records a round that could not be done; a result that exists
// stays.
func (r *RunResults) RecordTenant(ctx context.Context, runID, managedTenantID string, state State, problem *Problem) error {
	if _, err := r.store.Run(ctx, runID); err != nil {
		return err
	}
	return r.store.FailTenant(ctx, runID, managedTenantID, state, problem, r.now())
}

// Finalise closes the run; asked is the state that the workflow saw, empty or
// completed for "as the tenants' results say". A closed run stays as it is. The
// first initial sync that got through turns automatic sync on.
func (r *RunResults) Finalise(ctx context.Context, runID string, asked State, problem *Problem, discovered *int) (Run, error) {
	why, _ := reason.Of(reason.NotProcessed)
	end := RunEnd{
		RunID: runID, Problem: problem, DiscoveredTenants: discovered, Now: r.now(), OpenTenants: StateFailed,
		OpenProblem: &Problem{Code: reason.NotProcessed, Message: why.Text, Remedy: why.Do},
	}
	if asked == StateCancelled {
		end.OpenTenants, end.OpenProblem = StateCancelled, nil
	} else if problem != nil {
		end.OpenProblem = problem
	}
	return r.store.FinishRun(ctx, end, func(run Run) Ending {
		state := endState(asked, run.Totals)
		through := state == StateCompleted || state == StatePartial || state == StateHeld
		return Ending{State: state, AutomaticSync: through && run.Type == TypeInitial && !run.DryRun}
	})
}

// Cancel closes open runs of the tenant; their rounds stop at their next range. It
// returns the workflows to be cancelled, and does so again when repeated while
// rounds of theirs have not stopped. One run that is asked for by its id is not_found,
// or run_not_running where it ended otherwise.
func (r *RunResults) Cancel(ctx context.Context, which Cancellation) ([]string, error) {
	if which.RunID != "" {
		run, err := r.store.Run(ctx, which.RunID)
		if err != nil {
			return nil, err
		}
		if IsTerminal(run.State) && run.State != StateCancelled {
			return nil, errNotRunning
		}
	}
	return r.store.CancelRuns(ctx, which, r.now())
}
