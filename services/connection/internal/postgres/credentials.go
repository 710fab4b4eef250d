package postgres

import (
	"context"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// CredentialVersion is the version of the tenant's own app registration.
func (s *Store) CredentialVersion(ctx context.Context, tenantID string) (version string, err error) {
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		version, err = q.AppCredentials(ctx, tenantID)
		if pg.NoRows(err) {
			return nil
		}
		return err
	}, pg.ReadOnly())
	return version, err
}

// PointCredentials makes a version the one in use.
func (s *Store) PointCredentials(ctx context.Context, tenantID, version, user string) error {
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.PutAppCredentials(ctx, sqlc.PutAppCredentialsParams{
			TenantID: tenantID, SecretVersion: version, UpdatedBy: user, UpdatedAt: s.now(),
		})
	})
}

// RemoveCredentials leaves the tenant without an app registration of its own.
func (s *Store) RemoveCredentials(ctx context.Context, tenantID string) error {
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.DeleteAppCredentials(ctx, tenantID)
	})
}

// RaiseCustomerEpoch makes the tokens that replicas keep for managed tenants void.
func (s *Store) RaiseCustomerEpoch(ctx context.Context, tenantID string) error {
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.RaiseCustomerEpoch(ctx, tenantID)
	})
}
