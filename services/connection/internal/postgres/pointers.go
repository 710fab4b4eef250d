package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Pointers keeps which versions of secrets are in use, wherever these are kept.
type Pointers struct {
	database
	now func() time.Time
}

// NewPointers makes the store of pointers.
func NewPointers(pool *pg.Pool, now func() time.Time) *Pointers {
	return &Pointers{database: database{pool}, now: now}
}

// AppInUse is the tenant's own app registration.
func (s *Pointers) AppInUse(ctx context.Context) (app connection.AppInUse, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		row, err := q.AppCredentials(ctx, tenantID)
		if pg.NoRows(err) {
			return nil
		}
		app = connection.AppInUse{
			Version: row.SecretVersion, ClientID: value(row.ClientID), CustomerAccess: connection.CustomerAccess(value(row.CustomerAccess)),
		}
		return err
	}, pg.ReadOnly())
	return app, err
}

// PointCredentials makes an app registration the one in use.
func (s *Pointers) PointCredentials(ctx context.Context, app connection.AppInUse, user string) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		return q.PutAppCredentials(ctx, sqlc.PutAppCredentialsParams{
			TenantID: tenantID, SecretVersion: app.Version, ClientID: app.ClientID, CustomerAccess: string(app.CustomerAccess),
			UpdatedBy: user, UpdatedAt: s.now(),
		})
	})
}

// RemoveCredentials leaves the tenant without an app registration of its own.
func (s *Pointers) RemoveCredentials(ctx context.Context) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		return q.DeleteAppCredentials(ctx, tenantID)
	})
}

// ofApp is what UsedSecrets names an app registration, beside the kinds of connections.
const ofApp = "app"

func setOf(owner string) string {
	if owner == ofApp {
		return connection.SetApp
	}
	return connection.SetOf(connection.Type(owner))
}

// UsedSecrets returns the version that a row points to, by key.
func (s *Pointers) UsedSecrets(ctx context.Context) (used map[string]string, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		rows, err := q.UsedSecrets(ctx, tenantID)
		used = make(map[string]string, len(rows))
		for _, row := range rows {
			used[setOf(row.ConnectionType)] = row.Version
		}
		return err
	}, pg.ReadOnly())
	return used, err
}

// Installation is the id of this installation, made when it is first asked for.
func (s *Pointers) Installation(ctx context.Context) (id string, err error) {
	err = s.without(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if err := q.MakeInstallation(ctx, uuid.New()); err != nil {
			return err
		}
		made, err := q.Installation(ctx)
		id = made.String()
		return err
	})
	return id, err
}
