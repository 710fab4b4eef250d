package pgtest

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

var nullable = regexp.MustCompile(`sqlc\.narg\((\w+)\)`)

// Queries are the queries of a file for sqlc by their names, with arguments as
// pgx.NamedArgs takes them.
func Queries(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	found := map[string]string{}
	for _, part := range strings.Split(string(text), "-- name: ")[1:] {
		head, sql, _ := strings.Cut(part, "\n")
		name, _, _ := strings.Cut(head, " ")
		found[name] = nullable.ReplaceAllString(sql, "@$1")
	}
	return found
}

// Cost is what a statement did: how many rows it gave, and how many blocks of 8 KiB it
// looked at, in memory or on disk.
type Cost struct{ Rows, Blocks int }

// Explain executes a statement and returns what it did.
func Explain(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) (Cost, error) {
	var text []byte
	if err := tx.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+sql, args).Scan(&text); err != nil {
		return Cost{}, err
	}
	var out []struct {
		Plan struct {
			Rows int `json:"Actual Rows"`
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return Cost{}, err
	}
	return Cost{Rows: out[0].Plan.Rows, Blocks: out[0].Plan.Hit + out[0].Plan.Read}, nil
}
