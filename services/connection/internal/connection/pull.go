package connection

import (
	"context"
	"time"
)

const (
	// eventLease is how long the gateway has for an event.
	eventLease = 30 * time.Second
	pullEvery  = 200 * time.Millisecond
)

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
