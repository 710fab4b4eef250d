package syncengine

import (
	"context"
	"time"
)

// RunFilter narrows a list of runs; empty fields do not.
type RunFilter struct {
	Type     RunType
	State    State
	ClientID string
	Since    *time.Time
}

// RunPage asks for one page, newest first, after the run of this id.
type RunPage struct {
	Filter RunFilter
	After  string
	Size   int
}

// RunReader lists runs.
type RunReader interface {
	Runs(ctx context.Context, page RunPage) ([]Run, error)
	// CountRuns counts up to so many.
	CountRuns(ctx context.Context, filter RunFilter, most int) (int, error)
}

// ListRuns pages through a tenant's runs.
type ListRuns struct{ store RunReader }

// NewListRuns wires the use case.
func NewListRuns(store RunReader) *ListRuns { return &ListRuns{store: store} }

// countedRuns is up to how many runs a list is counted.
const countedRuns = 10_000

// Do returns a page and the id after which the next one begins, empty after
// the last. total is counted for the first page only, else -1; one more than 10,000
// stands for all that is more.
func (l *ListRuns) Do(ctx context.Context, page RunPage) (runs []Run, next string, total int, err error) {
	size := page.Size
	page.Size++
	if runs, err = l.store.Runs(ctx, page); err != nil {
		return nil, "", 0, err
	}
	if len(runs) > size {
		runs = runs[:size]
		next = runs[size-1].ID
	}
	if page.After != "" {
		return runs, next, -1, nil
	}
	total, err = l.store.CountRuns(ctx, page.Filter, countedRuns+1)
	return runs, next, total, err
}
