package microsoft

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// patience counts what one request has cost its caller.
type patience struct {
	held       time.Duration // waiting
	attempts   int
	broken     int // attempts that Graph could not answer just now
	unanswered int // attempts without a whole answer
}

// after tells whether to try again after a failure, and after what pause. Who is
// merely told to wait tries as often as the time lasts.
func (p *patience) after(ctx context.Context, err error, r *refusal) (pause time.Duration, again bool) {
	p.attempts++
	pause = outbound.Backoff(p.attempts)
	switch {
	case ctx.Err() != nil:
		return 0, false
	case r == nil:
		p.unanswered++
		again = isPassing(err) && !isOpen(err) && p.unanswered < maxUnanswered
	case r.Status == http.StatusTooManyRequests:
		again = true
	case transient(r.Status):
		p.broken++
		again = p.broken < maxAttempts
	}
	if r != nil && r.RetryAfter > 0 {
		pause = r.RetryAfter
	}
	if !again || p.held+pause > longestWait || !outbound.Fits(ctx, pause) {
		return pause, false
	}
	p.held += pause
	return pause, true
}

func isOpen(err error) bool {
	_, open := errors.AsType[*openError](err)
	return open
}

// isPassing tells a failure on the way, which another attempt may not meet, from
// one of the caller's own.
func isPassing(err error) bool { return connection.ClassOf(err) == connection.Retry }
