package round

import (
	"context"
	_ "embed" // the statements
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed tally_links.sql
	tallyLinks string
	//go:embed tally_links_staged.sql
	tallyLinksStaged string
	//go:embed tally_kept.sql
	tallyKept string
	//go:embed tally_kept_staged.sql
	tallyKeptStaged string
	//go:embed tally_passed.sql
	tallyPassed string
	//go:embed kept_failures.sql
	keptFailures string
)

// maxFailures is how many failures a result names.
const maxFailures = 100

// rest are identities of the directory of which this round has nothing to say.
type rest struct {
	linked        int // with a link
	failed, alone int // kept; alone: without a link
	reasons       map[string]int
}

func (d *rest) add(failure, verdict string, linked bool, n int) {
	if failure != "" {
		d.failed += n
	} else {
		d.reasons[verdict] += n
	}
	if !linked {
		d.alone += n
	}
}

// tallyDirectory adds to what was staged, which is what changed, the directory's other
// identities, so that a delta round counts as a full one does.
func (r *Round) tallyDirectory(ctx context.Context, t *syncengine.Tally) error {
	others, changed := rest{reasons: map[string]int{}}, t.Failed > 0 || len(t.Filtered) > 0
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, tallyLinks, r.args(everything)).Scan(&others.linked, &t.ActiveLinks); err != nil {
			return err
		}
		_, err := tallyBy(ctx, tx, tallyKept, r.args(everything), 1, &others)
		return err
	})
	if err == nil {
		err = r.eachRange(ctx, func(int) error { return nil }, func(ctx context.Context, tx pgx.Tx, of span) error {
			var linked int
			if err := tx.QueryRow(ctx, tallyLinksStaged, r.args(of)).Scan(&linked); err != nil {
				return err
			}
			others.linked -= linked
			some, err := tallyBy(ctx, tx, tallyKeptStaged, r.args(of), -1, &others)
			changed = changed || some
			return err
		})
	}
	if err != nil {
		return err
	}
	t.LeftOutAsBefore = !changed
	t.Identities += others.linked + others.alone
	t.Failed += others.failed
	maps.DeleteFunc(others.reasons, func(_ string, n int) bool { return n == 0 })
	for reason, n := range others.reasons {
		t.Filtered[reason] += n
	}
	if t.Passed == 0 && others.linked > 0 { // whether anybody has passed is all that counts of them
		if t.Passed, err = r.tallyPassed(ctx); err != nil {
			return err
		}
	}
	if others.failed == 0 || len(t.Failures) >= maxFailures {
		return nil
	}
	return r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, keptFailures, r.args(everything))
		if err != nil {
			return err
		}
		known, err := pgx.CollectRows(rows, pgx.RowToStructByPos[syncengine.Failure])
		t.Failures = append(t.Failures, known[:min(len(known), maxFailures-len(t.Failures))]...)
		return err
	})
}

// tallyPassed is 1 where somebody of whom this round has nothing to say has passed.
func (r *Round) tallyPassed(ctx context.Context) (passed int, err error) {
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, tallyPassed, r.args(everything)).Scan(&passed)
	})
	return passed, err
}

// tallyBy adds, or takes away, what a statement counts; some where it counts anything.
func tallyBy(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs, sign int, others *rest) (some bool, err error) {
	rows, err := tx.Query(ctx, sql, args)
	if err != nil {
		return false, err
	}
	var failure, verdict string
	var linked bool
	var n int
	_, err = pgx.ForEachRow(rows, []any{&failure, &verdict, &linked, &n}, func() error {
		others.add(failure, verdict, linked, sign*n)
		some = true
		return nil
	})
	return some, err
}
