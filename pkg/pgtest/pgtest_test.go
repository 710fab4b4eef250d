package pgtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
)

func TestDatabaseIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	one, two := pgtest.Database(t, "mapping"), pgtest.Database(t, "mapping", "gateway")
	require.NotEqual(t, one.Name, two.Name)

	_, err := one.Admin.Exec(t.Context(), `CREATE TABLE mapping.mark (n int)`)
	require.NoError(t, err)
	var there bool
	require.NoError(t, two.Admin.QueryRow(t.Context(), `SELECT to_regclass('mapping.mark') IS NOT NULL`).Scan(&there))
	require.False(t, there)

	require.NoError(t, one.Pool("mapping").Ping(t.Context()))
	require.NoError(t, two.Pool("gateway").Ping(t.Context()))
	require.Same(t, two.Pool("gateway"), two.Pool("gateway"))
}
