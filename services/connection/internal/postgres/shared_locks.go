package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
)

const (
	// lockStatement bounds a statement on the shared connection, for which others wait.
	lockStatement = 5 * time.Second
	// lockTries bounds the attempts to get a lock on connections that break.
	lockTries = 4
	// A lock that another replica holds is tried again after a pause, which grows.
	firstLockPause, longestLockPause = 20 * time.Millisecond, 250 * time.Millisecond
)

// sharedLocks are advisory locks on one connection, however many are held: a lock that
// waits for Microsoft must not keep a connection of its own. They exclude other
// processes alone, so that callers of one key must come one at a time. With the connection
// all of them are lost, which undoes nothing: what a holder wrote is committed by
// compare-and-swap.
type sharedLocks struct {
	pool *pg.Pool

	mu   sync.Mutex
	conn *pg.Conn // nil while no lock is held
	held int      // locks on it
}

// lock waits until no other process has the key.
func (l *sharedLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	lost := 0
	for pause := firstLockPause; ; pause = min(2*pause, longestLockPause) {
		on, err := l.try(ctx, key)
		if on != nil {
			return func() { l.unlock(ctx, on, key) }, nil
		}
		if err != nil {
			if lost++; lost == lockTries || !pg.ConnectionLost(err) {
				return nil, err
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes the lock, if it is free, and returns the connection that holds it.
func (l *sharedLocks) try(ctx context.Context, key string) (on *pg.Conn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// A caller that leaves during a statement would end the connection, and all its locks.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockStatement)
	defer cancel()
	if l.conn == nil {
		if l.conn, err = pg.Dedicated(ctx, l.pool); err != nil {
			return nil, err
		}
	}
	locked, err := l.conn.TryLock(ctx, key)
	switch {
	case err != nil:
		l.end()
		return nil, err
	case locked:
		l.held++
		return l.conn, nil
	}
	l.returnUnused()
	return nil, nil // another process has it
}

func (l *sharedLocks) unlock(ctx context.Context, on *pg.Conn, key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != on { // it was lost meanwhile
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockStatement)
	defer cancel()
	if err := on.Unlock(ctx, key); err != nil {
		slog.WarnContext(ctx, "a lock was lost while it was held", "error", err)
		l.end()
		return
	}
	l.held--
	l.returnUnused()
}

// returnUnused returns the connection to the pool while it holds nothing.
func (l *sharedLocks) returnUnused() {
	if l.held == 0 {
		l.conn.Return()
		l.conn = nil
	}
}

// end closes the connection, with all its locks.
func (l *sharedLocks) end() {
	l.conn.Release()
	l.conn, l.held = nil, 0
}
