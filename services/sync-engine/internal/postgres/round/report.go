package round

import (
	"context"
	_ "embed" // the statements
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed report_created.sql
	reportCreated string
	//go:embed report_changed.sql
	reportChanged string
	//go:embed report_queued.sql
	reportQueued string
	//go:embed report_staged.sql
	reportStaged string
	//go:embed report_unchanged.sql
	reportUnchanged string
	//go:embed report_kept.sql
	reportKept string
	//go:embed links_next.sql
	linksNext string
	//go:embed report_others.sql
	reportOthers string
	//go:embed report_clear.sql
	reportClear string
)

// reportPlan reports what a range of the plan writes, in the transaction that
// writes it and before it does: what contacts were is then still to be seen.
func (r *Round) reportPlan(ctx context.Context, tx pgx.Tx, of span, c counted) error {
	var statements []string
	if c.changes.Created > 0 {
		statements = append(statements, r.reported(reportCreated))
	}
	if c.changes.Linked+c.changes.Updated+c.changes.Reactivated+c.changes.Inactivated > 0 {
		statements = append(statements, reportChanged)
	}
	return exec(ctx, tx, r.args(of), statements...)
}

// reported is a statement that leaves alone what an earlier attempt of the round reported; of the first
// attempt it does not look for that.
func (r *Round) reported(sql string) string {
	if r.managed.StartedAt == nil {
		return unopposed(sql)
	}
	return sql
}

// ReportPlan implements syncengine.Round.
func (r *Round) ReportPlan(ctx context.Context, step syncengine.Step) error {
	err := r.eachPlanned(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
		c, err := r.countPlanned(ctx, tx, of)
		if err != nil {
			return err
		}
		return r.reportPlan(ctx, tx, of, c)
	})
	if err != nil {
		return fmt.Errorf("reporting the plan: %w", err)
	}
	return nil
}

// ReportQueued implements syncengine.Round.
func (r *Round) ReportQueued(ctx context.Context, after, upTo int, decided []string) error {
	if decided == nil {
		decided = []string{}
	}
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return exec(ctx, tx, with(r.args(span{after, upTo}), "decided", decided), reportQueued)
	})
	if err != nil {
		return fmt.Errorf("reporting queue items: %w", err)
	}
	return nil
}

// ReportStaged implements syncengine.Round.
func (r *Round) ReportStaged(ctx context.Context, everybody bool, step syncengine.Step) error {
	statements := []string{r.reported(reportStaged)}
	if everybody {
		statements = append(statements, reportUnchanged)
	}
	err := r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
		return exec(ctx, tx, r.args(of), statements...)
	})
	if err == nil && r.delta {
		err = r.eachOf(ctx, keptNext, step, func(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error {
			return exec(ctx, tx, args, r.reported(reportKept))
		})
	}
	if err == nil && r.delta && everybody {
		err = r.eachOf(ctx, linksNext, step, func(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error {
			return exec(ctx, tx, args, reportOthers)
		})
	}
	if err != nil {
		return fmt.Errorf("reporting what was staged: %w", err)
	}
	return nil
}
