package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/gateway/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// Audit keeps audit events.
type Audit struct{ pool *pg.Pool }

// NewAudit makes the store of audit events.
func NewAudit(pool *pg.Pool) *Audit { return &Audit{pool: pool} }

// Insert writes one event.
func (s *Audit) Insert(ctx context.Context, e audit.Event) error {
	return inTenant(ctx, s.pool, e.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).InsertAuditEvent(ctx, sqlc.InsertAuditEventParams{
			ID: e.ID, TenantID: nullable(e.Tenant), OccurredAt: e.OccurredAt, ActorID: e.ActorID, ActorType: e.ActorType,
			Action: e.Action, Outcome: e.Outcome, RequestID: e.RequestID, RemoteAddr: e.RemoteAddr,
		})
	})
}

// Settle writes an event, or the outcome of the one that is pending.
func (s *Audit) Settle(ctx context.Context, e audit.Event) error {
	return inTenant(ctx, s.pool, e.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).SettleAuditEvent(ctx, sqlc.SettleAuditEventParams{
			ID: e.ID, TenantID: nullable(e.Tenant), OccurredAt: e.OccurredAt, ActorID: e.ActorID, ActorType: e.ActorType,
			Action: e.Action, Outcome: e.Outcome, RequestID: e.RequestID, RemoteAddr: e.RemoteAddr,
		})
	})
}

// AddCallers adds to the event of a minute's unknown callers.
func (s *Audit) AddCallers(ctx context.Context, c audit.Callers) error {
	return pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).AddUnknownCallers(ctx, sqlc.AddUnknownCallersParams{
			ID: c.ID, Minute: c.Minute, Action: audit.UnknownCaller, RemoteAddr: c.Address, Attempts: int64(c.Attempts),
		})
	})
}

// KeepMonths makes the partitions to come and drops those that are too old.
func (s *Audit) KeepMonths(ctx context.Context, months int) (done []string, err error) {
	err = pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		done, err = sqlc.New(tx).KeepAuditMonths(ctx, int32(months))
		return err
	})
	return done, err
}

// Before gives at most n events of the context's tenant, newest first.
func (s *Audit) Before(ctx context.Context, before uuid.UUID, n int) ([]audit.Event, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	var rows []sqlc.ListAuditEventsRow
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		rows, err = sqlc.New(tx).ListAuditEvents(ctx, sqlc.ListAuditEventsParams{TenantID: nullable(id), Before: before, PageSize: int32(n)})
		return err
	}, pg.ReadOnly())
	if err != nil {
		return nil, err
	}
	out := make([]audit.Event, 0, len(rows))
	for _, r := range rows {
		out = append(out, audit.Event{
			ID: r.ID, Tenant: id, OccurredAt: r.OccurredAt, ActorID: r.ActorID, ActorType: r.ActorType,
			Action: r.Action, Outcome: r.Outcome, RequestID: r.RequestID, RemoteAddr: r.RemoteAddr,
		})
	}
	return out, nil
}
