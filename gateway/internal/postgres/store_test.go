package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

func TestRowsOfAnotherTenantAreNotThere(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, "gateway")
	pool := db.Pool("gateway")
	now := time.Now()
	store := postgres.NewFlags(pool)
	_, err := store.Create(t.Context(), []flags.Flag{{ID: uuid.Must(uuid.NewV7()), Key: "a", CreatedAt: now}})
	require.NoError(t, err)
	require.NoError(t, store.Target(t.Context(), "a", "t1", true, now))
	events := postgres.NewAudit(pool)
	for _, e := range []audit.Event{{Tenant: "t1", ActorType: audit.User}, {ActorType: audit.Platform}} {
		e.ID, e.OccurredAt = uuid.Must(uuid.NewV7()), now
		require.NoError(t, events.Insert(t.Context(), e))
	}
	keys := postgres.NewKeys(pool)
	for i, id := range []tenant.ID{"t1", ""} {
		found, err := keys.Claim(t.Context(), core.KeyClaim{
			Scope: [32]byte{byte(i)}, Tenant: id, Owner: uuid.Must(uuid.NewV7()), Now: now, Lease: time.Minute, ExpiresAt: now.Add(time.Hour),
		})
		require.NoError(t, err)
		require.True(t, found.Owned)
	}
	_, err = db.Admin.Exec(t.Context(), `INSERT INTO sessions (tenant_id, token_hash, actor_id, sealed, created_at, last_used_at, expires_at)
		VALUES ('t1', sha256('x'), 'a', 'x', now(), now(), now())`)
	require.NoError(t, err)

	webhook := uuid.Must(uuid.NewV7())
	_, err = db.Admin.Exec(t.Context(), `INSERT INTO webhooks (tenant_id, id, url, events, state, secret, feed_cursor, runs_until, next_at, leased_until, created_at, updated_at)
		VALUES ('t1', $1, 'https://host.example/hook', '{contact.created}', 'enabled', 'x', '', now(), now(), now(), now(), now())`, webhook)
	require.NoError(t, err)
	_, err = db.Admin.Exec(t.Context(), `INSERT INTO webhook_deliveries (tenant_id, webhook_id, id, message_id, type, attempt, delivered, took_ms, at)
		VALUES ('t1', $1, $1, 'm', 'contact.created', 1, true, 1, now())`, webhook)
	require.NoError(t, err)

	_, err = db.Admin.Exec(t.Context(), `INSERT INTO webhook_notices (tenant_id, id, type, data, at) VALUES ('t1', 'n', 'access.ended', '{}', now())`)
	require.NoError(t, err)

	// The tables of the schema that hold a tenant, whatever they are.
	rows, err := db.Admin.Query(t.Context(), `SELECT table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE table_schema = 'gateway' AND column_name = 'tenant_id' AND table_type = 'BASE TABLE' ORDER BY 1`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	// Partitions are reached through their table alone.
	tables = slices.DeleteFunc(tables, func(table string) bool {
		if !strings.HasPrefix(table, "audit_events_") {
			return false
		}
		for _, do := range []string{`SELECT 1 FROM ` + table, `DELETE FROM ` + table, `INSERT INTO ` + table + ` DEFAULT VALUES`, `DROP TABLE ` + table} {
			err := pg.WithoutTenant(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, do)
				return err
			})
			require.Error(t, err, do)
		}
		return true
	})
	require.Equal(t, []string{"audit_events", "feature_flag_tenants", "idempotency_keys", "sessions", "webhook_deliveries", "webhook_notices", "webhooks"}, tables)
	for _, table := range tables {
		count := func(id tenant.ID) (n int) {
			ctx := tenant.With(t.Context(), tenant.Call{Tenant: id})
			require.NoError(t, pg.InTenant(ctx, pool, func(ctx2 context.Context, tx pgx.Tx) error {
				return tx.QueryRow(ctx2, `SELECT count(*) FROM `+table).Scan(&n) // no filter
			}))
			return n
		}
		require.Equal(t, 1, count("t1"), table)
		require.Zero(t, count("t2"), table)
		err := pg.AcrossTenants(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SELECT 1 FROM `+table)
			return err
		})
		require.Error(t, err, "the across role reads no table: "+table)
	}
}

func TestMigrationGoesDownAndUpAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, "gateway")
	require.NoError(t, migrations.Down(t.Context(), db.AdminURL, "gateway"))
	var left int
	require.NoError(t, db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'gateway' AND c.relkind IN ('r', 'v') AND c.relname <> 'schema_migrations'`).Scan(&left))
	require.Zero(t, left)
	require.NoError(t, migrations.Up(t.Context(), db.AdminURL, "gateway"))
}
