package mapping

import (
	"context"
	"time"
)

// How an answer describes what its change causes elsewhere.
const (
	EffectsSettled = "settled" // it has happened
	EffectsPending = "pending" // it will happen
)

// settleWait is how long an answer waits for its effects.
const settleWait = 3 * time.Second

// SettleStore reads how many links wait for a person.
type SettleStore interface {
	// OrphanedLinks counts the links of a managed tenant that wait for a person,
	// as far as is known.
	OrphanedLinks(ctx context.Context, managedTenantID string) (int32, error)
}

// EffectWaiter waits for effects.
type EffectWaiter interface {
	// Settle waits up to the given time for effects to end, and reports whether all have.
	Settle(ctx context.Context, ids []string, wait time.Duration) bool
	// Until checks repeatedly, for a time, whether something is done.
	Until(ctx context.Context, wait time.Duration, done func(context.Context) bool) bool
}

// Settling waits briefly for what a change causes elsewhere. The change is committed, whatever
// happens while it waits.
type Settling struct {
	store   SettleStore
	effects EffectWaiter
}

// NewSettling makes a Settling.
func NewSettling(store SettleStore, effects EffectWaiter) *Settling {
	return &Settling{store: store, effects: effects}
}

// wait reports whether all of the effects have ended: EffectsSettled or EffectsPending.
func (s *Settling) wait(ctx context.Context, ids []string) string {
	if !s.effects.Settle(ctx, ids, settleWait) {
		return EffectsPending
	}
	return EffectsSettled
}
