package outbox

import (
	"context"
	"sync"
	"time"
)

// Bell wakes everybody who waits for effects to come or go. The zero value is
// ready to use. A ring may be lost with the database's connection, so Until also
// looks now and then.
type Bell struct {
	mu    sync.Mutex
	heard chan struct{}
}

// Ring wakes all who wait.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.heard != nil {
		close(b.heard)
		b.heard = nil
	}
}

// Next is closed at the next ring. Ask for it before looking at what may have
// changed already.
func (b *Bell) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.heard == nil {
		b.heard = make(chan struct{})
	}
	return b.heard
}

// lookAgain is how often a waiting caller looks when no bell rings.
const lookAgain = 200 * time.Millisecond

// Until looks at each ring, and now and then, whether something is done, for a
// time or until ctx ends; false when it is not.
func (b *Bell) Until(ctx context.Context, wait time.Duration, done func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		rung := b.Next()
		if done(ctx) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-rung:
		case <-tick.C:
		}
	}
}
