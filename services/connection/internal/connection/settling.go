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
	Effects EffectWaiter
	Timeout time.Duration // zero: three seconds
}

// wait tells whether the effect is done. The change stands in any case.
func (s *Settling) wait(ctx context.Context, effectID string) string {
	if !s.Effects.Settle(ctx, []string{effectID}, cmp.Or(s.Timeout, settleTimeout)) {
		return Unsettled
	}
	return Settled
}
