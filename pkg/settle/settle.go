// Package settle lets an answer wait a little for what its change causes in other services, and
// say whether that has happened.
package settle

import (
	"cmp"
	"context"
	"time"
)

// What an answer says of the effects of its change. The change is committed in either case.
const (
	Settled = "settled" // they have ended
	Pending = "pending" // they will happen
)

// DefaultTimeout is how long an answer waits.
const DefaultTimeout = 3 * time.Second

// Effects are those of the tenant of the context.
type Effects interface {
	// Settle waits up to the given time for effects to end, and reports whether all have.
	Settle(ctx context.Context, ids []string, wait time.Duration) bool
}

// Waiter waits for effects.
type Waiter struct {
	effects Effects
	Timeout time.Duration // 0: DefaultTimeout
}

// NewWaiter makes a waiter.
func NewWaiter(effects Effects) *Waiter { return &Waiter{effects: effects} }

// Wait waits for effects, of which there may be none, and returns Settled or Pending.
func (w *Waiter) Wait(ctx context.Context, ids ...string) string {
	if !w.effects.Settle(ctx, ids, cmp.Or(w.Timeout, DefaultTimeout)) {
		return Pending
	}
	return Settled
}
