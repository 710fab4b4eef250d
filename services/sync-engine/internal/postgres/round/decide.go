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
	//go:embed decide_addresses.sql
	decideAddresses string
	//go:embed address_index.sql
	addressIndex string
	//go:embed shared_addresses.sql
	sharedAddresses string
	//go:embed decide_duplicates.sql
	decideDuplicates string
	//go:embed decide_linked.sql
	decideLinked string
	//go:embed decide_matches.sql
	decideMatches string
	//go:embed match_names.sql
	matchNames string
	//go:embed match_named.sql
	matchNamed string
	//go:embed takeover_index.sql
	takeoverIndex string
	//go:embed match_takeovers.sql
	matchTakeovers string
	//go:embed match_takeovers_changed.sql
	matchTakeoversChanged string
	//go:embed match_taken_over.sql
	matchTakenOver string
	//go:embed decide_elsewhere.sql
	decideElsewhere string
	//go:embed decide_unlinked.sql
	decideUnlinked string
	//go:embed decide_gone.sql
	decideGone string
	//go:embed decide_removed.sql
	decideRemoved string
	//go:embed plan_indexes.sql
	planIndexes string
)

// Decide plans the whole round against the state before it.
func (r *Round) Decide(ctx context.Context, rules syncengine.Rules, complete bool, step syncengine.Step) (planned syncengine.Changes, queued map[string]int, err error) {
	r.by(rules)
	r.plan.complete = complete && !r.delta
	for _, do := range []func() error{
		func() error {
			return r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
				return exec(ctx, tx, r.args(of), decideLinked)
			})
		},
		func() error { return r.decideUnlinked(ctx, rules, step) },
		func() error {
			switch {
			case !r.delta:
				return r.decideGone(ctx, complete)
			case r.plan.left == 0:
				return nil
			}
			return r.eachRange(ctx, step, r.decideRemoved)
		},
		func() error { return r.dropRejected(ctx, step) },
		func() error {
			c, err := r.decided(ctx)
			planned, queued, r.plan.rows = c.changes, c.queued, c.planned()
			return err
		},
	} {
		if err := do(); err != nil {
			return planned, nil, fmt.Errorf("deciding: %w", err)
		}
	}
	return planned, queued, nil
}

// decideUnlinked plans for identities that passed and have no link, if there are any.
func (r *Round) decideUnlinked(ctx context.Context, rules syncengine.Rules, step syncengine.Step) error {
	if r.plan.allLinked {
		return nil
	}
	r.plan.matched = r.plan.matches || !rules.Settings.AllowSameEmailAcrossClients
	if err := r.listAddresses(ctx, step); err != nil {
		return err
	}
	return r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
		return r.decideUnlinkedRange(ctx, tx, rules, of)
	})
}

// listAddresses lists the addresses of identities without a link, and which of them are shared: all where
// one may be a contact's, and else those alone of identities that share one.
func (r *Round) listAddresses(ctx context.Context, step syncengine.Step) error {
	var hashes []int64 // nil for all
	err := r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := indexAddresses(ctx, tx); err != nil || r.plan.matched {
			return err
		}
		return tx.QueryRow(ctx, sharedAddresses).Scan(&hashes)
	})
	r.plan.shared = r.plan.matched || len(hashes) > 0
	if err != nil || !r.plan.shared {
		return err
	}
	err = r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
		return exec(ctx, tx, with(r.args(of), "hashes", hashes), decideAddresses)
	})
	if err != nil {
		return err
	}
	return r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, decideDuplicates)
		return err
	}, pg.InOnePass())
}

// decideGone plans for linked identities that a complete listing lacks, numbered
// after those that it has.
func (r *Round) decideGone(ctx context.Context, complete bool) error {
	if !complete {
		return nil
	}
	return r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return exec(ctx, tx, r.args(everything), decideGone)
	}, pg.ByIndex())
}

// decideRemoved plans for linked identities that left the directory, numbered after those that were staged.
func (r *Round) decideRemoved(ctx context.Context, tx pgx.Tx, of span) error {
	return exec(ctx, tx, r.args(of), decideRemoved)
}

// decided makes the plan ready to be applied and counts it.
func (r *Round) decided(ctx context.Context) (c counted, err error) {
	err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if c, err = r.countPlanned(ctx, tx, everything); err != nil || c.actions[syncengine.ActionCreate]+c.actions[syncengine.ActionQueue] == c.planned() {
			return err // no contact is looked up by the plan
		}
		return r.indexPlan(ctx, tx)
	})
	return c, err
}

// indexAddresses lets addresses be looked up by the number of their identity.
func indexAddresses(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, addressIndex)
	return err
}

// indexPlan lets what is planned be looked up by contact.
func (r *Round) indexPlan(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, planIndexes)
	return err
}

// decideUnlinkedRange does what decideUnlinked does, for a range.
func (r *Round) decideUnlinkedRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, of span) error {
	args := r.args(of)
	if r.plan.matches {
		if err := exec(ctx, tx, args, decideMatches); err != nil {
			return err
		}
		if err := r.compareNames(ctx, tx, args); err != nil {
			return err
		}
	}
	if !rules.Settings.AllowSameEmailAcrossClients {
		if err := exec(ctx, tx, args, decideElsewhere); err != nil {
			return err
		}
	}
	return exec(ctx, tx, args, decideUnlinked)
}

// compareNames marks the matches of the range whose names share a word, of those that
// depend on it.
func (r *Round) compareNames(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error {
	rows, err := tx.Query(ctx, matchNames, args)
	if err != nil {
		return err
	}
	var n int32
	var identity, contact string
	var taken bool
	var named, again []int32
	if _, err = pgx.ForEachRow(rows, []any{&n, &identity, &contact, &taken}, func() error {
		switch {
		case !syncengine.ShareWord(identity, contact):
		case taken:
			again = append(again, n)
		default:
			named = append(named, n)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(named) > 0 {
		if err := exec(ctx, tx, with(args, "ns", named), matchNamed); err != nil {
			return err
		}
	}
	if len(again) == 0 {
		return nil
	}
	return r.takeOver(ctx, tx, with(args, "ns", again))
}

// takeOver finds, of some identities, those whose contact is that of another identity
// which the directory no longer has: accounts that were made again.
func (r *Round) takeOver(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error {
	find := matchTakeoversChanged
	if !r.delta {
		find = matchTakeovers
		if _, err := tx.Exec(ctx, takeoverIndex); err != nil {
			return err
		}
	}
	r.plan.takeovers = true
	return exec(ctx, tx, args, find, matchTakenOver)
}
