package connection

import (
	"context"
	"log/slog"
	"time"
)

const (
	settleTimeout = 3 * time.Second
	settleEvery   = 50 * time.Millisecond
)

// Settling waits a little for what a change causes elsewhere.
type Settling struct {
	Outbox  Outbox
	Timeout time.Duration // zero: three seconds
}

// wait tells whether the effect is done. The change stands in any case.
func (s *Settling) wait(ctx context.Context, tenant, effectID string) string {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = settleTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		_, done, err := s.Outbox.EffectAttempt(ctx, tenant, effectID)
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the state of an effect is not known", "effect", effectID, "error", err)
			return Unsettled
		}
		if done {
			return Settled
		}
		select {
		case <-ctx.Done():
			return Unsettled
		case <-tick.C:
		}
	}
}
