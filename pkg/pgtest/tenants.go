package pgtest

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// tenantRule is the only condition a policy of a tenant's table may have.
var tenantRule = regexp.MustCompile(
	`^\(tenant_id = \( SELECT NULLIF\(current_setting\('app\.tenant'::text, true\), ''::text\) AS "?nullif"?\)\)$`)

// TenantTables checks that the tables of a context keep tenants apart: every
// table with a tenant_id has row-level security, enabled and forced, with the
// one rule for reading and for writing; the runtime role owns nothing, cannot
// get around it and sees no row of another tenant, nor any without a tenant.
// The database must hold rows of some tenant: a table without rows proves
// nothing, so each must have some, except those named in mayBeEmpty.
func TenantTables(t testing.TB, db *DB, name string, mayBeEmpty ...string) {
	t.Helper()
	for _, problem := range tenantProblems(t, db, name, mayBeEmpty) {
		t.Errorf("schema %s: %s", name, problem)
	}
}

// tenantProblems is the check itself; a list, so that its own test can see what
// it finds.
func tenantProblems(t testing.TB, db *DB, name string, mayBeEmpty []string) (problems []string) {
	t.Helper()
	ctx := t.Context()
	report := func(rows []string) { problems = append(problems, rows...) }
	report(db.strings(`SELECT 'role ' || rolname || ' may get around row-level security' FROM pg_roles
		WHERE rolname = ANY ($1) AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)`, roles(name)))
	report(db.strings(`SELECT 'role ' || r.rolname || ' owns ' || c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
		WHERE c.relnamespace = to_regnamespace($1) AND r.rolname = ANY ($2)`, name, []string{migrations.RuntimeRole(name), migrations.AcrossRole(name)}))
	report(db.strings(`SELECT 'role ' || $1 || ' is a member of ' || g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
		WHERE m.member = to_regrole($1) AND g.rolname <> $2`, migrations.RuntimeRole(name), migrations.AcrossRole(name)))
	report(db.strings(`SELECT 'role ' || grantee || ' may ' || lower(privilege_type) || ' ' || table_name FROM information_schema.role_table_grants
		WHERE table_schema = $1 AND (grantee = 'PUBLIC' OR grantee = $2 AND privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER'))`,
		name, migrations.RuntimeRole(name)))
	report(db.strings(`SELECT 'the across role may reach table ' || c.relname FROM pg_class c
		WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') AND has_table_privilege($2, c.oid, 'SELECT, INSERT, UPDATE, DELETE')`,
		name, migrations.AcrossRole(name)))
	// A view reads with its owner's rights, unless it says otherwise.
	report(db.strings(`SELECT 'the runtime role reads view ' || c.relname || ', which is no security_invoker' FROM pg_class c
		WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('v', 'm') AND has_table_privilege($2, c.oid, 'SELECT')
		AND NOT COALESCE(c.reloptions @> ARRAY['security_invoker=true'] OR c.reloptions @> ARRAY['security_invoker=on'], false)`,
		name, migrations.RuntimeRole(name)))
	tables := db.strings(`SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
		WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') ORDER BY 1`, name)
	if len(tables) == 0 {
		return append(problems, "has no table with a tenant_id")
	}
	for _, table := range tables {
		report(db.policyProblems(name, table))
		if db.count(name, table) == 0 && !slices.Contains(mayBeEmpty, table) {
			problems = append(problems, "table "+table+" holds no row to prove anything with")
		}
		report(db.strangerProblems(ctx, name, table))
	}
	return problems
}

func roles(name string) []string {
	return []string{migrations.Owner, migrations.RuntimeRole(name), migrations.AcrossRole(name), migrations.ViewsRole(name)}
}

func (db *DB) policyProblems(name, table string) (problems []string) {
	problems = db.strings(`SELECT 'table ' || relname || ': row-level security is not enabled and forced' FROM pg_class
		WHERE relnamespace = to_regnamespace($1) AND relname = $2 AND NOT (relrowsecurity AND relforcerowsecurity)`, name, table)
	problems = append(problems, db.strings(`SELECT 'table ' || relname || ' is owned by ' || relowner::regrole FROM pg_class
		WHERE relnamespace = to_regnamespace($1) AND relname = $2 AND relowner <> to_regrole($3)`, name, table, migrations.Owner)...)
	db.t.Helper()
	rows, err := db.Admin.Query(db.t.Context(), `SELECT p.polname, p.polcmd::text, p.polpermissive, p.polroles = ARRAY[to_regrole($3)::oid],
			COALESCE(pg_get_expr(p.polqual, p.polrelid), ''), COALESCE(pg_get_expr(p.polwithcheck, p.polrelid), '')
		FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
		WHERE c.relnamespace = to_regnamespace($1) AND c.relname = $2`, name, table, migrations.ViewsRole(name))
	if err != nil {
		db.t.Fatalf("pgtest: reading policies: %v", err)
	}
	var policy, command, using, with string
	var permissive, forViews bool
	guarded := false
	_, err = pgx.ForEachRow(rows, []any{&policy, &command, &permissive, &forViews, &using, &with}, func() error {
		switch {
		case !permissive || (forViews && command == "r"): // narrows, or reads for the id-only views
		case tenantRule.MatchString(using) && (tenantRule.MatchString(with) || command == "r" || command == "d"):
			guarded = guarded || command == "*"
		default:
			problems = append(problems, "table "+table+": policy "+policy+" opens it by another rule: USING "+using+" WITH CHECK "+with)
		}
		return nil
	})
	if err != nil {
		db.t.Fatalf("pgtest: reading policies: %v", err)
	}
	if !guarded {
		problems = append(problems, "table "+table+" has no policy with the tenant's rule for USING and WITH CHECK")
	}
	return problems
}

// strangerProblems looks at the table as the runtime role, under a tenant that
// has no rows and under none.
func (db *DB) strangerProblems(ctx context.Context, name, table string) (problems []string) {
	db.t.Helper()
	if !db.may(name, table) {
		return nil
	}
	query := "SELECT count(*) FROM " + pgx.Identifier{name, table}.Sanitize()
	look := func(who string, within func(context.Context, pg.Source, pg.TxFunc, ...pg.TxOption) error) {
		var n int
		err := within(ctx, db.Pool(name), func(ctx context.Context, tx pgx.Tx) error { return tx.QueryRow(ctx, query).Scan(&n) })
		if err != nil {
			db.t.Fatalf("pgtest: reading %s: %v", table, err)
		}
		if n != 0 {
			problems = append(problems, "table "+table+" shows rows to "+who)
		}
	}
	ctx = tenant.With(ctx, tenant.Call{Tenant: "a-tenant-that-has-no-rows"})
	look("another tenant", pg.InTenant)
	look("no tenant", pg.WithoutTenant)
	return problems
}

// may reports whether the runtime role may read the table at all.
func (db *DB) may(name, table string) (yes bool) {
	db.t.Helper()
	err := db.Admin.QueryRow(db.t.Context(), `SELECT has_table_privilege($1, $2, 'SELECT')`,
		migrations.RuntimeRole(name), pgx.Identifier{name, table}.Sanitize()).Scan(&yes)
	if err != nil {
		db.t.Fatalf("pgtest: reading privileges: %v", err)
	}
	return yes
}

func (db *DB) count(name, table string) (n int) {
	db.t.Helper()
	if err := db.Admin.QueryRow(db.t.Context(), "SELECT count(*) FROM "+pgx.Identifier{name, table}.Sanitize()).Scan(&n); err != nil {
		db.t.Fatalf("pgtest: counting %s: %v", table, err)
	}
	return n
}

// strings returns the first column of a query as the superuser.
func (db *DB) strings(query string, args ...any) []string {
	db.t.Helper()
	rows, err := db.Admin.Query(db.t.Context(), query, args...)
	if err != nil {
		db.t.Fatalf("pgtest: reading the catalogue: %v", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		db.t.Fatalf("pgtest: reading the catalogue: %v", err)
	}
	return found
}
