package costtest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// CopyTime is how long COPY takes to write the rows of a tenant in these tables into empty tables
// that have the same columns, indexes and checks, and the foreign keys among them: what the
// database takes at least for such rows. Tables that others refer to come first. They are made and
// dropped in the schema that the connection's search path begins with.
func CopyTime(t testing.TB, conn *pgx.Conn, tenant string, tables ...string) (took time.Duration) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // what was made is dropped in any case
	exec := func(sql string, args ...any) {
		_, err := conn.Exec(ctx, sql, args...)
		require.NoError(t, err, sql)
	}
	copied := func(table string) string { return pgx.Identifier{"copy_of_" + table}.Sanitize() }
	for _, table := range tables {
		exec("CREATE TABLE " + copied(table) + " (LIKE " + pgx.Identifier{table}.Sanitize() + " INCLUDING ALL)")
		defer exec("DROP TABLE " + copied(table) + " CASCADE")
		rows, err := conn.Query(ctx, `SELECT pg_get_constraintdef(c.oid), f.relname FROM pg_constraint c JOIN pg_class f ON f.oid = c.confrelid
			WHERE c.contype = 'f' AND c.conrelid = $1::regclass AND f.relname = ANY ($2)`, table, tables)
		require.NoError(t, err)
		keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Definition, To string }])
		require.NoError(t, err)
		for _, key := range keys {
			exec("ALTER TABLE " + copied(table) + " ADD " + strings.Replace(key.Definition, " "+key.To+"(", " "+copied(key.To)+"(", 1))
		}
		var data bytes.Buffer
		_, err = conn.PgConn().CopyTo(ctx, &data, "COPY (SELECT * FROM "+pgx.Identifier{table}.Sanitize()+" WHERE tenant_id = '"+tenant+"') TO STDOUT")
		require.NoError(t, err)
		began := time.Now()
		_, err = conn.PgConn().CopyFrom(ctx, &data, "COPY "+copied(table)+" FROM STDIN")
		require.NoError(t, err)
		took += time.Since(began)
		exec("ANALYZE " + copied(table)) // as the server does by itself after a while; foreign keys are looked up by it
	}
	return took
}
