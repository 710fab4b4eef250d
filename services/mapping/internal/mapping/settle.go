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

const (
	// settleWait is how long an answer waits for its effects.
	settleWait = 3 * time.Second
	// settlePoll is how often it looks when no bell rings.
	settlePoll = 200 * time.Millisecond
)

// SettleStore tells how far effects are.
type SettleStore interface {
	// OpenEffects counts those that have not ended.
	OpenEffects(ctx context.Context, ids []string) (int32, error)
	// OrphanedLinks counts the links of a managed tenant that wait for a person,
	// as far as is known.
	OrphanedLinks(ctx context.Context, managedTenantID string) (int32, error)
}

// Settling waits a little for what a change causes elsewhere. Whatever happens
// while it waits, the change is committed and stands.
type Settling struct {
	store SettleStore
	bell  *Bell
}

// NewSettling makes it; the bell rings when effects end.
func NewSettling(store SettleStore, bell *Bell) *Settling { return &Settling{store: store, bell: bell} }

// wait tells whether all of the effects have ended.
func (s *Settling) wait(ctx context.Context, ids []string) string {
	if len(ids) == 0 {
		return EffectsSettled
	}
	settled := s.until(ctx, settleWait, func(ctx context.Context) bool {
		open, err := s.store.OpenEffects(ctx, ids)
		return err == nil && open == 0
	})
	if !settled {
		return EffectsPending
	}
	return EffectsSettled
}

// until looks again and again, for a time, whether something is done.
func (s *Settling) until(ctx context.Context, wait time.Duration, done func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	ticker := time.NewTicker(settlePoll)
	defer ticker.Stop()
	for {
		rung := s.bell.Next()
		if done(ctx) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-rung:
		case <-ticker.C:
		}
	}
}
