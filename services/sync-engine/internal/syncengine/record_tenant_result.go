package syncengine

import (
	"context"
	"time"
)

// TenantResultStore keeps what became of a run's managed tenants.
type TenantResultStore interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// FailTenant closes a tenant that has no result yet; as cancelled where the run is.
	FailTenant(ctx context.Context, runID, managedTenantID string, state State, problem *Problem, now time.Time) error
}

// RecordTenantResult records that the round of a managed tenant could not be done.
type RecordTenantResult struct {
	store TenantResultStore
	now   func() time.Time
}

// NewRecordTenantResult wires the use case.
func NewRecordTenantResult(store TenantResultStore, now func() time.Time) *RecordTenantResult {
	return &RecordTenantResult{store: store, now: now}
}

// Do records it; a result that exists stays.
func (r *RecordTenantResult) Do(ctx context.Context, runID, managedTenantID string, state State, problem *Problem) error {
	if _, err := r.store.Run(ctx, runID); err != nil {
		return err
	}
	return r.store.FailTenant(ctx, runID, managedTenantID, state, problem, r.now())
}
