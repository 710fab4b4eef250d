package connection

import (
	"context"
	"time"
)

const (
	// effectLease is how long the worker has for an effect, eventLease how long
	// the gateway has for an event.
	effectLease = 30 * time.Second
	eventLease  = 30 * time.Second
	pullEvery   = 200 * time.Millisecond
)

// Pull hands out effects.
type Pull struct {
	Outbox Outbox
	Now    func() time.Time
}

// Do leases up to limit effects; it waits up to wait for the first.
func (u *Pull) Do(ctx context.Context, limit int32, wait time.Duration) ([]Effect, error) {
	return poll(ctx, wait, func() ([]Effect, error) {
		return u.Outbox.LeaseEffects(ctx, u.Now(), effectLease, limit)
	})
}

// poll asks for rows until some come or the wait is over.
func poll[T any](ctx context.Context, wait time.Duration, lease func() ([]T, error)) ([]T, error) {
	patience := time.NewTimer(wait)
	defer patience.Stop()
	tick := time.NewTicker(pullEvery)
	defer tick.Stop()
	for {
		rows, err := lease()
		if err != nil || len(rows) > 0 {
			return rows, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			return nil, nil
		case <-tick.C:
		}
	}
}
