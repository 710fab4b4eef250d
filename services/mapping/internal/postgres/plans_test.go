package postgres_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// TestANewMappingIsFoundByItsIndex among a thousand: PostgreSQL has never looked at the
// table, as when a new MSP has just confirmed its mappings, and takes indexes with a condition for empty.
func TestANewMappingIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	const mappings = 1000
	db := pgtest.Database(t, "mapping")
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: "msp-1", Actor: tenant.Actor{ID: "user-1", Type: "user"}})
	ids := make([]uuid.UUID, mappings)
	for i := range ids {
		ids[i] = uuid.New()
	}
	err := pg.InTenant(ctx, db.Pool("mapping"), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO clients (id, external_id, name, name_key, website, domain, alternative_domains, email_domains, billing_email, created_at, updated_at)
			SELECT id, id::text, 'N', 'n', '', '', '{}', '{}', '', now(), now() FROM unnest($1::uuid[]) id`, ids)
		require.NoError(t, err)
		_, err = tx.Exec(ctx, `INSERT INTO entra_client_tenant_mappings (id, managed_tenant_id, entra_tenant_id, display_name, name_key, primary_domain, state, client_id, revision, version, decided_by, decided_at)
			SELECT id, id, id::text, 'N', 'n', 'n.example', 'mapped', id, 1, 1, 'user-1', now() FROM unnest($1::uuid[]) id`, ids)
		require.NoError(t, err)
		sql := pgtest.Queries(t, "queries/mappings.sql")["MappedTenant"]
		cost, err := pgtest.Explain(ctx, tx, sql, pgx.NamedArgs{"managed_tenant_id": ids[500]})
		require.NoError(t, err)
		require.Equal(t, 1, cost.Rows)
		require.Less(t, cost.Blocks, 30)
		return nil
	})
	require.NoError(t, err)
}
