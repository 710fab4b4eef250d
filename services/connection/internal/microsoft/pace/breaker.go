package pace

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	// TripAfter is how many failures in a row open a breaker; more than one call
	// makes by itself.
	TripAfter = 10
	// OpenFor is how long it stays open.
	OpenFor = 15 * time.Second
	// probing is when to come again while somebody else tries whether it works.
	probing     = 2 * time.Second
	maxBreakers = 4096
)

var (
	errOutage = errors.New("an answer of 5xx")
	// ErrUnanswered is the cause with which our own time for an answer ends.
	ErrUnanswered = errors.New("no answer in time")
)

// Breaker stops requests to a party that is down, so that callers need not wait for it. It opens
// after failures in a row that are the party's own: no answer, or 5xx. What else
// it answers shows that it is there.
type Breaker struct {
	steps *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu     sync.Mutex
	opened time.Time
	last   error // the last failure
}

// OpenError says that a breaker is open.
type OpenError struct {
	Last  error         // the last failure
	After time.Duration // when to come again
}

// Error is for logs.
func (e *OpenError) Error() string { return "given up for a while after: " + e.Last.Error() }

// NewBreaker makes a closed one.
func NewBreaker() *Breaker {
	b := &Breaker{}
	b.steps = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     OpenFor,
		ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= TripAfter },
		IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.mu.Lock()
				b.opened = time.Now()
				b.mu.Unlock()
			}
		},
	})
	return b
}

// Enter lets a request through, or gives an *OpenError. done must be called with
// what became of it.
func (b *Breaker) Enter() (done func(error), err error) {
	report, err := b.steps.Allow()
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		after := probing
		if errors.Is(err, gobreaker.ErrOpenState) {
			after = max(OpenFor-time.Since(b.opened), time.Second)
		}
		return nil, &OpenError{Last: b.last, After: after}
	}
	return func(err error) {
		if err != nil {
			b.mu.Lock()
			b.last = err
			b.mu.Unlock()
		}
		report(err)
	}, nil
}

// Outcome is what a breaker records of an answer, or of there being none. That
// the caller went away, or was in a hurry, says nothing.
func Outcome(ctx context.Context, resp *http.Response, err error) error {
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), ErrUnanswered):
		return context.Canceled
	case err != nil:
		return err
	case resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented:
		return errOutage
	}
	return nil
}

// Outage reports whether the party answered, with 5xx.
func (e *OpenError) Outage() bool { return errors.Is(e.Last, errOutage) }

// Guarded is a transport with a breaker for each authority: the host and the
// first part of the path, which at the identity platform is the directory.
type Guarded struct {
	Next http.RoundTripper

	mu       sync.Mutex
	breakers map[string]*Breaker
}

// RoundTrip sends a request, or gives an *OpenError.
func (g *Guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	first, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	done, err := g.breaker(req.URL.Host + "/" + strings.ToLower(first)).Enter()
	if err != nil {
		return nil, err
	}
	resp, err := g.Next.RoundTrip(req)
	done(Outcome(req.Context(), resp, err))
	return resp, err
}

func (g *Guarded) breaker(key string) *Breaker {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok := g.breakers[key]
	if !ok {
		if g.breakers == nil || len(g.breakers) >= maxBreakers {
			g.breakers = map[string]*Breaker{} // rare, and costs some failures more
		}
		b = NewBreaker()
		g.breakers[key] = b
	}
	return b
}
