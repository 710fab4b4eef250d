package postgres

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Sweeper removes what can no longer be used.
type Sweeper struct{ database }

// NewSweeper makes a sweeper.
func NewSweeper(pool *pg.Pool) *Sweeper { return &Sweeper{database{pool}} }

// SweepableTenants lists tenants with something to remove.
func (s *Sweeper) SweepableTenants(ctx context.Context, before time.Time) (tenants []string, err error) {
	err = s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		tenants, err = q.SweepableTenants(ctx, before)
		return err
	})
	return tenants, err
}

// SweepTenant removes what can no longer be used.
func (s *Sweeper) SweepTenant(ctx context.Context, now, traces, unused time.Time) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		if err := q.DestroyExpiredVerifiers(ctx, sqlc.DestroyExpiredVerifiersParams{TenantID: tenantID, Now: now}); err != nil {
			return err
		}
		if err := q.DeleteOldStates(ctx, sqlc.DeleteOldStatesParams{TenantID: tenantID, Before: traces}); err != nil {
			return err
		}
		if err := q.DestroyExpiredGrants(ctx, sqlc.DestroyExpiredGrantsParams{TenantID: tenantID, Now: now}); err != nil {
			return err
		}
		if err := q.DeleteOldGrants(ctx, sqlc.DeleteOldGrantsParams{TenantID: tenantID, Before: traces}); err != nil {
			return err
		}
		return q.DeleteUnusedSecrets(ctx, sqlc.DeleteUnusedSecretsParams{TenantID: tenantID, Before: unused})
	})
}

// TenantsWithEnded lists tenants with work that ended before.
func (s *Sweeper) TenantsWithEnded(ctx context.Context, before time.Time) (tenants []string, err error) {
	err = s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		tenants, err = q.EndedWorkTenants(ctx, before)
		return err
	})
	return tenants, err
}

// EraseEnded deletes a tenant's events that ended before.
func (s *Sweeper) EraseEnded(ctx context.Context, before time.Time) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		return q.DeleteAckedEvents(ctx, sqlc.DeleteAckedEventsParams{TenantID: tenantID, Before: before})
	})
}
