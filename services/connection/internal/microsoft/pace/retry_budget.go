package pace

import (
	"context"
	"net/http"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

const (
	// MaxAttempts is how often a request is sent that Graph cannot answer just now.
	MaxAttempts   = 6
	maxUnanswered = 3 // attempts without a whole answer
	// LongestWait is how long one request holds its worker in all; beyond it the
	// error says when to try again.
	LongestWait = 90 * time.Second
)

// RetryBudget counts what one request has cost its caller. The zero value is that of
// a new request.
type RetryBudget struct {
	held       time.Duration // waiting
	attempts   int
	broken     int // attempts that Graph could not answer just now
	unanswered int // attempts without a whole answer
}

// Left is how long the request may wait still.
func (b *RetryBudget) Left() time.Duration { return LongestWait - b.held }

// Waited notes a wait.
func (b *RetryBudget) Waited(held time.Duration) { b.held += held }

// Next reports whether to try again after an answer that was a failure, or after none
// (nil), which another attempt may not meet (passing), and after what pause. A request
// that merely has to wait is tried as often as the time lasts.
func (b *RetryBudget) Next(ctx context.Context, f *Failure, passing bool) (pause time.Duration, again bool) {
	b.attempts++
	pause = outbound.Backoff(b.attempts)
	switch {
	case ctx.Err() != nil:
		return 0, false
	case f == nil:
		b.unanswered++
		again = passing && b.unanswered < maxUnanswered
	case f.Status == http.StatusTooManyRequests:
		again = true
	case f.Transient():
		b.broken++
		again = b.broken < MaxAttempts
	}
	if f != nil && f.RetryAfter > 0 {
		pause = f.RetryAfter
	}
	if !again || pause > b.Left() || !outbound.Fits(ctx, pause) {
		return pause, false
	}
	b.held += pause
	return pause, true
}
