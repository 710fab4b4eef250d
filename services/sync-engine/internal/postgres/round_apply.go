package postgres

import (
	"bytes"
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
	after, upTo, raised := r.last, 0, false
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var last *int
		if err := tx.QueryRow(ctx, sqlNextRange, after, syncengine.RangeSize).Scan(&last, &applied); err != nil {
			return err
		}
		if last == nil {
			done = true
			return nil
		}
		upTo = *last
		raised, err = r.applyRange(ctx, tx, rules, after, upTo)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("applying the range after %d: %w", after, err)
	}
	if !done {
		r.last, r.rows = upTo, r.rows+applied
		if raised {
			r.raised++
		}
	}
	return applied, done, nil
}

func (r *Round) applyRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int) (raised bool, err error) {
	if err := r.checkRevision(ctx, tx); err != nil {
		return false, err
	}
	moved, raised, err := r.lockHeads(ctx, tx, after, upTo)
	if err != nil {
		return false, err
	}
	if moved {
		if err := r.redecide(ctx, tx, rules, after, upTo); err != nil {
			return false, err
		}
	}
	d, actions, err := planned(ctx, tx, after, upTo)
	if err != nil {
		return false, err
	}
	if err := r.write(ctx, tx, rules, after, upTo, actions); err != nil {
		return false, err
	}
	if err := r.count(ctx, tx, d.Planned); err != nil {
		return false, err
	}
	// The feed's head is locked last and until the commit only.
	_, err = tx.Exec(ctx, sqlChanges, r.tenantID, after, upTo, r.runID, rules.Now)
	return raised, err
}

// checkRevision ends the round when a later mapping of the directory was
// announced, or the same revision with another client. Whoever announced it waits for the directory, so that all that this
// round commits comes before.
func (r *Round) checkRevision(ctx context.Context, tx pgx.Tx) error {
	_, err := r.mapping.current(ctx, sqlc.New(tx))
	return err
}

// lockHeads locks the client's head, and where contacts of other clients are
// written theirs too, in one order for all; those it raises. moved when somebody
// else may have changed contacts of the range since the plan was made.
func (r *Round) lockHeads(ctx context.Context, tx pgx.Tx, after, upTo int) (moved, raised bool, err error) {
	clients, err := uuids(ctx, tx, sqlMovedClients, r.clientID, after, upTo)
	if err != nil {
		return false, false, err
	}
	moved, raised = len(clients) > 0, len(clients) > 0 || r.relinks
	if r.relinks {
		released, err := uuids(ctx, tx, sqlReleaseClients, r.tenant.EntraTenantID, r.clientID, after, upTo)
		if err != nil {
			return false, false, err
		}
		clients = append(clients, released...)
	}
	if raised {
		clients = append(clients, r.clientID)
		slices.SortFunc(clients, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		clients = slices.Compact(clients)
		if err := sqlc.New(tx).RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: r.tenantID, ClientIds: clients}); err != nil {
			return false, false, err
		}
	}
	var revision int64
	if err := tx.QueryRow(ctx, sqlLockHead, r.tenantID, r.clientID).Scan(&revision); err != nil {
		return false, false, err
	}
	if raised {
		revision--
	}
	return moved || revision != r.revision+r.raised, raised, nil
}

func uuids(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func (r *Round) count(ctx context.Context, tx pgx.Tx, p syncengine.Outcomes) error {
	tag, err := tx.Exec(ctx, sqlCount, r.runID, r.tenant.ManagedTenantID, p.Created, p.Linked, p.Updated, p.Inactivated, p.InactivatedGone, p.Reactivated)
	if err == nil && tag.RowsAffected() == 0 {
		return syncengine.ErrRunCancelled
	}
	return err
}

// redecide plans the range again: the host or a person changed contacts of the
// client since the plan was made.
func (r *Round) redecide(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int) error {
	for _, sql := range []string{sqlRedecideClear, sqlRedecideMatch} {
		if _, err := tx.Exec(ctx, sql, after, upTo); err != nil {
			return err
		}
	}
	if err := r.decideRange(ctx, tx, rules, after, upTo); err != nil {
		return err
	}
	correct := []string{sqlRedecideGone, sqlRedecideVisible}
	if r.held {
		correct = []string{sqlHoldPlan, sqlHoldKnown}
	}
	for _, sql := range correct {
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
	insert, inserted := sqlInsertLinks, []any{r.tenantID, directory, r.clientID, after, upTo, now, r.runID}
	if r.takes {
		insert = sqlTakeLinks
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
		{released, sqlRelease, []any{directory, r.clientID, after, upTo}},
		{released, sqlReleased, inserted},
		{creates + links, insert, inserted},
		{links, sqlLinkContacts, []any{directory, after, upTo, now}},
		{changes, sqlApplyContacts, []any{after, upTo, now}},
		{inactivates, sqlInactivate, []any{after, upTo, now}},
		{changes + inactivates + actions["seen"] + actions["missing"], sqlApplyLinks, []any{r.tenantID, directory, r.clientID, after, upTo, now}},
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
