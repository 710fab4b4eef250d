package postgres

import (
	"context"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
)

// Locks exclude refreshes of one tenant's token set from each other, and changes
// of its secrets, over all replicas.
type Locks struct {
	// A tenant has one place of each: the shared locks exclude other processes alone.
	refreshes, changes *queue.Queue
	// Holds the locks of all tenants, whose holders wait for Microsoft or for the secret
	// store: those of one tenant, or of a hundred, keep no other tenant out.
	shared *sharedLocks
}

// waitingForLock is how many callers of one tenant wait for a lock.
const waitingForLock = 256

// NewLocks makes locks, which have one connection of the pool together. Their holders
// need others, so that the pool must have at least two.
func NewLocks(pool *pg.Pool) *Locks {
	one := queue.Options{Running: 1, Waiting: waitingForLock}
	return &Locks{refreshes: queue.New(one), changes: queue.New(one), shared: &sharedLocks{pool: pool}}
}

// WithGrantLock lets one caller at a time, over all replicas, change the
// tenant's secrets.
func (s *Locks) WithGrantLock(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.alone(ctx, s.changes, "grant:", fn)
}

// WithRefreshLock lets one caller at a time, over all replicas, ask for a fresh
// token set of the tenant. Its holder may take the grant lock, and no caller the other
// way round.
func (s *Locks) WithRefreshLock(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.alone(ctx, s.refreshes, "refresh:", fn)
}

func (s *Locks) alone(ctx context.Context, here *queue.Queue, prefix string, fn func(ctx context.Context) error) error {
	id, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	leave, err := here.Enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	unlock, err := s.shared.lock(ctx, prefix+id)
	if err != nil {
		return err
	}
	defer unlock()
	return fn(ctx)
}
