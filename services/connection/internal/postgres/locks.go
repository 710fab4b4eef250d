package postgres

import (
	"context"
	"log/slog"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Locks exclude refreshes of one tenant's token set from each other, and changes
// of its secrets, over all replicas.
type Locks struct {
	database
	// A tenant has one place of each, so that one with many callers does not take all.
	refreshes, changes *queue.Queue
	// Holds the locks of all refreshes, which wait for Microsoft: those of one tenant, or
	// of a hundred, keep nobody else from refreshing.
	shared *sharedLocks
}

// waitingForLock is how many callers of one tenant wait for a lock.
const waitingForLock = 256

// NewLocks makes locks. One for a change that is held occupies a connection of the pool
// while its holder needs others, so at most so many are held at once; those for refreshes
// have one connection together. The pool must be larger.
func NewLocks(pool *pg.Pool, most int) *Locks {
	return &Locks{
		database:  database{pool},
		refreshes: queue.New(queue.Options{Running: 1, Waiting: waitingForLock}),
		changes:   queue.New(queue.Options{Running: 1, Waiting: waitingForLock, Total: most}),
		shared:    &sharedLocks{pool: pool},
	}
}

// lockTries bounds the attempts to get a lock on connections that break.
const lockTries = 4

// WithGrantLock lets one caller at a time, over all replicas, change the
// tenant's secrets.
func (s *Locks) WithGrantLock(ctx context.Context, fn func(ctx context.Context) error) error {
	id, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	leave, err := s.changes.Enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	return s.underGrantLock(ctx, fn)
}

// WithRefreshLock lets one caller at a time, over all replicas, ask for a fresh
// token set of the tenant. Its holder may take the grant lock, and nobody the other
// way round.
func (s *Locks) WithRefreshLock(ctx context.Context, fn func(ctx context.Context) error) error {
	id, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	leave, err := s.refreshes.Enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	unlock, err := s.shared.lock(ctx, "refresh:"+id)
	if err != nil {
		return err
	}
	defer unlock()
	return fn(ctx)
}

// underGrantLock runs fn under the lock. It ends with its transaction, and so with the
// connection, whatever becomes of this process. A lock that was lost while it was
// held undoes nothing: what its holder wrote is committed by compare-and-swap.
func (s *Locks) underGrantLock(ctx context.Context, fn func(ctx context.Context) error) error {
	for attempt := 1; ; attempt++ {
		held := false
		var outcome error
		err := s.in(ctx, func(txCtx context.Context, q *sqlc.Queries, tenantID string) error {
			if err := q.LockGrant(txCtx, tenantID); err != nil {
				return err
			}
			held = true
			outcome = fn(ctx)
			return nil
		}, pg.Unqueued())
		if held {
			if err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "a lock was lost while it was held", "error", err)
			}
			return outcome
		}
		if err == nil || attempt == lockTries || !pg.ConnectionLost(err) {
			return err
		}
	}
}
