package postgres

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// undo is one in its transaction.
type undo struct {
	syncengine.ResolutionUndo
	*resolution // that is taken back
}

func newUndo(u syncengine.ResolutionUndo, now time.Time) (*undo, error) {
	r, err := newResolution(syncengine.Resolution{ItemID: u.ItemID, Attempt: u.Attempt, Mapping: u.Mapping}, "", now)
	if err != nil {
		return nil, err
	}
	return &undo{ResolutionUndo: u, resolution: r}, nil
}

// CheckUndo implements syncengine.UndoStore.
func (s *Store) CheckUndo(ctx context.Context, of syncengine.ResolutionUndo) error {
	u, err := newUndo(of, time.Time{})
	if err != nil {
		return err
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		u.q = q
		if u.Linked {
			_, err := u.undoable(ctx)
			return err
		}
		return u.unlinked(ctx)
	}, pg.ReadOnly())
}

// unlinked sees that the identity has no contact.
func (u *undo) unlinked(ctx context.Context) error {
	link, err := u.q.GetIdentityLink(ctx, sqlc.GetIdentityLinkParams{
		EntraTenantID: u.Mapping.EntraTenantID, EntraObjectID: u.ObjectID, ClientID: u.client,
	})
	switch {
	case pg.NoRows(err):
		return nil
	case err == nil && !link.Free:
		return syncengine.ErrDecisionBuiltOn
	}
	return err
}

// undoable is the resolution, where nothing was built on it.
func (u *undo) undoable(ctx context.Context) (row sqlc.GetUndoableRow, err error) {
	row, err = u.q.GetUndoable(ctx, sqlc.GetUndoableParams{ItemID: u.item, Attempt: int32(u.Attempt)})
	switch {
	case pg.NoRows(err):
		return row, syncengine.ErrDecisionDiffers
	case err != nil:
		return row, err
	case row.EntraTenantID != u.Mapping.EntraTenantID || row.EntraObjectID != u.ObjectID || row.ClientID != u.client:
		return row, syncengine.ErrDecisionDiffers
	case !row.Undone && !row.Untouched:
		return row, syncengine.ErrDecisionBuiltOn
	}
	return row, nil
}

// Undo implements syncengine.UndoStore. It locks in the order of Resolve.
func (s *Store) Undo(ctx context.Context, of syncengine.ResolutionUndo, now time.Time) error {
	u, err := newUndo(of, now)
	if err != nil {
		return err
	}
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	mapping, err := round.NewMapping(s.pool, s.timeouts.Range, tenantID, of.Mapping)
	if err != nil {
		return err
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		u.q, u.tenantID = q, tenantID
		row, err := u.undoable(ctx)
		if err != nil || row.Undone {
			return err
		}
		u.contact, u.ContactID = row.ContactID, row.ContactID.String()
		if err := u.lock(ctx, mapping); err != nil {
			return err
		}
		if row, err = u.undoable(ctx); err != nil || row.Undone { // it may have changed while we waited
			return err
		}
		return u.write(ctx, row)
	}, pg.StatementTimeout(s.timeouts.Range), pg.Retries(batchTries))
}

// write ends the link. One that the resolution relinked does not go back: the decision to relink stands, and
// the next round decides about the identity again, at the client that it is of now.
func (u *undo) write(ctx context.Context, row sqlc.GetUndoableRow) error {
	err := u.q.EndResolvedLink(ctx, sqlc.EndResolvedLinkParams{Now: u.now, EntraTenantID: row.EntraTenantID, EntraObjectID: row.EntraObjectID})
	if err != nil {
		return err
	}
	version, err := u.q.FreeResolvedContact(ctx, sqlc.FreeResolvedContactParams{
		WasInactive: row.WasInactive, WasInactivatedBySync: row.WasInactivatedBySync, Created: row.Created, Now: u.now, ID: row.ContactID,
	})
	if err != nil {
		return err
	}
	last, err := u.q.AdvanceFeed(ctx, sqlc.AdvanceFeedParams{TenantID: u.tenantID, Count: 1, Now: u.now})
	if err != nil {
		return err
	}
	change, fields := syncengine.ChangeUpdated, []string{"entraObjectId", "linkStatus"}
	switch {
	case row.Created:
		change, fields = syncengine.ChangeDeleted, []string{}
	case row.WasInactive && row.WasInactivatedBySync: // the link had made it active
		fields = append(fields, "inactive")
	}
	err = u.q.InsertUnlinkedChange(ctx, sqlc.InsertUnlinkedChangeParams{
		TenantID: u.tenantID, Seq: last.Seq, Type: change, ContactID: row.ContactID, ClientID: row.ClientID, Version: version, Fields: fields, At: last.At,
	})
	if err != nil {
		return err
	}
	return u.q.MarkUndone(ctx, sqlc.MarkUndoneParams{
		Now: u.now, UndoneBy: &u.UndoneBy, UndoneSeq: &last.Seq, ItemID: u.item, Attempt: int32(u.Attempt),
	})
}
