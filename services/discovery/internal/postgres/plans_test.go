package postgres_test

import (
	"context"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// readWhole finds the tables that a plan reads whole.
var readWhole = regexp.MustCompile(`"Node Type": "Seq Scan",[^{}]*"Relation Name": "(\w+)"`)

// TestLookUpsReadByIndex looks at the plans of what a person waits for, with six MSPs of two
// thousand managed tenants and as many discoveries each: none reads those whole.
func TestLookUpsReadByIndex(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, "discovery")
	for _, sql := range []string{
		`INSERT INTO entra_managed_tenants (tenant_id, id, entra_tenant_id, display_name, name_key, primary_domain, domains, source_user_count, state, discovered_at, last_seen_at)
			SELECT 'msp-' || m, gen_random_uuid(), 'e' || n, 'N ' || n, 'n ' || n, 'd' || n || '.example', ARRAY['d' || n || '.example'], 5, 'active', now(), now()
			FROM generate_series(1, 6) m, generate_series(1, 2000) n`,
		`INSERT INTO entra_managed_tenant_domains (tenant_id, domain, managed_tenant_id) SELECT tenant_id, primary_domain, id FROM entra_managed_tenants`,
		`INSERT INTO entra_discoveries (tenant_id, id, state, started_at)
			SELECT 'msp-' || m, gen_random_uuid(), 'running', now() - n * interval '1 hour' FROM generate_series(1, 6) m, generate_series(1, 2000) n`,
		`ANALYZE`,
	} {
		_, err := db.Admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	const domain = "d1500.example"
	search := pgx.NamedArgs{"state": "", "query": domain, "query_key": domain, "after_key": "", "after_id": "00000000-0000-0000-0000-000000000000", "size": 100, "most": 10_000}
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: "msp-1", Actor: tenant.Actor{ID: "user-1", Type: "user"}})
	for _, c := range []struct {
		file, query, index string
		args               pgx.NamedArgs
	}{
		{"discoveries", "LatestDiscovery", "entra_discoveries_latest", nil},
		{"managed_tenants", "ListManagedTenants", "entra_managed_tenant_domains_pkey", search},
		{"managed_tenants", "CountManagedTenants", "entra_managed_tenant_domains_pkey", search},
		{"managed_tenants", "TenantsWithAccessEnding", "entra_managed_tenants_access_ending", pgx.NamedArgs{"before": "2026-01-01"}},
	} {
		err := pg.InTenant(ctx, db.Pool("discovery"), func(ctx context.Context, tx pgx.Tx) error {
			var plan string
			if err := tx.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+pgtest.Queries(t, "queries/"+c.file+".sql")[c.query], c.args).Scan(&plan); err != nil {
				return err
			}
			require.Contains(t, plan, `"Index Name": "`+c.index+`"`, c.query)
			for _, whole := range readWhole.FindAllStringSubmatch(plan, -1) {
				require.Equal(t, "entra_discovery_heads", whole[1], "%s: of these an MSP has one", c.query)
			}
			return nil
		}, pg.ReadOnly())
		require.NoError(t, err, c.query)
	}
}
