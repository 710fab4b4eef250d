package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// ApplyNext applies the next range in one transaction. Locks are taken in one
// order everywhere: the client's head, the rows, the feed's head.
func (r *Round) ApplyNext(ctx context.Context, rules syncengine.Rules) (applied int, done bool, err error) {
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
		if r.relinks {
			r.raised++
		}
	}
	return applied, done, nil
}

func (r *Round) applyRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int) error {
	if err := r.checkRevision(ctx, tx); err != nil {
		return err
	}
	moved, err := r.lockHeads(ctx, tx, after, upTo)
	if err != nil {
		return err
	}
	if moved {
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
	if err := r.count(ctx, tx, d.Planned); err != nil {
		return err
	}
	// The feed's head is locked last and until the commit only.
	_, err = tx.Exec(ctx, sqlChanges, r.tenantID, r.clientID, after, upTo, r.run, rules.Now, r.source)
	return err
}

// checkRevision ends the round when a later mapping of the directory was
// announced. Whoever announced it waits for the directory, so that all that this
// round commits comes before.
func (r *Round) checkRevision(ctx context.Context, tx pgx.Tx) error {
	_, err := current(ctx, sqlc.New(tx), r.tenant.EntraTenantID, r.tenant.MappingRevision)
	return err
}

// lockHeads locks the client's head, and where links are taken from contacts of
// other clients theirs too, in one order for all. moved when somebody else
// changed contacts of the client since the plan was made.
func (r *Round) lockHeads(ctx context.Context, tx pgx.Tx, after, upTo int) (moved bool, err error) {
	if r.relinks {
		rows, err := tx.Query(ctx, sqlReleaseClients, r.tenant.EntraTenantID, r.clientID, after, upTo)
		if err != nil {
			return false, err
		}
		clients, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return false, err
		}
		if !slices.Contains(clients, r.clientID) {
			clients = append(clients, r.clientID)
		}
		if err := sqlc.New(tx).RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: r.tenantID, ClientIds: clients}); err != nil {
			return false, err
		}
	}
	var revision int64
	if err := tx.QueryRow(ctx, sqlLockHead, r.tenantID, r.clientID).Scan(&revision); err != nil {
		return false, err
	}
	if r.relinks {
		revision--
	}
	return revision != r.revision+r.raised, nil
}

func (r *Round) countOfRun(ctx context.Context, tx pgx.Tx, p syncengine.Outcomes) error {
	tag, err := tx.Exec(ctx, sqlCount, r.runID, r.tenant.ManagedTenantID, p.Created, p.Linked, p.Updated, p.Inactivated, p.InactivatedGone, p.Reactivated)
	if err == nil && tag.RowsAffected() == 0 {
		return syncengine.ErrRunCancelled
	}
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
	insert, inserted := sqlInsertLinks, []any{r.tenantID, directory, r.clientID, after, upTo, now, r.run}
	if r.takes {
		insert, inserted = sqlTakeLinks, append(inserted, r.seen)
	}
	released := 0
	if r.relinks {
		released = creates + links
	}
	for _, s := range []struct {
		rows int
		sql  string
		args []any
	}{
		{creates, sqlCreateContacts, []any{r.tenantID, directory, r.clientID, after, upTo, now, rules.Settings.FieldUPN}},
		{released, sqlRelease, []any{r.tenantID, directory, r.clientID, after, upTo, now, r.run}},
		{creates + links, insert, inserted},
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
