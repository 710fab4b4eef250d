package syncengine

import (
	"context"
	"slices"
	"time"
)

// Cancellation says which open runs of the tenant to close; both bounds apply.
type Cancellation struct {
	RunID         string     // empty for all
	CreatedBefore *time.Time // nil for all
}

// CancelStore closes open runs.
type CancelStore interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// CancelRuns closes what is asked for and names the workflows, also those of
	// runs cancelled before that still have a tenant without a result.
	CancelRuns(ctx context.Context, which Cancellation, now time.Time) (workflowIDs []string, err error)
}

// CancelRuns ends runs before their end.
type CancelRuns struct {
	store CancelStore
	now   func() time.Time
}

// NewCancelRuns wires the use case.
func NewCancelRuns(store CancelStore, now func() time.Time) *CancelRuns {
	return &CancelRuns{store: store, now: now}
}

// shownState is the state of a managed tenant in a run. Rounds that have not stopped when
// their run is cancelled count as cancelled from then on: who reads the run when it ends does
// not read it again.
func shownState(run, of State) State {
	if run == StateCancelled && !IsTerminal(of) {
		return StateCancelled
	}
	return of
}

// storedStates are the states that a run of the state shows as the given one, which are that one or open:
// see shownState. Empty where it shows none so.
func storedStates(run, shown State) []State {
	stored := []State{}
	for _, of := range []State{shown, StateQueued, StateRunning} {
		if shownState(run, of) == shown && !slices.Contains(stored, of) {
			stored = append(stored, of)
		}
	}
	return stored
}

// showEnded gives results the states that their run shows; see shownState.
func showEnded(run Run, results []ManagedTenant) {
	for i, result := range results {
		if shown := shownState(run.State, result.State); shown != result.State {
			results[i].State, results[i].CompletedAt = shown, run.CompletedAt
		}
	}
}

// Do closes open runs of the tenant; their rounds stop at their next range. It
// returns the workflows to be cancelled, and does so again when repeated while
// rounds of theirs have not stopped. One run that is asked for by its id is not_found,
// or run_not_running where it ended otherwise.
func (c *CancelRuns) Do(ctx context.Context, which Cancellation) ([]string, error) {
	if which.RunID != "" {
		run, err := c.store.Run(ctx, which.RunID)
		if err != nil {
			return nil, err
		}
		if IsTerminal(run.State) && run.State != StateCancelled {
			return nil, errNotRunning
		}
	}
	return c.store.CancelRuns(ctx, which, c.now())
}
