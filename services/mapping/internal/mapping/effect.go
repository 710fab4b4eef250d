package mapping

import (
	"context"
	"time"
)

const (
	// effectLease is how long whoever pulled an effect may take to answer.
	effectLease = 30 * time.Second
	// effectPoll is how often a pull that waits looks again.
	effectPoll = 200 * time.Millisecond
	// effectLongest bounds the pause before another try.
	effectLongest = 5 * time.Minute
)

// What became of an effect.
const (
	EffectDone   = "done"
	EffectFailed = "failed" // for good
	EffectRetry  = "retry"
)

// Effect is what a committed change must cause elsewhere.
type Effect struct {
	ID        string
	Tenant    string
	ActorID   string
	Kind      string
	Arguments map[string]string // ids only
	CreatedAt time.Time
	Attempt   int32
}

// EffectStore keeps effects.
type EffectStore interface {
	// LeaseEffects gives effects of all tenants that are due, the oldest first,
	// and keeps them from others until the given time.
	LeaseEffects(ctx context.Context, most int32, now, until time.Time) ([]Effect, error)
	// CloseEffect records the end of an effect, once.
	CloseEffect(ctx context.Context, id, outcome string, result map[string]string, at time.Time) error
	// PostponeEffect makes an effect due again after a pause that pause gives for
	// the number of tries so far.
	PostponeEffect(ctx context.Context, id string, at time.Time, pause func(attempt int32) time.Duration) error
}

// Effects hands out effects.
type Effects struct {
	store EffectStore
	now   func() time.Time
}

// NewEffects makes it.
func NewEffects(store EffectStore, now func() time.Time) *Effects {
	return &Effects{store: store, now: now}
}

// Pull leases effects that are due; it waits for one up to the given time.
func (e *Effects) Pull(ctx context.Context, most int32, wait time.Duration) ([]Effect, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	ticker := time.NewTicker(effectPoll)
	defer ticker.Stop()
	for {
		now := e.now()
		effects, err := e.store.LeaseEffects(ctx, most, now, now.Add(effectLease))
		if err != nil || len(effects) > 0 || wait == 0 {
			return effects, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timeout.C:
			return nil, nil
		case <-ticker.C:
		}
	}
}

// Ack records what became of an effect; the same answer again changes nothing.
func (e *Effects) Ack(ctx context.Context, id, outcome string, result map[string]string) error {
	if outcome == EffectRetry {
		return e.store.PostponeEffect(ctx, id, e.now(), pause)
	}
	return e.store.CloseEffect(ctx, id, outcome, result, e.now())
}

// pause grows from one second, twofold, with each try.
func pause(attempt int32) time.Duration {
	return min(time.Second<<min(max(attempt-1, 0), 10), effectLongest)
}
