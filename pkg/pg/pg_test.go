package pg_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// schema has a tenant's table, a table of no tenant and an id-only view.
const schema = `
SET ROLE entrasync_owner; SET search_path = mapping;
CREATE TABLE probe (tenant_id text COLLATE "C" NOT NULL, id uuid NOT NULL, name text NOT NULL CONSTRAINT probe_name CHECK (name <> ''),
	PRIMARY KEY (tenant_id, id), CONSTRAINT probe_unique UNIQUE (tenant_id, name));
ALTER TABLE probe ENABLE ROW LEVEL SECURITY;
ALTER TABLE probe FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON probe USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
	WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
CREATE POLICY views ON probe FOR SELECT TO entrasync_mapping_views USING (true);
GRANT SELECT, INSERT, UPDATE ON probe TO entrasync_mapping;
GRANT SELECT (tenant_id, id) ON probe TO entrasync_mapping_views;
CREATE VIEW probe_ids AS SELECT tenant_id, id FROM probe;
GRANT SELECT ON probe_ids TO entrasync_mapping_across;
ALTER VIEW probe_ids OWNER TO entrasync_mapping_views;
CREATE TABLE counter (n int NOT NULL);
INSERT INTO counter VALUES (0);
GRANT SELECT, UPDATE ON counter TO entrasync_mapping;`

type bundle struct {
	db   *pgtest.DB
	pool *pg.Pool
	acme context.Context
}

func setup(t *testing.T) *bundle {
	t.Helper()
	db := pgtest.Database(t, "mapping")
	_, err := db.Admin.Exec(t.Context(), schema)
	require.NoError(t, err)
	db.Admin.Reset() // its connections took another role
	return &bundle{db: db, pool: db.Pool("mapping"), acme: inTenant(t.Context(), "acme")}
}

func inTenant(ctx context.Context, id tenant.ID) context.Context {
	return tenant.With(ctx, tenant.Call{Tenant: id})
}

func add(name string) pg.TxFunc {
	return func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO probe (tenant_id, id, name) VALUES (current_setting('app.tenant'), $1, $2)`, uuid.New(), name)
		return err
	}
}

func (b *bundle) names(ctx context.Context, t *testing.T, src pg.Source, options ...pg.TxOption) (names []string) {
	t.Helper()
	require.NoError(t, pg.InTenant(ctx, src, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name FROM probe ORDER BY name`)
		if err != nil {
			return err
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}, options...))
	return names
}

func TestInTenantKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	globex := inTenant(t.Context(), "globex")
	require.NoError(t, pg.InTenant(b.acme, b.pool, add("one")))
	require.NoError(t, pg.InTenant(globex, b.pool, add("two")))
	require.Equal(t, []string{"one"}, b.names(b.acme, t, b.pool))
	require.Equal(t, []string{"two"}, b.names(globex, t, b.pool))

	err := pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO probe (tenant_id, id, name) VALUES ('globex', $1, 'smuggled')`, uuid.New())
		return err
	})
	require.Equal(t, errs.Internal, errs.KindOf(err), "the policy refuses other tenants' rows")
	require.Equal(t, []string{"two"}, b.names(globex, t, b.pool))
}

func TestWithoutATenantNothingIsSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, pg.InTenant(b.acme, b.pool, add("one")))
	for range 20 { // every connection of the pool, those with a tenant behind them too
		var n int
		require.NoError(t, pg.WithoutTenant(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM probe`).Scan(&n)
		}))
		require.Zero(t, n)
	}
	called := false
	work := func(context.Context, pgx.Tx) error { called = true; return nil }
	require.Equal(t, "tenant_missing", errs.ReasonOf(pg.InTenant(t.Context(), b.pool, work)))
	require.Equal(t, "tenant_missing", errs.ReasonOf(pg.InTenant(inTenant(t.Context(), ""), b.pool, work)))
	require.Equal(t, "tenant_invalid", errs.ReasonOf(pg.InTenant(inTenant(t.Context(), "x'; SET ROLE y; --"), b.pool, work)))
	require.False(t, called)
}

func TestInTenantRollsBackOnErrorAndPanic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine := errors.New("mine")
	err := pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return errors.Join(add("lost")(ctx, tx), mine)
	})
	require.ErrorIs(t, err, mine)
	require.Panics(t, func() {
		_ = pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
			_ = add("lost")(ctx, tx)
			panic("no")
		})
	})
	require.Empty(t, b.names(b.acme, t, b.pool))
	require.Zero(t, b.pool.Stat().AcquiredConns())
}

func TestAcrossTenantsSeesIDsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, pg.InTenant(b.acme, b.pool, add("one")))
	require.NoError(t, pg.InTenant(inTenant(t.Context(), "globex"), b.pool, add("two")))
	var n int
	require.NoError(t, pg.AcrossTenants(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(DISTINCT tenant_id) FROM probe_ids`).Scan(&n)
	}))
	require.Equal(t, 2, n)
	for _, sql := range []string{`SELECT count(*) FROM probe`, `UPDATE counter SET n = 1`, `SELECT n FROM counter`} {
		err := pg.AcrossTenants(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		})
		require.Error(t, err, sql)
	}
	require.Equal(t, []string{"one"}, b.names(b.acme, t, b.pool), "the role does not stay on the connection")
	err := pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT tenant_id FROM probe_ids`)
		return err
	})
	require.Error(t, err, "the runtime role itself may not look across")
}

func TestOptions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := pg.InTenant(b.acme, b.pool, add("one"), pg.ReadOnly())
	require.ErrorContains(t, err, "read-only")
	err = pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_sleep(60)`)
		return err
	}, pg.StatementTimeout(20*time.Millisecond))
	require.Equal(t, errs.Deadline, errs.KindOf(err))
	var level string
	require.NoError(t, pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SHOW transaction_isolation`).Scan(&level)
	}, pg.RepeatableRead()))
	require.Equal(t, "repeatable read", level)
}

func TestRetriesAfterSerializationFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	collide := func(calls *int) pg.TxFunc {
		return func(ctx context.Context, tx pgx.Tx) error {
			*calls++
			var n int
			if err := tx.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n); err != nil {
				return err
			}
			if *calls == 1 { // another transaction gets in between
				if _, err := b.db.Admin.Exec(ctx, `UPDATE mapping.counter SET n = n + 10`); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, `UPDATE counter SET n = $1`, n+1)
			return err
		}
	}
	calls := 0
	err := pg.InTenant(b.acme, b.pool, collide(&calls), pg.RepeatableRead())
	require.Equal(t, "database_contention", errs.ReasonOf(err))
	require.Equal(t, 1, calls, "nobody asked for retries")
	calls = 0
	require.NoError(t, pg.InTenant(b.acme, b.pool, collide(&calls), pg.RepeatableRead(), pg.Retries(3)))
	require.Equal(t, 2, calls)
	var n int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT n FROM mapping.counter`).Scan(&n))
	require.Equal(t, 21, n)
}

func TestDedicatedConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, err := pg.Dedicated(t.Context(), b.pool)
	require.NoError(t, err)
	two, err := pg.Dedicated(t.Context(), b.pool)
	require.NoError(t, err)
	defer two.Release()

	locked, err := one.TryLock(t.Context(), "directory 1")
	require.NoError(t, err)
	require.True(t, locked)
	locked, err = two.TryLock(t.Context(), "directory 1")
	require.NoError(t, err)
	require.False(t, locked)
	locked, err = two.TryLock(t.Context(), "directory 2")
	require.NoError(t, err)
	require.True(t, locked)
	require.NoError(t, two.Unlock(t.Context(), "directory 2"))
	require.Error(t, two.Unlock(t.Context(), "directory 2"))

	_, err = one.Raw().Exec(t.Context(), `CREATE TEMP TABLE staged (id uuid, name text)`)
	require.NoError(t, err)
	require.NoError(t, pg.InTenant(b.acme, one, func(ctx context.Context, tx pgx.Tx) error {
		n, err := tx.CopyFrom(ctx, pgx.Identifier{"staged"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{uuid.New(), "a"}, {uuid.New(), "b"}}))
		require.EqualValues(t, 2, n)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO probe (tenant_id, id, name) SELECT current_setting('app.tenant'), id, name FROM staged`)
		return err
	}))
	require.Equal(t, []string{"a", "b"}, b.names(b.acme, t, one))

	one.Release()
	one.Release()
	locked, err = two.TryLock(t.Context(), "directory 1")
	require.NoError(t, err)
	require.True(t, locked)
}

// TestALockThatIsSharedIsNeverFree: who had it alone shares it with whoever asks to share it, and nobody has it
// alone before all have released it.
func TestALockThatIsSharedIsNeverFree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conns := make([]*pg.Conn, 3)
	for i := range conns {
		conn, err := pg.Dedicated(t.Context(), b.pool)
		require.NoError(t, err)
		t.Cleanup(conn.Release)
		conns[i] = conn
	}
	keys := []string{"directory", "client"}
	refused := func(locked bool, err error) {
		t.Helper()
		require.NoError(t, err)
		require.False(t, locked)
	}
	locked, err := conns[0].TryLocks(t.Context(), keys...)
	require.NoError(t, err)
	require.True(t, locked)
	refused(conns[1].TryShared(t.Context(), keys...))
	require.NoError(t, conns[0].Share(t.Context(), keys...))
	refused(conns[2].TryLock(t.Context(), "client"))
	locked, err = conns[1].TryShared(t.Context(), keys...)
	require.NoError(t, err)
	require.True(t, locked)
	conns[0].Release()
	for _, key := range keys {
		refused(conns[2].TryLock(t.Context(), key))
	}
	conns[1].Release()
	locked, err = conns[2].TryLocks(t.Context(), keys...)
	require.NoError(t, err)
	require.True(t, locked)
}

// TestWhoReleasedItsLocksHoldsUpNobody takes a lock that another connection just
// had, again and again: the server ends a session some time after its client left.
func TestWhoReleasedItsLocksHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var has *pg.Conn
	for i := range 20 {
		wants, err := pg.Dedicated(t.Context(), b.pool)
		require.NoError(t, err)
		defer wants.Release()
		if has != nil {
			has.Release()
		}
		locked, err := wants.TryLock(t.Context(), "directory")
		require.NoError(t, err)
		require.True(t, locked, "after %d others", i)
		has = wants
	}
}

func TestAReturnedConnectionKeepsItsSessionButNoLock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, err := pg.Dedicated(t.Context(), b.pool)
	require.NoError(t, err)
	locked, err := one.TryLock(t.Context(), "k")
	require.NoError(t, err)
	require.True(t, locked)
	_, err = one.Raw().Exec(t.Context(), `CREATE TEMP TABLE staged (n int)`)
	require.NoError(t, err)
	session := one.Raw().PgConn().PID()
	two, err := pg.Dedicated(t.Context(), b.pool)
	require.NoError(t, err)
	defer two.Release()
	one.Return()
	one.Release()
	locked, err = two.TryLock(t.Context(), "k")
	require.NoError(t, err)
	require.True(t, locked)
	again, err := pg.Dedicated(t.Context(), b.pool)
	require.NoError(t, err)
	require.Equal(t, session, again.Raw().PgConn().PID())
	_, err = again.Raw().Exec(t.Context(), `TABLE staged`)
	require.NoError(t, err)

	// One that is no longer good does not come back.
	_, err = b.db.Admin.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, session)
	require.NoError(t, err)
	again.Return()
	for range b.pool.Stat().MaxConns() - 1 {
		conn, err := pg.Dedicated(t.Context(), b.pool)
		require.NoError(t, err)
		defer conn.Release()
		require.NotEqual(t, session, conn.Raw().PgConn().PID())
	}
}

func TestALostConnectionWritesNothingMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := pg.Dedicated(t.Context(), b.pool)
	require.NoError(t, err)
	defer conn.Release()
	locked, err := conn.TryLock(t.Context(), "k")
	require.NoError(t, err)
	require.True(t, locked)
	_, err = b.db.Admin.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, conn.Raw().PgConn().PID())
	require.NoError(t, err)

	for range 2 { // told by the server first, by the closed connection after
		err = pg.InTenant(b.acme, conn, add("late"))
		require.Equal(t, errs.Unavailable, errs.KindOf(err), "%v", err)
		require.True(t, pg.ConnectionLost(err), "%v", err)
	}
	require.Empty(t, b.names(b.acme, t, b.pool), "the pool goes on with other connections")
}

func TestListen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready, heard, ended := make(chan struct{}), make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- pg.Listen(ctx, b.pool, "effects", func() { close(ready) }, func(payload string) { heard <- payload })
	}()
	<-ready
	require.NoError(t, pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_notify('effects', 'hello')`)
		return err
	}))
	require.Equal(t, "hello", <-heard)
	cancel()
	require.NoError(t, <-ended)
}

func TestListeningThatEndsBeforeItBeganIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, pg.Listen(ctx, b.pool, "effects", nil, func(string) {}))
}

func TestUUIDsTravelInBinary(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := []uuid.UUID{uuid.New(), uuid.New()}
	var got []uuid.UUID
	var one uuid.UUID
	var none, some *uuid.UUID
	require.NoError(t, pg.WithoutTenant(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT $1::uuid[], ($1::uuid[])[1], $2::uuid, $3::uuid`, want, none, &want[1]).Scan(&got, &one, &none, &some)
	}))
	require.Equal(t, want, got)
	require.Equal(t, want[0], one)
	require.Nil(t, none)
	require.Equal(t, want[1], *some)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := pg.Open(t.Context(), "postgres://127.0.0.1/x", pg.Options{Context: "a b"})
	require.Error(t, err)
	_, err = pg.Open(t.Context(), "postgres://u:hunter2@127.0.0.1:port/x", pg.Options{Context: "mapping"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	_, err = pg.Open(t.Context(), "postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=2", pg.Options{Context: "mapping"})
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	require.NotContains(t, err.Error(), "hunter2")

	db := pgtest.Database(t, "mapping")
	wrong, err := url.Parse(db.URL)
	require.NoError(t, err)
	wrong.User = url.UserPassword("entrasync_mapping", "wrong")
	_, err = pg.Open(t.Context(), wrong.String(), pg.Options{Context: "mapping"})
	require.Error(t, err)
}

func TestClassify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, pg.InTenant(b.acme, b.pool, add("taken")))
	run := func(sql string, args ...any) error {
		return pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql, args...)
			return err
		})
	}
	err := pg.InTenant(b.acme, b.pool, add("taken"))
	require.Equal(t, errs.Conflict, errs.KindOf(err))
	require.Equal(t, "already_exists", errs.ReasonOf(err))
	require.ErrorContains(t, err, "probe_unique")
	require.NotContains(t, err.Error(), "taken", "values stay out of logs")

	err = pg.InTenant(b.acme, b.pool, add(""))
	require.Equal(t, "value_refused", errs.ReasonOf(err))
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	err = pg.InTenant(b.acme, b.pool, add("nul\x00"))
	require.Equal(t, "invalid_argument", errs.ReasonOf(err))
	err = run(`SELECT 'someone@example.com'::text::uuid`)
	require.Equal(t, "value_invalid", errs.ReasonOf(err))
	require.NotContains(t, err.Error(), "someone")
	require.Equal(t, errs.Internal, errs.KindOf(run(`SELECT nothing`)))
	require.Equal(t, errs.Internal, errs.KindOf(run(`SELECT 1 / 0`)))

	var n int
	err = pg.InTenant(b.acme, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT 1 WHERE false`).Scan(&n)
	})
	require.Equal(t, errs.NotFound, errs.KindOf(err))
	require.True(t, pg.NoRows(err))

	ctx, cancel := context.WithCancel(b.acme)
	cancel()
	require.Equal(t, errs.Cancelled, errs.KindOf(pg.InTenant(ctx, b.pool, add("x"))))
	ctx, cancel = context.WithTimeout(b.acme, 20*time.Millisecond)
	defer cancel()
	err = pg.InTenant(ctx, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_sleep(60)`)
		return err
	})
	require.Equal(t, errs.Deadline, errs.KindOf(err))

	own := errs.New(errs.Denied, "mine", "No.")
	require.Same(t, own, pg.Classify(own))
	require.NoError(t, pg.Classify(nil))
	require.Equal(t, errs.Unavailable, errs.KindOf(pg.Classify(io.ErrUnexpectedEOF)))
	require.Equal(t, errs.Unavailable, errs.KindOf(pg.Classify(&net.OpError{Op: "read", Err: errors.New("connection reset")})))
	plain := errors.New("plain")
	require.Equal(t, plain, pg.Classify(plain))
	require.False(t, pg.ConnectionLost(nil))
}

func TestStatementName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "GetClient", pg.StatementName("-- name: GetClient :one\nSELECT 1"))
	require.Equal(t, "COMMIT", pg.StatementName("commit;"))
	require.Equal(t, "empty", pg.StatementName(""))
}
