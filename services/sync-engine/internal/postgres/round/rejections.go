package round

import (
	"context"
	_ "embed" // the statements

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed rejects_some.sql
	rejectsSome string
	//go:embed rejected_void.sql
	rejectedVoid string
)

// voidRejected ends what persons rejected about identities that are listed and not disabled. A person may
// have rejected it since the plan was made.
func (r *Round) voidRejected(ctx context.Context, step syncengine.Step) error {
	some := false
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, rejectsSome, r.args(everything)).Scan(&some)
	})
	if err != nil || !some {
		return err
	}
	return r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
		if err := r.checkRevision(ctx, tx); err != nil {
			return err
		}
		return exec(ctx, tx, r.args(of), rejectedVoid)
	})
}
