package microsoft

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
	// tripAfter is how many failures in a row open a breaker; more than one call
	// makes by itself.
	tripAfter = 10
	openFor   = 15 * time.Second
	// probing is when to come again while somebody else tries whether it works.
	probing     = 2 * time.Second
	maxBreakers = 4096
)

var (
	errOwnLimit = errors.New("held back below Microsoft's limits")
	errOutage   = errors.New("an answer of 5xx")
	// errUnanswered is the cause with which our own time for an answer ends.
	errUnanswered = errors.New("no answer in time")
)

// breaker spares a party that is down, and its callers the wait for it. It opens
// after failures in a row that are the party's own: no answer, or 5xx. What else
// it answers shows that it is there.
type breaker struct {
	steps *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu     sync.Mutex
	opened time.Time
	last   error // the last failure
}

// openError says that a breaker is open.
type openError struct {
	last  error
	after time.Duration // when to come again
}

func (e *openError) Error() string { return "given up for a while after: " + e.last.Error() }

func newBreaker() *breaker {
	b := &breaker{}
	b.steps = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     openFor,
		ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= tripAfter },
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

// enter lets a request through, or gives an *openError. done must be called with
// what became of it.
func (b *breaker) enter() (done func(error), err error) {
	report, err := b.steps.Allow()
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		after := probing
		if errors.Is(err, gobreaker.ErrOpenState) {
			after = max(openFor-time.Since(b.opened), time.Second)
		}
		return nil, &openError{last: b.last, after: after}
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

// outcome is what a breaker is told of an answer, or of there being none. That
// the caller went away, or was in a hurry, says nothing.
func outcome(ctx context.Context, resp *http.Response, err error) error {
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errUnanswered):
		return context.Canceled
	case err != nil:
		return err
	case resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented:
		return errOutage
	}
	return nil
}

// failure is what an open breaker means to the caller.
func (e *openError) failure() error {
	m := unreachable
	if errors.Is(e.last, errOutage) {
		m = passing
	}
	return m.failure(0, "", e.after).Err(e)
}

// guarded is a transport with a breaker for each authority: the host and the
// first part of the path, which at the identity platform is the directory.
type guarded struct {
	next http.RoundTripper

	mu       sync.Mutex
	breakers map[string]*breaker
}

// RoundTrip sends a request, or gives an *openError.
func (g *guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	first, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	done, err := g.breaker(req.URL.Host + "/" + strings.ToLower(first)).enter()
	if err != nil {
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	done(outcome(req.Context(), resp, err))
	return resp, err
}

func (g *guarded) breaker(key string) *breaker {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok := g.breakers[key]
	if !ok {
		if g.breakers == nil || len(g.breakers) >= maxBreakers {
			g.breakers = map[string]*breaker{} // rare, and costs some failures more
		}
		b = newBreaker()
		g.breakers[key] = b
	}
	return b
}
