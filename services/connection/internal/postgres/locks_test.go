package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

// of speaks for a tenant.
func of(ctx context.Context, id tenant.ID) context.Context {
	return tenant.With(ctx, tenant.Call{Tenant: id})
}

// TestLocksThatAreHeldKeepOutNoOtherTenant: more tenants than there are connections wait for
// Microsoft, or for the secret store, while they hold their locks, and another one refreshes,
// or changes its secrets, at once.
func TestLocksThatAreHeldKeepOutNoOtherTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	locks := postgres.NewLocks(b.pool)
	const waiting = 40
	holding, answer, ended := make(chan struct{}), make(chan struct{}), make(chan error, waiting)
	for i := range waiting {
		lock := []lock{locks.WithRefreshLock, locks.WithGrantLock}[i%2]
		go func() {
			ended <- lock(of(t.Context(), tenant.ID(fmt.Sprintf("t%d", i))), func(context.Context) error {
				holding <- struct{}{}
				<-answer
				return nil
			})
		}()
	}
	for range waiting {
		<-holding
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, locks.WithRefreshLock(of(ctx, "another"), func(ctx context.Context) error {
		return locks.WithGrantLock(ctx, func(context.Context) error { return nil })
	}))
	close(answer)
	for range waiting {
		require.NoError(t, <-ended)
	}
}

// lock is WithRefreshLock or WithGrantLock of a replica.
type lock = func(context.Context, func(context.Context) error) error

// TestLocksExcludeOverReplicas: one caller at a time of a tenant, in whichever
// process, also after the connection that held the locks was cut.
func TestLocksExcludeOverReplicas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, other := postgres.NewLocks(b.pool), postgres.NewLocks(b.db.Pool("connection"))
	for name, replicas := range map[string][]lock{
		"refreshes": {one.WithRefreshLock, other.WithRefreshLock}, "changes": {one.WithGrantLock, other.WithGrantLock},
	} {
		t.Run(name, func(t *testing.T) { excludes(t, b, replicas) })
	}
}

func excludes(t *testing.T, b *bundle, replicas []lock) {
	t.Helper()
	for range 2 {
		var inside, done atomic.Int32
		ended := make(chan error, 20)
		for i := range cap(ended) {
			go func() {
				ended <- replicas[i%2](of(t.Context(), "t1"), func(context.Context) error {
					assert.Equal(t, int32(1), inside.Add(1))
					done.Add(1)
					inside.Add(-1)
					return nil
				})
			}()
		}
		for range cap(ended) {
			require.NoError(t, <-ended)
		}
		require.Equal(t, int32(20), done.Load())
		_, err := b.db.Admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE '%advisory%' AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.NoError(t, replicas[0](of(t.Context(), "t1"), func(context.Context) error {
		err := replicas[1](of(ctx, "t1"), func(context.Context) error { return nil })
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		return nil
	}))
}
