package connection

import (
	"context"
	"time"
)

// Effects that ask to be tried again wait 1 s, doubled each time, at most this.
const maxPostpone = 5 * time.Minute

// Ack records what became of effects.
type Ack struct {
	Outbox Outbox
	Now    func() time.Time
}

// The outcomes of an effect.
const (
	OutcomeDone   = "done"
	OutcomeFailed = "failed"
	OutcomeRetry  = "retry"
)

// Do records an outcome; errs.NotFound for an unknown effect. One that has ended
// stays as it ended.
func (u *Ack) Do(ctx context.Context, tenant, id, outcome string, result map[string]string) error {
	attempt, done, err := u.Outbox.EffectAttempt(ctx, tenant, id)
	if err != nil || done {
		return err
	}
	if outcome == OutcomeRetry {
		pause := min(time.Second<<min(max(attempt-1, 0), 20), maxPostpone)
		return u.Outbox.PostponeEffect(ctx, tenant, id, u.Now().Add(pause))
	}
	return u.Outbox.FinishEffect(ctx, tenant, id, outcome, result, u.Now())
}
