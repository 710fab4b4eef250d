package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pgtest"
)

// TestTheMigrationGoesDownAndUpAgain leaves nothing behind on the way down.
func TestTheMigrationGoesDownAndUpAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, name)
	require.NoError(t, migrations.Down(t.Context(), db.AdminURL, name))
	var left int
	require.NoError(t, db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_class
		WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'v') AND relname <> 'schema_migrations'`, name).Scan(&left))
	require.Zero(t, left)
	require.NoError(t, migrations.Up(t.Context(), db.AdminURL, name))
}
