package mapping

import (
	"context"
	"time"
)

// effectLife is how long an effect is kept after its end, for whoever looks into
// what happened.
const effectLife = 30 * 24 * time.Hour

// SweepStore erases what nobody needs any more.
type SweepStore interface {
	// EraseEffects erases the effects of all tenants that ended before a time.
	EraseEffects(ctx context.Context, before time.Time) error
}

// Sweeper erases finished effects.
type Sweeper struct {
	store SweepStore
	now   func() time.Time
}

// NewSweeper makes a sweeper.
func NewSweeper(store SweepStore, now func() time.Time) *Sweeper {
	return &Sweeper{store: store, now: now}
}

// Sweep erases once.
func (s *Sweeper) Sweep(ctx context.Context) error {
	return s.store.EraseEffects(ctx, s.now().Add(-effectLife))
}
