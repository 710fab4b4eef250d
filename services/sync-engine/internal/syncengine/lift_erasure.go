package syncengine

import (
	"context"
	"time"
)

// ErasureLifter takes erasures back.
type ErasureLifter interface {
	// LiftErasure forgets the marks, and has the next rounds list everybody.
	// ErrUnknownErasure, ErrErasurePending.
	LiftErasure(ctx context.Context, id string, now time.Time) (Erasure, error)
}

// LiftErasure lets a person who was erased be synced again.
type LiftErasure struct {
	store ErasureLifter
	now   func() time.Time
}

// NewLiftErasure wires the use case.
func NewLiftErasure(store ErasureLifter, now func() time.Time) *LiftErasure {
	return &LiftErasure{store: store, now: now}
}

// Do lifts the erasure; what it erased does not come back. ErrUnknownErasure, ErrErasurePending.
func (l *LiftErasure) Do(ctx context.Context, id string) (Erasure, error) {
	return l.store.LiftErasure(ctx, id, l.now())
}
