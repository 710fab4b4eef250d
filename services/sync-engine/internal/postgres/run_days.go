package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
)

// dropRows is about how many rows of old runs one transaction deletes. A run goes whole.
const dropRows = 5000

// DropRuns deletes runs that were made more than so many days ago, with their results; 0 deletes none.
// What something still follows from stays. It returns how many went.
func (s *Store) DropRuns(ctx context.Context, days int) (runs int, err error) {
	for {
		var n int32
		err = pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
			n, err = sqlc.New(tx).DropRuns(ctx, sqlc.DropRunsParams{Days: int32(days), Most: dropRows}) // days: a few thousand
			return err
		})
		if err != nil || n == 0 {
			return runs, err
		}
		runs += int(n)
	}
}
