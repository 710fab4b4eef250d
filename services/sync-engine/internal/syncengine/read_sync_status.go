package syncengine

import (
	"context"
	"time"
)

// SyncStatus is what the status shows of syncing.
type SyncStatus struct {
	Settings Settings
	LastRun  *Run
}

// StatusReader reads what the status shows of syncing.
type StatusReader interface {
	Status(ctx context.Context, now time.Time) (SyncStatus, error)
}

// ReadSyncStatus shows how syncing stands.
type ReadSyncStatus struct {
	store StatusReader
	now   func() time.Time
}

// NewReadSyncStatus wires the use case.
func NewReadSyncStatus(store StatusReader, now func() time.Time) *ReadSyncStatus {
	return &ReadSyncStatus{store: store, now: now}
}

// Do is what the status shows of syncing.
func (r *ReadSyncStatus) Do(ctx context.Context) (SyncStatus, error) {
	return r.store.Status(ctx, r.now())
}
