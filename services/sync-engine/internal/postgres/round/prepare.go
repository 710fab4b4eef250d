package round

import (
	"context"
	_ "embed" // the statements
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed prepare.sql
	prepare string
	//go:embed prepare_changes.sql
	prepareChanges string
	//go:embed free_links.sql
	freeLinks string
	//go:embed find_links.sql
	findLinks string
	//go:embed find_links_range.sql
	findLinksRange string
	//go:embed links_index.sql
	linksIndex string
	//go:embed tally.sql
	tally string
	//go:embed tally_listed.sql
	tallyListed string
	//go:embed tally_filtered.sql
	tallyFiltered string
	//go:embed failures.sql
	failures string
)

// Prepare implements syncengine.Round.
func (r *Round) Prepare(ctx context.Context, step syncengine.Step) (t syncengine.Tally, err error) {
	if err := r.prepareSession(ctx); err != nil {
		return t, fmt.Errorf("preparing what was staged: %w", err)
	}
	merge := prepare
	if r.delta {
		merge = prepareChanges
	}
	err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, merge)
		return err
	})
	if err == nil && r.delta {
		err = r.stageUndecided(ctx)
	}
	if err == nil {
		err = r.findLinks(ctx, step)
	}
	if err == nil {
		err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error { return r.tally(ctx, tx, &t) }, pg.ByIndex())
	}
	if err == nil {
		t.Filtered = map[string]int{}
		if t.Passed+t.Failed < t.Identities {
			err = r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
				return r.tallyFiltered(ctx, tx, of, t.Filtered)
			})
		}
	}
	if err == nil && r.delta {
		err = r.tallyDirectory(ctx, &t)
	}
	if err != nil {
		return syncengine.Tally{}, fmt.Errorf("preparing what was staged: %w", err)
	}
	return t, nil
}

// tally counts what was staged.
func (r *Round) tally(ctx context.Context, tx pgx.Tx, t *syncengine.Tally) error {
	repeats, filtered, links, passed := 0, 0, 0, 0
	if err := tx.QueryRow(ctx, tally).Scan(&repeats, &r.plan.left, &t.Failed, &filtered, &t.Nameless); err != nil {
		return err
	}
	t.Identities = r.staged - repeats - r.plan.left
	t.Passed = t.Identities - t.Failed - filtered
	if err := tx.QueryRow(ctx, tallyListed, r.args(everything)).Scan(&links, &t.ActiveLinks, &passed); err != nil {
		return err
	}
	r.plan.links, r.plan.allLinked = links > 0, passed == t.Passed
	if t.Failed == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, failures)
	if err != nil {
		return err
	}
	t.Failures, err = pgx.CollectRows(rows, pgx.RowToStructByPos[syncengine.Failure])
	return err
}

// tallyFiltered adds the range's filtered identities up, by reason.
func (r *Round) tallyFiltered(ctx context.Context, tx pgx.Tx, of span, filtered map[string]int) error {
	rows, err := tx.Query(ctx, tallyFiltered, r.args(of))
	if err != nil {
		return err
	}
	var reason string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&reason, &n}, func() error {
		filtered[reason] += n
		return nil
	})
	return err
}

// seeState reads what the plan is made on. The head's revision is read first: what
// changes after shows as a revision that moved.
func (r *Round) seeState(ctx context.Context, tx pgx.Tx) error {
	args := r.args(everything)
	if err := tx.QueryRow(ctx, head, args).Scan(&r.plan.revision, &r.plan.matches); err != nil {
		return err
	}
	r.plan.matches = r.plan.matches || r.session.supposes
	return tx.QueryRow(ctx, freeLinks, args).Scan(&r.plan.takes, &r.plan.relinks, &r.plan.rejects, &r.plan.emptyApproved)
}

// findLinks finds the links of the identities that were staged and, where everybody was
// listed, of those that were not.
func (r *Round) findLinks(ctx context.Context, step syncengine.Step) error {
	if err := r.inRange(ctx, r.seeState); err != nil {
		return err
	}
	if r.delta {
		err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, linksIndex)
			return err
		})
		if err != nil {
			return err
		}
		return r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
			return exec(ctx, tx, r.args(of), findLinksRange)
		})
	}
	return r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return exec(ctx, tx, r.args(everything), findLinks, linksIndex)
	}, pg.InOnePass())
}
