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

// SyncStatus is what the status shows of syncing.
type SyncStatus struct {
	Settings Settings
	LastRun  *Run
}

// RunReader reads runs.
type RunReader interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// RunTenants reads at most so many results, what needs a person first.
	RunTenants(ctx context.Context, runID string, most int) ([]ManagedTenant, error)
	Runs(ctx context.Context, page RunPage) ([]Run, error)
	// CountRuns counts up to so many.
	CountRuns(ctx context.Context, filter RunFilter, most int) (int, error)
	Status(ctx context.Context, now time.Time) (SyncStatus, error)
	OpenRuns(ctx context.Context, before time.Time, after string, limit int) ([]OpenRun, error)
}

// OpenRun names a run of any tenant that is queued or running.
type OpenRun struct{ Tenant, RunID, WorkflowID string }

// ReadRuns shows runs.
type ReadRuns struct {
	store RunReader
	now   func() time.Time
}

// NewReadRuns wires the use cases.
func NewReadRuns(store RunReader, now func() time.Time) *ReadRuns {
	return &ReadRuns{store: store, now: now}
}

// shownTenants is how many results a run is shown with; ListTenantResults has all.
const shownTenants = 200

// countedRuns is up to how many runs a list is counted.
const countedRuns = 10_000

// Get returns a run with the first 200 of its tenants' results, what needs a person
// first.
func (r *ReadRuns) Get(ctx context.Context, id string) (Run, []ManagedTenant, error) {
	run, err := r.store.Run(ctx, id)
	if err != nil {
		return Run{}, nil, err
	}
	tenants, err := r.store.RunTenants(ctx, id, shownTenants)
	return run, tenants, err
}

// List returns a page and the id after which the next one begins, empty after
// the last. total is counted for the first page only, else -1; one more than 10,000
// stands for all that is more.
func (r *ReadRuns) List(ctx context.Context, page RunPage) (runs []Run, next string, total int, err error) {
	size := page.Size
	page.Size++
	if runs, err = r.store.Runs(ctx, page); err != nil {
		return nil, "", 0, err
	}
	if len(runs) > size {
		runs = runs[:size]
		next = runs[size-1].ID
	}
	if page.After != "" {
		return runs, next, -1, nil
	}
	total, err = r.store.CountRuns(ctx, page.Filter, countedRuns+1)
	return runs, next, total, err
}

// Status is what the status shows of syncing.
func (r *ReadRuns) Status(ctx context.Context) (SyncStatus, error) {
	return r.store.Status(ctx, r.now())
}

// Open names open runs of all tenants, oldest first, that began before a time; the
// list begins behind the run with the id after, at first where that is empty.
func (r *ReadRuns) Open(ctx context.Context, before time.Time, after string, limit int) ([]OpenRun, error) {
	return r.store.OpenRuns(ctx, before, after, limit)
}
