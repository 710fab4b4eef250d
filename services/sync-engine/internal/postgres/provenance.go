package postgres

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Provenance implements syncengine.ProvenanceStore.
func (s *Store) Provenance(ctx context.Context, id string) (p syncengine.Provenance, err error) {
	parsed, err := parse(id, syncengine.ErrUnknownContact)
	if err != nil {
		return p, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		row, err := q.GetProvenance(ctx, parsed)
		if pg.NoRows(err) {
			return syncengine.ErrUnknownContact
		}
		if err != nil {
			return err
		}
		p = provenanceOf(&row)
		history, err := q.ListLinkHistory(ctx, parsed)
		if err != nil {
			return err
		}
		for _, h := range history {
			p.History = append(p.History, syncengine.LinkEvent{
				Event: h.Event, At: h.At, LinkedAt: h.LinkedAt, EntraTenantID: h.EntraTenantID, EntraObjectID: h.EntraObjectID,
				OldContactID: h.OldContactID.String(), OldClientID: h.OldClientID.String(), NewContactID: pg.ID(h.NewContactID),
				NewClientID: pg.ID(h.NewClientID), DecidedBy: h.DecidedBy, RunID: pg.ID(h.RunID),
			})
		}
		return nil
	}, pg.ReadOnly())
	return p, err
}

func provenanceOf(row *sqlc.GetProvenanceRow) syncengine.Provenance {
	p := syncengine.Provenance{MadeBy: row.MadeBy, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	switch {
	case row.Inactive && row.InactivatedBySync:
		p.InactiveReason = pg.Text(row.EntraSyncStatusReason)
	case row.Inactive:
		p.InactiveReason = syncengine.InactiveByHost
	}
	if row.Status == nil {
		return p
	}
	p.Link = &syncengine.ContactLink{
		ManagedTenantID: pg.Text(row.ManagedTenantID), EntraTenantID: pg.Text(row.EntraTenantID), EntraObjectID: pg.Text(row.EntraObjectID),
		Status: *row.Status, LinkedAt: *row.LinkedAt, RunID: pg.ID(row.CreatedRunID), GoneAt: row.GoneAt,
		LastSeenAt: *row.LastSeenAt, LastSyncedAt: *row.LastSyncedAt,
	}
	if seen := row.GoneAt == nil && p.Link.Status != "orphaned"; seen {
		p.Link.LastSeenAt, p.Link.LastSyncedAt = later(p.Link.LastSeenAt, row.LastRoundAt), later(p.Link.LastSyncedAt, row.LastRoundAt)
	}
	return p
}

func later(a time.Time, b *time.Time) time.Time {
	if b != nil && b.After(a) {
		return *b
	}
	return a
}
