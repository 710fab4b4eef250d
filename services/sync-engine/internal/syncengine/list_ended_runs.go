package syncengine

import (
	"context"
	"time"
)

// EndedRun names a run that has ended.
type EndedRun struct {
	RunID string
	State State
	At    time.Time // when it ended
}

// EndedRunReader reads runs that have ended.
type EndedRunReader interface {
	// EndedRuns names at most so many syncs, but no dry runs, that ended at a time or later, in the order in
	// which they ended and of their ids; of those that ended at that very time only those behind the id, all
	// where it is empty.
	EndedRuns(ctx context.Context, since time.Time, after string, most int) ([]EndedRun, error)
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
}

// ListEndedRuns is how those who tell hosts of the ends of runs follow them.
type ListEndedRuns struct{ store EndedRunReader }

// NewListEndedRuns wires the use case.
func NewListEndedRuns(store EndedRunReader) *ListEndedRuns { return &ListEndedRuns{store: store} }

// Do names runs as EndedRunReader says. A page goes on with the end and the id of the last run of the one
// before.
func (l *ListEndedRuns) Do(ctx context.Context, since time.Time, after string, most int) ([]EndedRun, error) {
	return l.store.EndedRuns(ctx, since, after, most)
}

// Show reads one with its totals; ErrUnknownRun.
func (l *ListEndedRuns) Show(ctx context.Context, id string) (Run, error) {
	return l.store.Run(ctx, id)
}
