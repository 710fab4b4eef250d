package round

import (
	"context"
	_ "embed" // the statements
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed hold_clear.sql
	holdClear string
	//go:embed hold_digest.sql
	holdDigest string
	//go:embed hold_record.sql
	holdRecord string
	//go:embed hold_plan.sql
	holdPlan string
	//go:embed hold_known.sql
	holdKnown string
	//go:embed report_held.sql
	reportHeld string
	//go:embed let_through.sql
	letThrough string
	//go:embed let_through_count.sql
	letThroughCount string
	//go:embed rejected_plan.sql
	rejectedPlan string
)

// ListingApproved implements syncengine.Round.
func (r *Round) ListingApproved(ctx context.Context) (approved bool, err error) {
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		approved, err = sqlc.New(tx).ListingApproved(ctx, r.managed.EntraTenantID)
		return err
	})
	return approved, err
}

// Hold takes the inactivations out of the plan, range by range.
func (r *Round) Hold(ctx context.Context, record bool, step syncengine.Step) (syncengine.Held, error) {
	held := syncengine.Held{Reason: syncengine.HeldMassInactivation}
	last := 0
	err := r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if record {
			if err := exec(ctx, tx, r.args(everything), holdClear); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, holdDigest).Scan(&held.Count, &held.Digest, &last)
	}, pg.ByIndex())
	for after := 0; err == nil && after < last; after += decideSize {
		err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return r.holdRange(ctx, tx, record, span{after, after + decideSize})
		})
		if err == nil {
			err = step(min(decideSize, last-after))
		}
	}
	if err != nil {
		return syncengine.Held{}, fmt.Errorf("holding inactivations back: %w", err)
	}
	r.plan.held = true
	return held, nil
}

func (r *Round) holdRange(ctx context.Context, tx pgx.Tx, record bool, of span) error {
	statements := []string{holdRecord, reportHeld, holdPlan, holdKnown}
	if !record {
		statements = statements[1:]
	}
	return exec(ctx, tx, r.args(of), statements...)
}

// LetThrough implements syncengine.Round.
func (r *Round) LetThrough(ctx context.Context, heldIn string) (through syncengine.Changes, err error) {
	if r.plan.approved, err = uuid.Parse(heldIn); err != nil {
		return through, syncengine.ErrUnknownRun
	}
	err = r.eachPlanned(ctx, func(int) error { return nil }, func(ctx context.Context, tx pgx.Tx, of span) error {
		return exec(ctx, tx, with(r.args(of), "approved", r.plan.approved), letThrough)
	})
	if err == nil {
		err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, letThroughCount).Scan(&through.Inactivated, &through.InactivatedGone)
		})
	}
	if err != nil {
		return through, fmt.Errorf("letting approved inactivations through: %w", err)
	}
	return through, nil
}

// dropRejected takes inactivations out of the plan that a person has rejected.
func (r *Round) dropRejected(ctx context.Context, step syncengine.Step) error {
	if !r.plan.rejects {
		return nil
	}
	return r.eachPlanned(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
		return exec(ctx, tx, r.args(of), rejectedPlan, holdKnown)
	})
}

// redecideGuarded does for a range that was decided again what a person's decisions
// about guards come to.
func (r *Round) redecideGuarded(ctx context.Context, tx pgx.Tx, of span) error {
	if r.plan.rejects {
		if err := exec(ctx, tx, r.args(of), rejectedPlan, holdKnown); err != nil {
			return err
		}
	}
	if r.plan.approved == uuid.Nil {
		return nil
	}
	return exec(ctx, tx, with(r.args(of), "approved", r.plan.approved), letThrough)
}
