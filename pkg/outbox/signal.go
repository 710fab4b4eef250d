package outbox

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// Signal wakes all callers that wait for effects to come or go. The zero value is
// ready to use. A signal may be lost with the database's connection, so Until also
// looks now and then.
type Signal struct {
	mu        sync.Mutex
	heard     chan struct{}
	hears     bool
	lookAgain time.Duration // while it hears; 0: 5 s
}

// Hear says whether what the database announces comes to Broadcast from now on, and wakes
// all callers that wait: something may have been announced before, or go unheard from now on.
func (s *Signal) Hear(hears bool) {
	s.mu.Lock()
	s.hears = hears
	s.mu.Unlock()
	s.Broadcast()
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

const (
	// lookAgain is how often a waiting caller looks when no signal comes, though it would be
	// heard.
	lookAgain = 5 * time.Second
	// lookDeaf is how often where none would be heard.
	lookDeaf = 200 * time.Millisecond
)

// Until looks at each signal, and now and then, whether something is done, for a
// time or until ctx ends; false when it is not.
func (s *Signal) Until(ctx context.Context, wait time.Duration, done func(context.Context) bool) bool {
	return s.until(ctx, wait, func(ctx context.Context) (bool, time.Duration) { return done(ctx), 0 })
}

// until is Until for a caller that may know after which time something will have changed
// though nobody signals it; 0: it does not.
func (s *Signal) until(ctx context.Context, wait time.Duration, look func(context.Context) (done bool, again time.Duration)) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		signalled := s.Next()
		done, again := look(ctx)
		if done {
			return true
		}
		pause := s.pause()
		if again > 0 {
			pause = min(pause, again)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-signalled:
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (s *Signal) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hears {
		return lookDeaf
	}
	return cmp.Or(s.lookAgain, lookAgain)
}
