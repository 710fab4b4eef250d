package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// StatusEvents keeps changes of connections' states on their way to the audit
// trail.
type StatusEvents struct{ database }

// NewStatusEvents makes the store of events.
func NewStatusEvents(pool *pg.Pool) *StatusEvents { return &StatusEvents{database{pool}} }

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

// LeaseStatusEvents finds events over all tenants by their ids and leases each in
// its own tenant; it gives them oldest first.
func (s *StatusEvents) LeaseStatusEvents(ctx context.Context, now time.Time, lease time.Duration, limit int32) ([]connection.StatusEvent, error) {
	var due []waiting
	err := s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.DueStatusEvents(ctx, sqlc.DueStatusEventsParams{Now: now, MaxEvents: limit + beyond})
		for _, r := range rows {
			due = append(due, waiting{r.TenantID, r.ID})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	events, err := handOut(ctx, "status events", due, limit, func(tenantID string, ids []uuid.UUID) ([]connection.StatusEvent, error) {
		return s.lease(ctx, tenantID, ids, now, now.Add(lease))
	})
	slices.SortFunc(events, func(a, b connection.StatusEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return events, err
}

func (s *StatusEvents) lease(ctx context.Context, tenantID string, ids []uuid.UUID, now, until time.Time) (events []connection.StatusEvent, err error) {
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
func (s *StatusEvents) AckStatusEvents(ctx context.Context, tenantID string, eventIDs []string, at time.Time) error {
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
