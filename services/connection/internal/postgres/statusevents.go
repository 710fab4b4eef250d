package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// insertEvent writes an event in the transaction of the change that it tells of.
func insertEvent(ctx context.Context, q *sqlc.Queries, tenantID string, e connection.StatusEvent) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("naming an event: %w", err)
	}
	return q.InsertStatusEvent(ctx, sqlc.InsertStatusEventParams{
		TenantID: tenantID, ID: id, At: e.At, ActorID: e.Actor, FromStatus: string(e.From), ToStatus: string(e.To),
		ConnectionType: string(e.Type), Reason: e.Reason,
	})
}

// lockCurrent gives the state that a change by a person begins from.
func lockCurrent(ctx context.Context, q *sqlc.Queries, tenantID string) (connection.Status, connection.Type, error) {
	row, err := q.LockCurrent(ctx, tenantID)
	if pg.NoRows(err) {
		return connection.NotConnected, "", nil
	}
	return connection.Status(row.Status), connection.Type(row.ConnectionType), err
}

// LeaseStatusEvents finds events over all tenants by their ids and leases each
// tenant's in its own transaction. A tenant's that cannot be leased hold up no
// other's: what is leased must be handed out.
func (s *Store) LeaseStatusEvents(ctx context.Context, now time.Time, lease time.Duration, limit int32) ([]connection.StatusEvent, error) {
	var due []sqlc.DueStatusEventsRow
	err := s.across(ctx, func(ctx context.Context, q *sqlc.Queries) (err error) {
		due, err = q.DueStatusEvents(ctx, sqlc.DueStatusEventsParams{Now: now, MaxEvents: limit})
		return err
	})
	if err != nil {
		return nil, err
	}
	tenants, ids := []string{}, map[string][]uuid.UUID{}
	for _, d := range due {
		if ids[d.TenantID] == nil {
			tenants = append(tenants, d.TenantID)
		}
		ids[d.TenantID] = append(ids[d.TenantID], d.ID)
	}
	var events []connection.StatusEvent
	var failed []error
	for _, tenantID := range tenants {
		leased, err := s.leaseEvents(ctx, tenantID, ids[tenantID], now, now.Add(lease))
		if err != nil {
			failed = append(failed, err)
			continue // the lease was rolled back
		}
		events = append(events, leased...)
	}
	if len(events) == 0 {
		return nil, errors.Join(failed...)
	}
	if len(failed) > 0 {
		slog.WarnContext(ctx, "status events not leased", "tenants", len(failed), "error", errors.Join(failed...))
	}
	slices.SortFunc(events, func(a, b connection.StatusEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return events, nil
}

func (s *Store) leaseEvents(ctx context.Context, tenantID string, ids []uuid.UUID, now, until time.Time) (events []connection.StatusEvent, err error) {
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.LeaseStatusEvents(ctx, sqlc.LeaseStatusEventsParams{TenantID: tenantID, Ids: ids, Now: now, LeasedUntil: until})
		for _, r := range rows {
			events = append(events, connection.StatusEvent{
				ID: r.ID.String(), Tenant: tenantID, Actor: r.ActorID, From: connection.Status(r.FromStatus),
				To: connection.Status(r.ToStatus), Type: connection.Type(r.ConnectionType), Reason: r.Reason, At: r.At,
			})
		}
		return err
	})
	return events, err
}

// AckStatusEvents ends events of the tenant for good.
func (s *Store) AckStatusEvents(ctx context.Context, tenantID string, eventIDs []string, at time.Time) error {
	ids := make([]uuid.UUID, 0, len(eventIDs))
	for _, text := range eventIDs {
		id, err := uuid.Parse(text)
		if err != nil {
			return errs.Wrap(err, errs.Invalid, "event_invalid", "An event id is not well formed.")
		}
		ids = append(ids, id)
	}
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.AckStatusEvents(ctx, sqlc.AckStatusEventsParams{TenantID: tenantID, Ids: ids, AckedAt: at})
	})
}

// TenantsWithEnded lists tenants with effects or events that ended before.
func (s *Store) TenantsWithEnded(ctx context.Context, before time.Time) (tenants []string, err error) {
	err = s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		tenants, err = q.EndedWorkTenants(ctx, before)
		return err
	})
	return tenants, err
}

// EraseEnded deletes a tenant's effects and events that ended before.
func (s *Store) EraseEnded(ctx context.Context, tenantID string, before time.Time) error {
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		if err := q.DeleteEndedEffects(ctx, sqlc.DeleteEndedEffectsParams{TenantID: tenantID, Before: before}); err != nil {
			return err
		}
		return q.DeleteAckedEvents(ctx, sqlc.DeleteAckedEventsParams{TenantID: tenantID, Before: before})
	})
}
