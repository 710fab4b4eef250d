package postgres

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// Item implements reconciliation.DecisionStore.
func (s *Store) Item(ctx context.Context, id string) (item reconciliation.DecidedItem, err error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return item, reconciliation.ErrUnknownItem
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		item, err = readItem(ctx, sqlc.New(tx), parsed)
		return err
	}, pg.ReadOnly())
	return item, err
}

// Items implements reconciliation.DecisionStore.
func (s *Store) Items(ctx context.Context, ids []string) (items map[string]reconciliation.DecidedItem, err error) {
	parsed := make([]uuid.UUID, 0, len(ids))
	for _, id := range ids {
		if one, err := uuid.Parse(id); err == nil {
			parsed = append(parsed, one)
		}
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		found, err := q.GetItems(ctx, parsed)
		if err != nil {
			return err
		}
		rows := make([]sqlc.ListItemsRow, len(found))
		for i := range found {
			rows[i] = sqlc.ListItemsRow(found[i])
		}
		all, err := decided(ctx, q, rows)
		items = make(map[string]reconciliation.DecidedItem, len(all))
		for i := range all {
			items[all[i].ID] = all[i]
		}
		return err
	}, pg.ReadOnly())
	return items, err
}

// Begin implements reconciliation.DecisionStore.
func (s *Store) Begin(
	ctx context.Context, itemID string, begun reconciliation.Begun, admit reconciliation.Admit,
) (item reconciliation.DecidedItem, err error) {
	return s.deciding(ctx, itemID, func(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, id uuid.UUID) error {
		locked, err := readItem(ctx, q, id)
		if err != nil {
			return err
		}
		if err := admit(&locked); err != nil {
			return err
		}
		if begun.Action == reconciliation.Undo {
			if overtaken, err := q.IsOvertaken(ctx, id); err != nil || overtaken {
				return cmp.Or(err, error(reconciliation.ErrBuiltOn))
			}
		}
		attempt := 1
		if locked.Last != nil {
			attempt = locked.Last.Attempt + 1
		}
		return begin(ctx, tx, q, id, attempt, begun)
	})
}

// deciding locks an item, does something about it in the same transaction, and reads what is then there.
func (s *Store) deciding(
	ctx context.Context, itemID string, do func(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, id uuid.UUID) error,
) (item reconciliation.DecidedItem, err error) {
	id, err := uuid.Parse(itemID)
	if err != nil {
		return item, reconciliation.ErrUnknownItem
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.LockItem(ctx, id); err != nil {
			return err
		}
		if err := do(ctx, tx, q, id); err != nil {
			return err
		}
		item, err = readItem(ctx, q, id)
		return err
	}, pg.Retries(3))
	return item, err
}

func begin(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, id uuid.UUID, attempt int, begun reconciliation.Begun) error {
	params := sqlc.InsertDecisionParams{
		ItemID: id, Attempt: int32(attempt), Action: string(begun.Action), ContactID: pg.TextOrNil(begun.ContactID), Note: pg.TextOrNil(begun.Note),
		State: string(reconciliation.Done), DecidedBy: begun.DecidedBy, Now: begun.Now, CompletedAt: &begun.Now,
	}
	if begun.Action == reconciliation.Undo {
		undoes := int32(begun.Undoes) // a number of a decision
		params.Undoes = &undoes
	}
	if begun.EffectID == "" {
		if err := q.InsertDecision(ctx, params); err != nil {
			return err
		}
		return conclude(ctx, q, id, begun.Action, begun.DecidedBy, begun.Now)
	}
	effect, err := uuid.Parse(begun.EffectID)
	if err != nil {
		return fmt.Errorf("reading an effect id: %w", err)
	}
	params.State, params.CompletedAt, params.EffectID = string(reconciliation.Pending), nil, pgtype.UUID{Bytes: effect, Valid: true}
	if err := q.InsertDecision(ctx, params); err != nil {
		return err
	}
	if begun.Action != reconciliation.Undo { // of an item that is closed: no round touches it
		if err := q.SetPending(ctx, sqlc.SetPendingParams{Attempt: &params.Attempt, ID: id}); err != nil {
			return err
		}
	}
	return outbox.Add(ctx, tx, outbox.Effect{
		ID: begun.EffectID, ActorID: begun.DecidedBy, Kind: effectkind.FinishDecision, CreatedAt: begun.Now, Delay: begun.FinishAfter,
		Arguments: map[string]string{"item_id": id.String(), "attempt": strconv.Itoa(attempt)},
	})
}

// End implements reconciliation.DecisionStore.
func (s *Store) End(
	ctx context.Context, itemID string, attempt int, state reconciliation.DecisionState, contactID string, now time.Time,
) (item reconciliation.DecidedItem, err error) {
	return s.deciding(ctx, itemID, func(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, id uuid.UUID) error {
		ended, err := q.EndDecision(ctx, sqlc.EndDecisionParams{
			State: string(state), Now: now, ResultContactID: pg.TextOrNil(contactID), ItemID: id, Attempt: int32(attempt),
		})
		switch {
		case err != nil && !pg.NoRows(err):
			return err
		case err == nil:
			if err := end(ctx, tx, q, id, ended, state, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func end(
	ctx context.Context, tx pgx.Tx, q *sqlc.Queries, id uuid.UUID, ended sqlc.EndDecisionRow, state reconciliation.DecisionState, now time.Time,
) error {
	var err error
	if state == reconciliation.Done {
		err = conclude(ctx, q, id, reconciliation.Action(ended.Action), ended.DecidedBy, now)
	} else {
		err = q.SetPending(ctx, sqlc.SetPendingParams{ID: id})
	}
	if err != nil {
		return err
	}
	return outbox.Finish(ctx, tx, uuid.UUID(ended.EffectID.Bytes).String(), now)
}

// conclude gives the item the status that a decision leads to.
func conclude(ctx context.Context, q *sqlc.Queries, id uuid.UUID, action reconciliation.Action, by string, now time.Time) error {
	status := reconciliation.Resolved
	switch action {
	case reconciliation.Undo:
		return q.ReopenItem(ctx, sqlc.ReopenItemParams{Now: now, ID: id})
	case reconciliation.Dismiss:
		status = reconciliation.Dismissed
	case reconciliation.ResolveExisting, reconciliation.ResolveNew:
	}
	return q.CloseItem(ctx, sqlc.CloseItemParams{Status: string(status), DecidedBy: &by, Now: now, ID: id})
}
