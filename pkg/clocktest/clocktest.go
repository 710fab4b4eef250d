// Package clocktest is a clock for tests, which stands still until they move it.
package clocktest

import (
	"sync"
	"time"
)

// Clock is a time that tests move.
type Clock struct {
	step time.Duration
	mu   sync.Mutex
	at   time.Time
}

// At makes a clock that shows a time.
func At(at time.Time) *Clock { return &Clock{at: at} }

// Stepping makes a clock that moves on by a step each time it is read, so that times tell the
// order of what was done.
func Stepping(at time.Time, step time.Duration) *Clock { return &Clock{at: at, step: step} }

// Now is the clock's time.
func (c *Clock) Now() time.Time { return c.Advance(c.step) }

// Advance moves the clock and returns its time.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return c.at
}
