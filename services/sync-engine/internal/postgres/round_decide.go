package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Decide plans the whole round against the state before it. The head's revision
// is read first: what changes after shows as a revision that moved.
func (r *Round) Decide(ctx context.Context, rules syncengine.Rules, complete bool, step syncengine.Step) (d syncengine.Decision, err error) {
	for _, do := range []func() error{
		func() error { return r.inRange(ctx, r.seeState) },
		func() error { return r.eachRange(ctx, step, r.decideAddresses) },
		func() error { return r.decideDuplicates(ctx) },
		func() error {
			return r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, after, upTo int) error {
				return r.decideRange(ctx, tx, rules, after, upTo)
			})
		},
		func() error { return r.decideGone(ctx, rules, complete, step) },
		func() error {
			d, err = r.decided(ctx)
			return err
		},
	} {
		if err := do(); err != nil {
			return syncengine.Decision{}, fmt.Errorf("deciding: %w", err)
		}
	}
	return d, nil
}

// seeState reads what the plan is made on.
func (r *Round) seeState(ctx context.Context, tx pgx.Tx) error {
	if err := tx.QueryRow(ctx, sqlHead, r.clientID).Scan(&r.revision); err != nil {
		return err
	}
	return tx.QueryRow(ctx, sqlFreeLinks, r.tenant.EntraTenantID, r.relinkClient()).Scan(&r.takes, &r.relinks)
}

func (r *Round) decideAddresses(ctx context.Context, tx pgx.Tx, after, upTo int) error {
	_, err := tx.Exec(ctx, sqlDecideAddresses, r.tenant.EntraTenantID, r.relinkClient(), after, upTo)
	return err
}

func (r *Round) decideDuplicates(ctx context.Context) error {
	return r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlDecideDuplicates)
		return err
	})
}

// decideGone plans for linked identities that a complete listing lacks, numbered
// after those that it has.
func (r *Round) decideGone(ctx context.Context, rules syncengine.Rules, complete bool, step syncengine.Step) error {
	if !complete {
		return nil
	}
	err := r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlDecideGoneIndex)
		return err
	})
	for last, after, done := r.staged, "", false; err == nil && !done; {
		links := 0
		err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var upTo *string
			if err := tx.QueryRow(ctx, sqlGoneNext, r.tenant.EntraTenantID, after, decideSize).Scan(&upTo, &links); err != nil {
				return err
			}
			if done = upTo == nil; done {
				return nil
			}
			tag, err := tx.Exec(ctx, sqlDecideGone, r.tenant.EntraTenantID, r.clientID, rules.Settings.MarkInactiveWhenDisabled, after, *upTo, last)
			last, after = last+int(tag.RowsAffected()), *upTo
			return err
		})
		if err == nil && !done {
			err = step(links)
		}
	}
	return err
}

// decided makes the plan ready to be applied and counts it.
func (r *Round) decided(ctx context.Context) (d syncengine.Decision, err error) {
	err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlDecideIndexes); err != nil {
			return err
		}
		d, _, err = planned(ctx, tx, 0, math.MaxInt32)
		return err
	})
	return d, err
}

// relinkClient is the client whose links to be relinked count as none. Before the
// links follow the round's mapping, which only a dry run does not have them do,
// what was decided is void.
func (r *Round) relinkClient() uuid.UUID {
	if !r.follows {
		return uuid.Nil
	}
	return r.clientID
}

// decideRange plans the staged identities with after < n ≤ upTo.
func (r *Round) decideRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int) error {
	s := rules.Settings
	if _, err := tx.Exec(ctx, sqlDecideLinked, r.tenant.EntraTenantID, r.clientID, after, upTo, s.MarkInactiveWhenDisabled,
		s.FieldDisplayName, s.FieldEmail, s.FieldPhone, s.FieldRole, s.FieldUPN); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlDecideMatches, r.tenant.EntraTenantID, r.clientID, after, upTo); err != nil {
		return err
	}
	if !s.AllowSameEmailAcrossClients {
		if _, err := tx.Exec(ctx, sqlDecideElsewhere, r.clientID, after, upTo); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, sqlDecideUnlinked, r.tenant.EntraTenantID, after, upTo, r.relinkClient())
	return err
}

// planned counts the plan's rows with after < n ≤ upTo: what they come to, and
// how many there are of each action.
func planned(ctx context.Context, tx pgx.Tx, after, upTo int) (d syncengine.Decision, actions map[string]int, err error) {
	d.Queue, actions = map[string]int{}, map[string]int{}
	rows, err := tx.Query(ctx, sqlPlanned, after, upTo)
	if err != nil {
		return d, nil, err
	}
	var action, reason string
	var visible, all int
	_, err = pgx.ForEachRow(rows, []any{&action, &reason, &visible, &all}, func() error {
		actions[action] += all
		switch action {
		case "create":
			d.Planned.Created += visible
		case "link":
			d.Planned.Linked += visible
		case "update", "resume":
			d.Planned.Updated += visible
		case "reactivate":
			d.Planned.Reactivated += visible
		case "inactivate":
			d.Planned.Inactivated += visible
			if reason == "deleted_upstream" {
				d.Planned.InactivatedGone += visible
			}
		case "queue":
			d.Queue[reason] += all
		}
		return nil
	})
	return d, actions, err
}

// Hold takes the inactivations out of the plan, range by range.
func (r *Round) Hold(ctx context.Context, record bool, step syncengine.Step) (syncengine.Held, error) {
	held := syncengine.Held{Reason: syncengine.HeldMassInactivation}
	last := 0
	err := r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if record {
			if _, err := tx.Exec(ctx, sqlHoldClear, r.runID, r.tenant.ManagedTenantID); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, sqlHoldDigest).Scan(&held.Count, &held.Digest, &last)
	}, pg.ByIndex())
	for after := 0; err == nil && after < last; after += decideSize {
		err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return r.holdRange(ctx, tx, record, after, after+decideSize)
		})
		if err == nil {
			err = step(min(decideSize, last-after))
		}
	}
	if err != nil {
		return syncengine.Held{}, fmt.Errorf("holding inactivations back: %w", err)
	}
	r.held = true
	return held, nil
}

func (r *Round) holdRange(ctx context.Context, tx pgx.Tx, record bool, after, upTo int) error {
	if record {
		if _, err := tx.Exec(ctx, sqlHoldRecord, r.tenantID, r.runID, r.tenant.ManagedTenantID, after, upTo); err != nil {
			return err
		}
	}
	for _, sql := range []string{sqlHoldPlan, sqlHoldKnown} {
		if _, err := tx.Exec(ctx, sql, after, upTo); err != nil {
			return err
		}
	}
	return nil
}
