package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

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

// FinishStore closes a run.
type FinishStore interface {
	// FinishRun closes every tenant that has no result with the given state,
	// derives the run's end from the totals and closes it, all in one transaction.
	// A run that is closed already comes back as it is.
	FinishRun(ctx context.Context, end RunEnd, derive func(Run) Ending) (Run, error)
}

// FinaliseRun closes a run as the results of its managed tenants say.
type FinaliseRun struct {
	store FinishStore
	now   func() time.Time
}

// NewFinaliseRun wires the use case.
func NewFinaliseRun(store FinishStore, now func() time.Time) *FinaliseRun {
	return &FinaliseRun{store: store, now: now}
}

// Do closes the run; asked is the state that the workflow saw, empty or
// completed for "as the tenants' results say". A closed run stays as it is. The
// first initial sync that got through turns automatic sync on.
func (f *FinaliseRun) Do(ctx context.Context, runID string, asked State, problem *Problem, discovered *int) (Run, error) {
	why, _ := reason.Of(reason.NotProcessed)
	end := RunEnd{
		RunID: runID, Problem: problem, DiscoveredTenants: discovered, Now: f.now(), OpenTenants: StateFailed,
		OpenProblem: &Problem{Code: reason.NotProcessed, Message: why.Text, Remedy: why.Do},
	}
	if asked == StateCancelled {
		end.OpenTenants, end.OpenProblem = StateCancelled, nil
	} else if problem != nil {
		end.OpenProblem = problem
	}
	return f.store.FinishRun(ctx, end, func(run Run) Ending {
		state := endState(asked, run.Totals)
		through := state == StateCompleted || state == StatePartial || state == StateHeld
		return Ending{State: state, AutomaticSync: through && run.Type == TypeInitial && !run.DryRun}
	})
}
