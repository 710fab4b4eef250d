package pg_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
)

// small opens a pool of four connections.
func (b *bundle) small(t *testing.T, o pg.Options) *pg.Pool {
	t.Helper()
	o.Context, o.MaxConns = "mapping", 4
	pool, err := pg.Open(t.Context(), b.db.URL, o)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// locked holds the lock of the counter's row until release is called.
func (b *bundle) locked(t *testing.T) (release func()) {
	t.Helper()
	tx, err := b.db.Admin.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `UPDATE mapping.counter SET n = n`)
	require.NoError(t, err)
	release = sync.OnceFunc(func() { require.NoError(t, tx.Rollback(context.WithoutCancel(t.Context()))) })
	t.Cleanup(release)
	return release
}

func count(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE counter SET n = n + 1`)
	return err
}

func TestWritersThatWaitTakeNoConnectionsFromOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pool := b.small(t, pg.Options{BackgroundConns: 1, Writers: queue.Options{Waiting: 30}})
	release := b.locked(t)
	const flood = 40
	outcomes := make(chan error, flood)
	for range flood {
		go func() { outcomes <- pg.InTenant(b.acme, pool, count) }()
	}
	for range flood - 31 { // one runs, thirty wait
		err := <-outcomes
		require.ErrorIs(t, err, queue.ErrBusy)
	}
	globex := inTenant(t.Context(), "globex")
	require.NoError(t, pg.InTenant(globex, pool, add("another tenant writes")))
	require.Equal(t, []string{"another tenant writes"}, b.names(globex, t, pool))
	require.Empty(t, b.names(b.acme, t, pool, pg.ReadOnly()), "and the same tenant reads")
	require.NoError(t, pool.Ping(t.Context()))
	release()
	for range 31 {
		require.NoError(t, <-outcomes)
	}
	var n int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT n FROM mapping.counter`).Scan(&n))
	require.Equal(t, 31, n)
}

func TestAPoolInUseIsReadyAndItsBackgroundWorks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pool := b.small(t, pg.Options{BackgroundConns: 1})
	for range 4 {
		conn, err := pg.Dedicated(t.Context(), pool)
		require.NoError(t, err)
		defer conn.Release()
	}
	require.NoError(t, pool.Ping(t.Context()))
	require.Empty(t, b.names(b.acme, t, pool.Background(), pg.ReadOnly()))
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, pg.Listen(ctx, pool, "anything", cancel, func(string) {}))
	require.Same(t, b.pool, b.pool.Background(), "where there is none of its own")
}

func TestWritersWaitForLocksABoundedTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pool := b.small(t, pg.Options{})
	require.Equal(t, "10s", b.setting(t, pool, "lock_timeout"))
	require.Equal(t, "15s", b.setting(t, pool, "statement_timeout", pg.ReadOnly()))
	require.Equal(t, "1s", b.setting(t, pool, "statement_timeout", pg.ReadOnly(), pg.StatementTimeout(time.Second)))

	b.locked(t)
	err := pg.InTenant(b.acme, pool, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = 1`); err != nil {
			return err
		}
		return count(ctx, tx)
	})
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	require.Equal(t, "database_busy", errs.ReasonOf(err))
	var busy *errs.Error
	require.ErrorAs(t, err, &busy)
	require.Positive(t, busy.RetryAfter())
}

// setting reads a parameter inside a transaction.
func (b *bundle) setting(t *testing.T, pool *pg.Pool, name string, opts ...pg.TxOption) (value string) {
	t.Helper()
	require.NoError(t, pg.InTenant(b.acme, pool, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value)
	}, opts...))
	return value
}
