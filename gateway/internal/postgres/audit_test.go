package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// idAt is a UUID of version 7 of that time.
func idAt(at time.Time) uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	for i := range 6 {
		id[i] = byte(at.UnixMilli() >> (40 - 8*i))
	}
	return id
}

// months lists the partitions and how many rows each has.
func months(t *testing.T, db *pgtest.DB) map[string]int {
	t.Helper()
	rows, err := db.Admin.Query(t.Context(), `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'gateway.audit_events'::regclass`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	found := map[string]int{}
	for _, name := range names {
		var n int
		require.NoError(t, db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM gateway.`+name).Scan(&n))
		found[name] = n
	}
	return found
}

// keepAt does at a time what the gateway does now.
func keepAt(t *testing.T, db *pgtest.DB, at time.Time, keep int) (done []string) {
	t.Helper()
	require.NoError(t, pgx.BeginFunc(t.Context(), db.Admin, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE "+migrations.Owner); err != nil {
			return err
		}
		rows, err := tx.Query(t.Context(), `SELECT keep_audit_months_at($1, $2)`, at, keep)
		if err != nil {
			return err
		}
		done, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}))
	return done
}

func TestMonthsOfTheTrailAreMadeAheadAndDroppedWhole(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, "gateway")
	store := postgres.NewAudit(db.Pool("gateway"))
	// The months begin with that of the migration, which tests share: it may have been another one.
	var made string
	require.NoError(t, db.Admin.QueryRow(t.Context(), `SELECT min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'gateway.audit_events'::regclass`).Scan(&made))
	first, err := time.Parse("audit_events_2006_01", made)
	require.NoError(t, err)
	month := func(n int) time.Time {
		return time.Date(first.Year(), first.Month()+time.Month(n), 3, 12, 0, 0, 0, time.UTC)
	}
	name := func(n int) string { return "audit_events_" + month(n).Format("2006_01") }
	for n := range 5 {
		require.NoError(t, store.Insert(t.Context(), audit.Event{ID: idAt(month(n)), Tenant: "t1", OccurredAt: month(n), ActorType: audit.User}))
	}
	require.Equal(t, map[string]int{name(0): 1, name(1): 1, name(2): 1, "audit_events_other": 2}, months(t, db),
		"nothing is lost for want of a partition")

	require.Equal(t, []string{"made " + name(3), "made " + name(4)}, keepAt(t, db, month(2), 2))
	require.Equal(t, map[string]int{name(0): 1, name(1): 1, name(2): 1, name(3): 1, name(4): 1, "audit_events_other": 0}, months(t, db))
	require.Empty(t, keepAt(t, db, month(2), 2), "again")
	require.Equal(t, []string{"made " + name(5), "dropped " + name(0)}, keepAt(t, db, month(3), 2))
	require.Equal(t, []string{"made " + name(6), "made " + name(7)}, keepAt(t, db, month(5), 0), "0 drops none")

	seen, err := store.Before(tenant.With(t.Context(), tenant.Call{Tenant: "t1"}), uuid.Max, 10)
	require.NoError(t, err)
	require.Len(t, seen, 4)
	this := "audit_events_" + time.Now().UTC().Format("2006_01")
	_, err = db.Admin.Exec(t.Context(), `DROP TABLE IF EXISTS gateway.`+this)
	require.NoError(t, err)
	done, err := store.KeepMonths(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, []string{"made " + this}, done, "the gateway itself, as of now")
}

func TestTheTableBecomesItsFirstPartition(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	require.NoError(t, migrations.Bootstrap(t.Context(), conn, nil))
	require.NoError(t, migrations.Steps(t.Context(), db.AdminURL, "gateway", 2))
	const insert = `INSERT INTO gateway.audit_events (id, tenant_id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr)
		VALUES ($1, 't1', now(), 'ada', 'user', 'a', 'ok', '', '')`
	odd := uuid.MustParse("ffffffff-ffff-4fff-bfff-ffffffffffff") // of no time
	for _, id := range []uuid.UUID{idAt(time.Now().AddDate(-3, 0, 0)), idAt(time.Now()), odd} {
		_, err := db.Admin.Exec(t.Context(), insert, id)
		require.NoError(t, err)
	}
	require.NoError(t, migrations.Steps(t.Context(), db.AdminURL, "gateway", 1))
	found := months(t, db)
	require.Equal(t, 2, found["audit_events_"+time.Now().UTC().Format("2006_01")])
	require.Equal(t, 1, found["audit_events_other"])

	// What the version before says goes on working.
	_, err = db.Admin.Exec(t.Context(), insert+` ON CONFLICT (id) DO NOTHING`, odd)
	require.NoError(t, err)
	_, err = db.Admin.Exec(t.Context(), insert, idAt(time.Now()))
	require.NoError(t, err)
	require.NoError(t, migrations.Steps(t.Context(), db.AdminURL, "gateway", -1))
	var n int
	require.NoError(t, db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM gateway.audit_events`).Scan(&n))
	require.Equal(t, 4, n)
}

func TestAnOutcomeIsWrittenOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, "gateway")
	pool := db.Pool("gateway")
	store := postgres.NewAudit(pool)
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: "t1"})
	outcome := func() string {
		events, err := store.Before(ctx, uuid.Max, 10)
		require.NoError(t, err)
		require.Len(t, events, 1)
		return events[0].Outcome
	}
	event := audit.Event{ID: uuid.Must(uuid.NewV7()), Tenant: "t1", OccurredAt: time.Now(), ActorType: audit.User, Outcome: audit.Pending}
	require.NoError(t, store.Insert(ctx, event))
	require.Equal(t, audit.Pending, outcome())
	event.Outcome = audit.OK
	require.NoError(t, store.Settle(ctx, event))
	require.NoError(t, store.Settle(ctx, event))
	event.Outcome = "another"
	require.NoError(t, store.Settle(ctx, event))
	require.Equal(t, audit.OK, outcome())

	// The trail cannot be written over, not even by the gateway's own role.
	do := func(statement string) (rows int64, err error) {
		err = pg.InTenant(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, statement)
			rows = tag.RowsAffected()
			return err
		})
		return rows, err
	}
	for _, statement := range []string{`UPDATE audit_events SET outcome = 'another'`, `UPDATE audit_events SET attempts = 7`} {
		rows, err := do(statement)
		require.NoError(t, err)
		require.Zero(t, rows, statement)
	}
	for _, statement := range []string{
		`UPDATE audit_events SET actor_id = 'another'`, `DELETE FROM audit_events`, `SELECT keep_audit_months_at(now() + interval '9 years', 1)`,
	} {
		_, err := do(statement)
		require.Error(t, err, statement)
	}
}

// BenchmarkAudit is what the trail costs a change, a row before and its outcome
// after it, beside the one row that a refusal costs.
func BenchmarkAudit(b *testing.B) {
	db := pgtest.Database(b, "gateway")
	log := audit.New(postgres.NewAudit(db.Pool("gateway")), time.Now)
	ctx := tenant.With(b.Context(), tenant.Call{Tenant: "t1"})
	event := audit.Event{Tenant: "t1", ActorID: "ada", ActorType: audit.User, Action: "entrasync.mapping.v1.MappingService/ConfirmMappings"}
	b.Run("change", func(b *testing.B) {
		for b.Loop() {
			entry := log.Enter(event)
			require.NoError(b, entry.Begin(ctx))
			entry.End(ctx, audit.OK)
		}
	})
	b.Run("refusal", func(b *testing.B) {
		for b.Loop() {
			log.Enter(event).End(ctx, "permission_denied")
		}
	})
}
