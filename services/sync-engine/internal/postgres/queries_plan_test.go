package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// queryPlan is a node of EXPLAIN (FORMAT JSON).
type queryPlan struct {
	Type     string      `json:"Node Type"`
	Relation string      `json:"Relation Name"`
	Index    string      `json:"Index Name"`
	Cond     string      `json:"Index Cond"`
	Plans    []queryPlan `json:"Plans"`
}

func (p *queryPlan) each(f func(*queryPlan)) {
	f(p)
	for i := range p.Plans {
		p.Plans[i].each(f)
	}
}

// selective says by which conditions an index finds a few rows of a table.
var selective = map[string][]string{
	"contacts":            {"email_norm =", "upn_key =", "name_key >=", "(id ="},
	"entra_contact_links": {"entra_object_id ="},
	"kept_identities":     {"email_norm =", "upn_key =", "name_key >=", "entra_object_id ="},
	// Of a report its rows are read in order, until the page is full.
	"entra_run_identities": {"run_id ="},
}

// TestLookUpsReadByIndex looks at the plans of the queries that a person waits for: who
// somebody is, and a page of a report. None reads a table of the tenant whole.
func TestLookUpsReadByIndex(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const people = 10_000
	runs := make([]uuid.UUID, 20)
	for i := range runs {
		runs[i] = uuid.Must(uuid.NewV7())
	}
	for _, id := range []string{msp, "msp-2"} {
		e.exec(`INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, made_by, entra_tenant_id, entra_object_id, entra_sync_source, entra_user_principal_name, created_at, updated_at)
			SELECT $1::text, gen_random_uuid(), gen_random_uuid(), 'N ' || n, 'n ' || n, 'u' || n || '@c.de', 'u' || n || '@c.de', 'sync', $2, 'o' || n, 'entra_sync',
				CASE n % 2 WHEN 0 THEN 'U' ELSE 'S' END || n || '@c.de', now(), now()
			FROM generate_series(1, $3::int) n`, id, directory, people)
		e.exec(`INSERT INTO entra_contact_links (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status, last_seen_at, last_synced_at, created_at)
			SELECT tenant_id, entra_tenant_id, entra_object_id, id, client_id, 'active', now(), now(), now() FROM contacts WHERE tenant_id = $1`, id)
		e.exec(`INSERT INTO kept_identities (tenant_id, entra_tenant_id, entra_object_id, verdict, linked, content, upn, full_name, name_key, named, email, email_norm, mailed, phone, role, addresses, own, contact_id)
			SELECT $1::text, $2, 'k' || n, 'unlicensed', false, n, 'K' || n || '@c.de', 'K ' || n, 'k ' || n, true, '', 'k' || n || '@c.de', true, '', '', '', 1, gen_random_uuid()
			FROM generate_series(1, $3::int) n`, id, directory, people)
		e.exec(`INSERT INTO directories (tenant_id, entra_tenant_id, managed_tenant_id, client_id, mapping_revision, settings_fingerprint)
			SELECT $1::text, 'd' || n, 'm' || n, gen_random_uuid(), 1, '' FROM generate_series(1, 300) n`, id)
		e.exec(`INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, display_name, user_principal_name)
			SELECT $1::text, ($2::uuid[])[1 + n % 20], 'm', 'o' || n, 'filtered', 'N ' || n, 'u' || n || '@c.de'
			FROM generate_series(1, $3::int) n`, id, runs, people)
	}
	args := pgx.NamedArgs{
		"object_id": "o1", "managed_tenant_id": nil, "most": 20, "address": "u1@c.de", "sign_in_name": "u1@c.de", "name_from": "n 1", "name_to": "n 1\U0010FFFF",
		"run_id": runs[0], "after_managed_tenant": "", "after_object": "", "after_n": 0, "outcome": nil, "reason": nil, "q": nil, "size": 50, "days": 30,
		"to_managed_tenant": "\U0010FFFF", "to_object": "", "to_n": 0, "reads": 1000, "before_last": 999,
	}
	look := func(state string) {
		for _, file := range []string{"explain.sql", "report.sql"} {
			for name, sql := range pgtest.Queries(t, "queries/"+file) {
				if name == "KeepReportDays" { // a function of the owner
					continue
				}
				err := pg.InTenant(e.ctx(), e.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
					var text []byte
					if err := tx.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+sql, args).Scan(&text); err != nil {
						return err
					}
					var out []struct{ Plan queryPlan }
					if err := json.Unmarshal(text, &out); err != nil {
						return err
					}
					out[0].Plan.each(func(p *queryPlan) { assert.Empty(t, readsAll(p), "%s: %s", state, name) })
					return nil
				}, pg.ReadOnly())
				require.NoError(t, err, name)
			}
		}
	}
	look("never analysed")
	e.exec(`ANALYZE`)
	look("analysed")
}

// manyMapped are managed tenants of as many clients.
func manyMapped(n int) []syncengine.MappedTenant {
	tenants := make([]syncengine.MappedTenant, n)
	for i := range tenants {
		tenants[i] = syncengine.MappedTenant{
			ManagedTenantID: fmt.Sprintf("m%d", i), EntraTenantID: fmt.Sprintf("d%d", i), ClientID: uuid.NewString(), Revision: 1,
		}
	}
	return tenants
}

// TestOpenTenantsAreReadOnce: PostgreSQL last looked at the table when every run had ended, and so
// expects nothing of a run that has just begun; what it then reads is still in proportion to the run.
func TestOpenTenantsAreReadOnce(t *testing.T) {
	t.Parallel()
	const tenants = 1000
	e := setup(t)
	e.mapping.tenants = manyMapped(tenants)
	for range 2 {
		ended := e.started(syncengine.TypeAllTenants, false)
		e.exec(`UPDATE entra_sync_run_tenants SET state = 'completed', started_at = now(), completed_at = now() WHERE run_id = $1`, ended.ID)
		_, err := e.finalise.Do(e.ctx(), ended.ID, "", nil, nil)
		require.NoError(t, err)
	}
	e.exec(`ANALYZE`)
	run := e.started(syncengine.TypeAllTenants, false)
	sql := pgtest.Queries(t, "queries/runs.sql")["ListOpenTenants"]
	args := pgx.NamedArgs{"run_id": run.ID, "after_group": 100, "groups": 200, "quick_identities": 1000}
	err := pg.InTenant(e.ctx(), e.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
		cost, err := pgtest.Explain(ctx, tx, sql, args)
		require.NoError(t, err)
		require.Equal(t, 200, cost.Rows)
		require.Less(t, cost.Blocks, 10*tenants)
		return nil
	}, pg.ReadOnly())
	require.NoError(t, err)
}

// TestAManagedTenantOfARunIsFoundByItsIndex while PostgreSQL has never looked at the table, as in the
// first run of a new MSP.
func TestAManagedTenantOfARunIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.mapping.tenants = manyMapped(1000)
	run := e.started(syncengine.TypeAllTenants, false)
	sql := pgtest.Queries(t, "queries/runs.sql")["GetRunTenant"]
	args := pgx.NamedArgs{"run_id": run.ID, "managed_tenant_id": "m500"}
	err := pg.InTenant(e.ctx(), e.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
		cost, err := pgtest.Explain(ctx, tx, sql, args)
		require.NoError(t, err)
		require.Less(t, cost.Blocks, 10)
		return nil
	}, pg.ReadOnly())
	require.NoError(t, err)
}

// readsAll is what a node reads that is not a few rows; empty where it is.
func readsAll(p *queryPlan) string {
	table := p.Relation
	if table == "entra_run_identities_"+time.Now().UTC().Format("2006_01_02") { // other days are empty
		table = "entra_run_identities"
	}
	conditions, tenants := selective[table]
	switch {
	case !tenants, p.Type == "Bitmap Heap Scan": // its index is a node of its own
		return ""
	case p.Type == "Seq Scan":
		return "scans " + p.Relation
	}
	for _, condition := range conditions {
		if strings.Contains(p.Cond, condition) {
			return ""
		}
	}
	return p.Type + " of " + p.Index + " by " + p.Cond
}

// TestTheDirectoriesOfDeletedContactsAreFoundByIndex, though PostgreSQL has never looked at the tables.
func TestTheDirectoriesOfDeletedContactsAreFoundByIndex(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("h-1"), ClientID: ptr(client), FullName: "P", Email: ptr("p1@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("h-2"), ClientID: ptr(client), FullName: "P", Email: ptr("p2@corp.example")},
	)
	e.dir.users = people(5000)
	e.round()
	ids := e.rows(`SELECT id::text FROM contacts WHERE external_id IS NULL ORDER BY id LIMIT 3`)
	sql := pgtest.Queries(t, "queries/batch.sql")["ClientsOfLinks"]
	look := func() {
		err := pg.InTenant(e.ctx(), e.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
			cost, err := pgtest.Explain(ctx, tx, sql, pgx.NamedArgs{"ids": ids, "external_ids": []string{"h-1", "h-2"}})
			require.NoError(t, err)
			require.Equal(t, 1, cost.Rows)
			require.Less(t, cost.Blocks, 100)
			return nil
		}, pg.ReadOnly())
		require.NoError(t, err)
	}
	look()
	e.exec(`ANALYZE`)
	look()
}
