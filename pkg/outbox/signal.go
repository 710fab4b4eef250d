package outbox

import (
	"context"
	"sync"
	"time"
)

// Signal wakes all callers that wait for effects to come or go. The zero value is
// ready to use. A signal may be lost with the database's connection, so Until also
// looks now and then.
type Signal struct {
	mu    sync.Mutex
	heard chan struct{}
}

// Broadcast wakes all callers that wait.
func (s *Signal) Broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard != nil {
		close(s.heard)
		s.heard = nil
	}
}

// Next is closed at the next signal. Ask for it before looking at what may have
// changed already.
func (s *Signal) Next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == nil {
		s.heard = make(chan struct{})
	}
	return s.heard
}

// lookAgain is how often a waiting caller looks when no signal comes.
const lookAgain = 200 * time.Millisecond

// Until looks at each signal, and now and then, whether something is done, for a
// time or until ctx ends; false when it is not.
func (s *Signal) Until(ctx context.Context, wait time.Duration, done func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		signalled := s.Next()
		if done(ctx) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-signalled:
		case <-tick.C:
		}
	}
}
