package migrations_test

import (
	"context"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// shape is all that the contexts' schemas hold, as sorted text.
func shape(t *testing.T, db *pgtest.DB) []string {
	t.Helper()
	rows, err := db.Admin.Query(t.Context(), `
		WITH ours AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY ($1))
		SELECT format('%s.%s %s %s %s', o.nspname, c.relname, c.relkind, c.relowner::regrole, c.relacl) FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
		UNION ALL SELECT format('column %s.%s %s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl)
			FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN ours o ON o.oid = c.relnamespace
			LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attnum > 0 AND NOT a.attisdropped
		UNION ALL SELECT format('constraint %s %s %s', r.conrelid::regclass, r.conname, pg_get_constraintdef(r.oid)) FROM pg_constraint r JOIN ours o ON o.oid = r.connamespace
		UNION ALL SELECT format('index %s', pg_get_indexdef(i.indexrelid)) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN ours o ON o.oid = c.relnamespace
		UNION ALL SELECT format('policy %s %s %s %s', p.polrelid::regclass, p.polname, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN ours o ON o.oid = c.relnamespace
		UNION ALL SELECT format('function %s.%s', o.nspname, f.proname) FROM pg_proc f JOIN ours o ON o.oid = f.pronamespace
		UNION ALL SELECT format('type %s.%s', o.nspname, y.typname) FROM pg_type y JOIN ours o ON o.oid = y.typnamespace
		ORDER BY 1`, migrations.Contexts())
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, db.AdminURL), nil))
	bare := shape(t, db)
	require.Empty(t, bare)

	require.NoError(t, migrations.Up(t.Context(), db.AdminURL))
	full := shape(t, db)
	states, err := migrations.Version(t.Context(), db.AdminURL)
	require.NoError(t, err)
	require.Len(t, states, len(migrations.Contexts()))
	for _, s := range states {
		require.Equal(t, s.Latest, s.Version, s.Context)
		require.False(t, s.Dirty, s.Context)
	}
	require.NoError(t, migrations.Up(t.Context(), db.AdminURL), "a second time is harmless")
	require.Equal(t, full, shape(t, db))

	require.NoError(t, migrations.Down(t.Context(), db.AdminURL))
	for _, line := range shape(t, db) {
		require.Contains(t, line, "schema_migrations", "down left something")
	}
	require.NoError(t, migrations.Up(t.Context(), db.AdminURL))
	require.Equal(t, full, shape(t, db))
}

func TestUpRunsConcurrently(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, db.AdminURL), nil))
	var wg sync.WaitGroup
	results := make([]error, 3)
	for i := range results {
		wg.Go(func() { results[i] = migrations.Up(t.Context(), db.AdminURL) })
	}
	wg.Wait()
	for _, err := range results {
		require.NoError(t, err)
	}
}

func TestUnknownContextIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, migrations.Up(t.Context(), "postgres://127.0.0.1:1/none", "nothing"), `no context "nothing"`)
}

func TestBootstrapIsIdempotentAndConcurrent(t *testing.T) {
	t.Parallel()
	one, two := pgtest.Empty(t), pgtest.Empty(t) // two databases share the server's roles
	var wg sync.WaitGroup
	results := make([]error, 6)
	for i := range results {
		db := one
		if i%2 == 1 {
			db = two
		}
		conn := connect(t, db.AdminURL)
		wg.Go(func() { results[i] = migrations.Bootstrap(t.Context(), conn, nil) })
	}
	wg.Wait()
	for _, err := range results {
		require.NoError(t, err)
	}
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, one.AdminURL), nil), "a second time is harmless")
}

func TestRuntimeRoles(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	db.GivePasswords()
	var before *string
	passwords := map[string]string{}
	for _, name := range migrations.Contexts() {
		passwords[migrations.RuntimeRole(name)] = "entrasync-test" // as pgtest's: roles belong to the whole server
	}
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, db.AdminURL), passwords))
	require.NoError(t, db.Admin.QueryRow(t.Context(), `SELECT rolpassword FROM pg_authid WHERE rolname = 'entrasync_mapping'`).Scan(&before))
	require.Contains(t, *before, "SCRAM-SHA-256$")

	conn := connect(t, db.URLFor("mapping")) // by password
	var path string
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT current_setting('search_path')`).Scan(&path))
	require.Equal(t, "mapping", path)
	_, err := conn.Exec(t.Context(), `SET ROLE entrasync_mapping_across`)
	require.NoError(t, err)

	for _, sql := range []string{
		`SET ROLE entrasync_owner`, `SET ROLE entrasync_mapping_views`, `SET ROLE entrasync_gateway_across`,
		`RESET ROLE; CREATE TABLE mapping.t (n int)`, `RESET ROLE; CREATE TABLE public.t (n int)`, `RESET ROLE; CREATE SCHEMA s`,
		`RESET ROLE; SELECT * FROM gateway.schema_migrations`,
	} {
		_, err := conn.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, sql)
		require.Equal(t, "42501", refused.Code, sql)
	}
}

func TestBootstrapWithoutSuperuser(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	// As on a managed server.
	_, err := db.Admin.Exec(t.Context(), `
		CREATE ROLE `+db.Name+` LOGIN CREATEROLE CREATEDB NOSUPERUSER PASSWORD 'manager';
		ALTER DATABASE `+db.Name+` OWNER TO `+db.Name)
	require.NoError(t, err)
	// Since PostgreSQL 16 it may change only roles that it made, which the server
	// notes as below. Here the roles may be there from other tests.
	_, err = db.Admin.Exec(t.Context(), `DO $$ DECLARE r text; BEGIN
		IF current_setting('server_version_num')::int >= 160000 THEN
			FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'entrasync\_%' LOOP
				EXECUTE format('GRANT %I TO `+db.Name+` WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', r);
			END LOOP;
		END IF; END $$`)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Admin.Exec(context.Background(), `REASSIGN OWNED BY `+db.Name+` TO CURRENT_USER; DROP OWNED BY `+db.Name+`; DROP ROLE `+db.Name)
		require.NoError(t, err)
	})
	as, err := url.Parse(db.AdminURL)
	require.NoError(t, err)
	as.User = url.UserPassword(db.Name, "manager")

	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, as.String()), nil))
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, as.String()), nil), "a second time is harmless")
	require.NoError(t, migrations.Up(t.Context(), as.String()))
	require.NoError(t, migrations.Down(t.Context(), as.String()))
}

func TestBadPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"", "with space", "ümlaut", "a\nb"} {
		err := migrations.Bootstrap(t.Context(), nil, map[string]string{"entrasync_mapping": password})
		require.ErrorContains(t, err, "password of role entrasync_mapping")
	}
}

func TestAMigrationThatWasKilledIsAppliedAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, db.AdminURL), nil))
	require.NoError(t, migrations.Up(t.Context(), db.AdminURL))
	full := shape(t, db)
	require.NoError(t, migrations.Down(t.Context(), db.AdminURL))
	// What a kill leaves: the mark, and nothing of the migration.
	_, err := db.Admin.Exec(t.Context(), "INSERT INTO mapping.schema_migrations (version, dirty) VALUES (1, true)")
	require.NoError(t, err)

	require.NoError(t, migrations.Up(t.Context(), db.AdminURL))
	require.Equal(t, full, shape(t, db))
}
