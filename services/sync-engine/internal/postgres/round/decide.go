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
	//go:embed head.sql
	head string
	//go:embed free_links.sql
	freeLinks string
	//go:embed decide_addresses.sql
	decideAddresses string
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
	//go:embed decide_elsewhere.sql
	decideElsewhere string
	//go:embed decide_unlinked.sql
	decideUnlinked string
	//go:embed gone_index.sql
	goneIndex string
	//go:embed gone_next.sql
	goneNext string
	//go:embed decide_gone.sql
	decideGone string
	//go:embed decide_removed.sql
	decideRemoved string
	//go:embed plan_indexes.sql
	planIndexes string
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
)

// Decide plans the whole round against the state before it. The head's revision
// is read first: what changes after shows as a revision that moved.
func (r *Round) Decide(ctx context.Context, rules syncengine.Rules, complete bool, step syncengine.Step) (planned syncengine.Changes, queued map[string]int, err error) {
	r.by(rules)
	for _, do := range []func() error{
		func() error { return r.inRange(ctx, r.seeState) },
		func() error { return r.eachRange(ctx, step, r.decideAddresses) },
		func() error { return r.decideDuplicates(ctx) },
		func() error {
			return r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
				return r.decideRange(ctx, tx, rules, of)
			})
		},
		func() error {
			if r.delta {
				return r.eachRange(ctx, step, r.decideRemoved)
			}
			return r.decideGone(ctx, complete, step)
		},
		func() error { return r.dropRejected(ctx, step) },
		func() error {
			c, err := r.decided(ctx)
			planned, queued = c.changes, c.queued
			return err
		},
	} {
		if err := do(); err != nil {
			return planned, nil, fmt.Errorf("deciding: %w", err)
		}
	}
	return planned, queued, nil
}

// seeState reads what the plan is made on.
func (r *Round) seeState(ctx context.Context, tx pgx.Tx) error {
	args := r.args(everything)
	if err := tx.QueryRow(ctx, head, args).Scan(&r.plan.revision); err != nil {
		return err
	}
	return tx.QueryRow(ctx, freeLinks, args).Scan(&r.plan.takes, &r.plan.relinks, &r.plan.rejects, &r.plan.emptyApproved)
}

func (r *Round) decideAddresses(ctx context.Context, tx pgx.Tx, of span) error {
	return exec(ctx, tx, r.args(of), decideAddresses)
}

func (r *Round) decideDuplicates(ctx context.Context) error {
	return r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, decideDuplicates)
		return err
	})
}

// decideGone plans for linked identities that a complete listing lacks, numbered
// after those that it has.
func (r *Round) decideGone(ctx context.Context, complete bool, step syncengine.Step) error {
	if !complete {
		return nil
	}
	err := r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, goneIndex)
		return err
	})
	for last, after, done := r.staged, "", false; err == nil && !done; {
		links := 0
		err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var upTo *string
			args := r.args(everything)
			args["after_id"], args["limit"] = after, decideSize
			if err := tx.QueryRow(ctx, goneNext, args).Scan(&upTo, &links); err != nil {
				return err
			}
			if done = upTo == nil; done {
				return nil
			}
			args["up_to_id"], args["last"] = *upTo, last
			tag, err := tx.Exec(ctx, decideGone, args)
			last, after = last+int(tag.RowsAffected()), *upTo
			return err
		})
		if err == nil && !done {
			err = step(links)
		}
	}
	return err
}

// decideRemoved plans for linked identities that left the directory.
func (r *Round) decideRemoved(ctx context.Context, tx pgx.Tx, of span) error {
	return exec(ctx, tx, r.args(of), decideRemoved)
}

// decided makes the plan ready to be applied and counts it.
func (r *Round) decided(ctx context.Context) (c counted, err error) {
	err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, planIndexes); err != nil {
			return err
		}
		c, err = r.countPlanned(ctx, tx, everything)
		return err
	})
	return c, err
}

// decideRange plans for the staged identities of a range.
func (r *Round) decideRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, of span) error {
	args := r.args(of)
	if err := exec(ctx, tx, args, decideLinked, decideMatches); err != nil {
		return err
	}
	if err := compareNames(ctx, tx, args); err != nil {
		return err
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
func compareNames(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error {
	rows, err := tx.Query(ctx, matchNames, args)
	if err != nil {
		return err
	}
	var n int32
	var identity, contact string
	named := []int32{}
	if _, err = pgx.ForEachRow(rows, []any{&n, &identity, &contact}, func() error {
		if syncengine.ShareWord(identity, contact) {
			named = append(named, n)
		}
		return nil
	}); err != nil || len(named) == 0 {
		return err
	}
	return exec(ctx, tx, with(args, "ns", named), matchNamed)
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
