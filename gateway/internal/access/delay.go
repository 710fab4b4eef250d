package access

import (
	"context"
	"sync/atomic"
	"time"
)

// mostDelayed is how many refusals are held back at once. Beyond that they are
// answered at once: waiting requests take memory.
const mostDelayed = 1024

// Delay holds back the answers to callers over their limit, so that one who sends
// the next request as soon as the last was refused does not keep a processor busy
// with refusals. The zero value holds nothing back.
type Delay struct {
	time time.Duration
	held atomic.Int64
}

// NewDelay makes a delay of so long.
func NewDelay(d time.Duration) *Delay { return &Delay{time: d} }

// Wait returns after the delay, or at once when the caller has left or too many
// wait.
func (d *Delay) Wait(ctx context.Context) {
	if d == nil || d.time <= 0 {
		return
	}
	defer d.held.Add(-1)
	if d.held.Add(1) > mostDelayed {
		return
	}
	timer := time.NewTimer(d.time)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
