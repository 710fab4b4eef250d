package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// EndedRuns implements syncengine.EndedRunReader.
func (s *Store) EndedRuns(ctx context.Context, since time.Time, after string, most int) (runs []syncengine.EndedRun, err error) {
	params := sqlc.ListEndedRunsParams{Since: since, After: uuid.Nil, Size: int32(most)} // at most 1,000
	if after != "" {
		if params.After, err = parse(after, errBadPage); err != nil {
			return nil, err
		}
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListEndedRuns(ctx, params)
		runs = make([]syncengine.EndedRun, len(rows))
		for i, row := range rows {
			runs[i] = syncengine.EndedRun{RunID: row.ID.String(), State: syncengine.State(row.State), At: row.CompletedAt}
		}
		return err
	}, pg.ReadOnly())
	return runs, err
}
