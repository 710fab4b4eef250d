package connection

import (
	"cmp"
	"context"
	"time"
)

// settleTimeout is how long an answer waits for its effect.
const settleTimeout = 3 * time.Second

// Settling waits a little for what a change causes elsewhere.
type Settling struct {
	effects EffectWaiter
	Timeout time.Duration // zero: three seconds
}

// NewSettling makes the part of use cases that wait for effects.
func NewSettling(effects EffectWaiter) *Settling { return &Settling{effects: effects} }

// Wait reports whether the effect is done. The change stands in any case.
func (s *Settling) Wait(ctx context.Context, effectID string) string {
	if !s.effects.Settle(ctx, []string{effectID}, cmp.Or(s.Timeout, settleTimeout)) {
		return Unsettled
	}
	return Settled
}
