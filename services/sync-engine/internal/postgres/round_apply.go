package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// ApplyNext applies the next range in one transaction. Locks are taken in one
// order everywhere: the client's head, the rows, the feed's head.
func (r *Round) ApplyNext(ctx context.Context, rules syncengine.Rules) (applied int, done bool, err error) {
	if r.remapped && !r.followed {
		if err := r.applyOrphans(ctx); err != nil {
			return 0, false, err
		}
	}
	after, upTo := r.last, 0
	err = r.in(ctx, rangeTimeout, func(ctx context.Context, tx pgx.Tx) error {
		var last *int
		if err := tx.QueryRow(ctx, sqlNextRange, after, syncengine.RangeSize).Scan(&last, &applied); err != nil {
			return err
		}
		if last == nil {
			done = true
			return nil
		}
		upTo = *last
		return r.applyRange(ctx, tx, rules, after, upTo)
	})
	if err != nil {
		return 0, false, fmt.Errorf("applying the range after %d: %w", after, err)
	}
	if !done {
		r.last = upTo
	}
	return applied, done, nil
}

func (r *Round) applyRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int) error {
	var revision int64
	if err := tx.QueryRow(ctx, sqlLockHead, r.tenantID, r.clientID).Scan(&revision); err != nil {
		return err
	}
	if revision != r.revision {
		if err := r.redecide(ctx, tx, rules, after, upTo); err != nil {
			return err
		}
	}
	d, actions, err := planned(ctx, tx, after, upTo)
	if err != nil {
		return err
	}
	if err := r.write(ctx, tx, rules, after, upTo, actions); err != nil {
		return err
	}
	p := d.Planned
	tag, err := tx.Exec(ctx, sqlCount, r.runID, r.tenant.ManagedTenantID, p.Created, p.Linked, p.Updated, p.Inactivated, p.InactivatedGone, p.Reactivated)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return syncengine.ErrRunCancelled
	}
	// The feed's head is locked last and until the commit only.
	_, err = tx.Exec(ctx, sqlChanges, r.tenantID, r.clientID, after, upTo, r.runID, rules.Now)
	return err
}

// redecide plans the range again: the host or a person changed contacts of the
// client since the plan was made.
func (r *Round) redecide(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int) error {
	if _, err := tx.Exec(ctx, sqlRedecideClear, after, upTo); err != nil {
		return err
	}
	if err := r.decideRange(ctx, tx, rules, after, upTo); err != nil {
		return err
	}
	if r.held {
		_, err := tx.Exec(ctx, sqlHoldPlan)
		return err
	}
	for _, sql := range []string{sqlRedecideGone, sqlRedecideVisible} {
		if _, err := tx.Exec(ctx, sql, after, upTo); err != nil {
			return err
		}
	}
	return nil
}

// write runs the statements of the actions that occur in the range.
func (r *Round) write(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int, actions map[string]int) error {
	directory, now := r.tenant.EntraTenantID, rules.Now
	creates, links, inactivates := actions["create"], actions["link"], actions["inactivate"]
	changes := actions["update"] + actions["reactivate"] + actions["resume"] + actions["touch"]
	for _, s := range []struct {
		rows int
		sql  string
		args []any
	}{
		{creates, sqlCreateContacts, []any{r.tenantID, directory, r.clientID, after, upTo, now, rules.Settings.FieldUPN}},
		{creates + links, sqlInsertLinks, []any{r.tenantID, directory, r.clientID, after, upTo, now, r.runID}},
		{links, sqlLinkContacts, []any{directory, after, upTo, now}},
		{changes, sqlApplyContacts, []any{after, upTo, now}},
		{inactivates, sqlInactivate, []any{after, upTo, now}},
		{changes + inactivates + actions["seen"] + actions["missing"], sqlApplyLinks, []any{directory, after, upTo, now}},
	} {
		if s.rows == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// applyOrphans follows a mapping that moved, once a round.
func (r *Round) applyOrphans(ctx context.Context) error {
	err := r.in(ctx, rangeTimeout, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlOrphans, r.tenant.EntraTenantID, r.clientID)
		return err
	})
	if err != nil {
		return fmt.Errorf("following the mapping: %w", err)
	}
	r.followed = true
	return nil
}
