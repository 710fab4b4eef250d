package migrations_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pgtest"
)

// checkedUnderLock are migrations that landed before the rule below did. What
// landed is not edited, and their tables were empty or small when they ran.
var checkedUnderLock = []string{"connection 2", "connection 6", "gateway 2", "mapping 2", "syncengine 2"}

// constraint is a CHECK or a foreign key of a context's schema.
type constraint struct {
	ID, Table uint32
	Name      string
	Checked   bool // what stands in the table was read for it
}

func constraints(t *testing.T, db *pgtest.DB, schema string) map[uint32]constraint {
	t.Helper()
	rows, err := db.Admin.Query(t.Context(), `SELECT r.oid, r.conrelid, format('%s on %s', r.conname, r.conrelid::regclass), r.convalidated
		FROM pg_constraint r WHERE r.contype IN ('c', 'f') AND r.conrelid <> 0 AND r.connamespace = $1::text::regnamespace`, schema)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[constraint])
	require.NoError(t, err)
	found := map[uint32]constraint{}
	for _, c := range list {
		found[c.ID] = c
	}
	return found
}

func tables(t *testing.T, db *pgtest.DB, schema string) map[uint32]bool {
	t.Helper()
	rows, err := db.Admin.Query(t.Context(), `SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = $1::text::regnamespace`, schema)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	require.NoError(t, err)
	found := map[uint32]bool{}
	for _, id := range list {
		found[id] = true
	}
	return found
}

// TestNoMigrationChecksAFullTableUnderLock applies one migration after the other. A
// CHECK or a foreign key that is added to a table which was there before is added
// as NOT VALID: else every row is read while nobody can write. A later migration
// validates it, under a lock that lets writers be; see docs/adr/0026.
func TestNoMigrationChecksAFullTableUnderLock(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, db.AdminURL), nil))
	states, err := migrations.Version(t.Context(), db.AdminURL)
	require.NoError(t, err)
	var found []string
	for _, state := range states {
		for version := uint(0); version < state.Latest; {
			before, known := tables(t, db, state.Context), constraints(t, db, state.Context)
			require.NoError(t, migrations.Steps(t.Context(), db.AdminURL, state.Context, 1))
			now, err := migrations.Version(t.Context(), db.AdminURL, state.Context)
			require.NoError(t, err)
			version = now[0].Version
			step, full := fmt.Sprintf("%s %d", state.Context, version), false
			for id, c := range constraints(t, db, state.Context) {
				if _, was := known[id]; was || !c.Checked || !before[c.Table] {
					continue
				}
				full = true
				require.Contains(t, checkedUnderLock, step, "%s: add it as NOT VALID and validate it in a migration of its own", c.Name)
			}
			if full {
				found = append(found, step)
			}
		}
	}
	require.ElementsMatch(t, checkedUnderLock, found, "an exception that nobody needs goes from the list")
}
