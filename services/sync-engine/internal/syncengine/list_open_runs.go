package syncengine

import (
	"context"
	"time"
)

// OpenRun names a run of any tenant that is queued or running.
type OpenRun struct{ Tenant, RunID, WorkflowID string }

// OpenRunReader lists runs of all tenants.
type OpenRunReader interface {
	OpenRuns(ctx context.Context, before time.Time, after string, limit int) ([]OpenRun, error)
}

// ListOpenRuns names the runs that have not ended, for the sweeper.
type ListOpenRuns struct{ store OpenRunReader }

// NewListOpenRuns wires the use case.
func NewListOpenRuns(store OpenRunReader) *ListOpenRuns { return &ListOpenRuns{store: store} }

// Do names open runs of all tenants, oldest first, that began before a time; the
// list begins behind the run with the id after, at first where that is empty.
func (l *ListOpenRuns) Do(ctx context.Context, before time.Time, after string, limit int) ([]OpenRun, error) {
	return l.store.OpenRuns(ctx, before, after, limit)
}
