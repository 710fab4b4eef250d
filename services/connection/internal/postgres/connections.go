package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Connections keeps connections, a row each time that a partner was connected.
type Connections struct {
	database
	now func() time.Time
}

// NewConnections makes the store of connections.
func NewConnections(pool *pg.Pool, now func() time.Time) *Connections {
	return &Connections{database: database{pool}, now: now}
}

// Current is the newest connection of the tenant.
func (s *Connections) Current(ctx context.Context) (c connection.Connection, ok bool, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		row, err := q.CurrentConnection(ctx, tenantID)
		if pg.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		c, ok = fromRow(row), true
		return nil
	}, pg.ReadOnly())
	return c, ok, err
}

// ConnectedTenants names tenants that have a connection.
func (s *Connections) ConnectedTenants(ctx context.Context, after string, limit int32) (tenants []string, err error) {
	err = s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		tenants, err = q.ConnectedTenants(ctx, sqlc.ConnectedTenantsParams{After: after, Size: limit})
		return err
	})
	return tenants, err
}

func fromRow(r sqlc.CurrentConnectionRow) connection.Connection {
	c := connection.Connection{
		ID: r.ID.String(), Type: connection.Type(r.ConnectionType), Status: connection.Status(r.Status),
		PartnerTenantID: r.PartnerTenantID, Scope: r.Scope, SecretVersion: value(r.SecretVersion),
		TokenExpiresAt: r.TokenExpiresAt, ConnectedBy: r.ConnectedBy, ConnectedAt: r.ConnectedAt,
		LastValidatedAt: r.LastValidatedAt, ClientID: r.ClientID, CustomerEpoch: r.CustomerEpoch,
	}
	if r.ErrorCode != nil {
		c.LastError = &connection.Snapshot{Code: *r.ErrorCode, Message: value(r.ErrorMessage), CheckedAt: value(r.ErrorCheckedAt)}
	}
	return c
}

// lockCurrent returns the state that a change by a person begins from.
func lockCurrent(ctx context.Context, q *sqlc.Queries, tenantID string) (connection.Status, connection.Type, error) {
	row, err := q.LockCurrent(ctx, tenantID)
	if pg.NoRows(err) {
		return connection.NotConnected, "", nil
	}
	return connection.Status(row.Status), connection.Type(row.ConnectionType), err
}

// Activate makes the connection the active one, in one transaction with what it
// came by, the end of the secrets of other kinds of connections, and the effect it
// has.
func (s *Connections) Activate(ctx context.Context, c connection.Connection, by connection.Arrival, effect connection.Effect) error {
	id, err := uuid.Parse(c.ID)
	if err != nil {
		return fmt.Errorf("connection id: %w", err)
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx, tenantID string) error {
		q := sqlc.New(tx)
		if by.FlowID != "" {
			if err := stands(ctx, q, tenantID, by.FlowID); err != nil {
				return err
			}
		}
		if by.PendingID != "" {
			if err := take(ctx, q, tenantID, by.PendingID, c.ConnectedAt); err != nil {
				return err
			}
		}
		from, _, err := lockCurrent(ctx, q, tenantID)
		if err != nil {
			return err
		}
		err = q.ReplaceActive(ctx, sqlc.ReplaceActiveParams{TenantID: tenantID, EndedAt: &c.ConnectedAt, EndedBy: &c.ConnectedBy})
		if err != nil {
			return err
		}
		err = q.InsertConnection(ctx, sqlc.InsertConnectionParams{
			TenantID: tenantID, ID: id, ConnectionType: string(c.Type), PartnerTenantID: c.PartnerTenantID, Scope: c.Scope,
			SecretVersion: c.SecretVersion, TokenExpiresAt: c.TokenExpiresAt, ConnectedBy: c.ConnectedBy,
			ConnectedAt: c.ConnectedAt, LastValidatedAt: c.LastValidatedAt, ClientID: c.ClientID,
		})
		if err != nil {
			return err
		}
		err = q.DeleteOtherSecrets(ctx, sqlc.DeleteOtherSecretsParams{
			TenantID: tenantID, Kept: []string{connection.SetOf(c.Type), connection.SetApp},
		})
		if err != nil {
			return err
		}
		err = addEvent(ctx, tx, connection.StatusEvent{
			Actor: c.ConnectedBy, From: from, To: connection.Connected, Type: c.Type, At: c.ConnectedAt,
		})
		if err != nil {
			return err
		}
		return addEffect(ctx, tx, effect)
	})
}

func take(ctx context.Context, q *sqlc.Queries, tenantID, pendingID string, at time.Time) error {
	id, err := uuid.Parse(pendingID)
	if err != nil {
		return fmt.Errorf("pending grant id: %w", err)
	}
	taken, err := q.TakePendingGrant(ctx, sqlc.TakePendingGrantParams{TenantID: tenantID, ID: id, TakenAt: at})
	if err != nil {
		return err
	}
	if taken == 0 {
		return connection.ErrInvalidCompletion
	}
	return nil
}

// End disconnects the active connection and ends what would make another one.
func (s *Connections) End(ctx context.Context, user string, at time.Time, effect connection.Effect) (ended bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx, tenantID string) error {
		q := sqlc.New(tx)
		ended = false
		// The flows first: from then on none of them stores a grant.
		if err := q.EndFlows(ctx, sqlc.EndFlowsParams{TenantID: tenantID, EndedAt: at}); err != nil {
			return err
		}
		from, kind, err := lockCurrent(ctx, q, tenantID)
		if err != nil {
			return err
		}
		rows, err := q.EndActive(ctx, sqlc.EndActiveParams{TenantID: tenantID, EndedAt: &at, EndedBy: &user})
		if err != nil {
			return err
		}
		err = q.DestroyPendingGrants(ctx, sqlc.DestroyPendingGrantsParams{TenantID: tenantID, TakenAt: at})
		if err != nil || rows == 0 {
			return err
		}
		ended = true
		err = addEvent(ctx, tx, connection.StatusEvent{
			Actor: user, From: from, To: connection.Disconnected, Type: kind, At: at,
		})
		if err != nil {
			return err
		}
		return addEffect(ctx, tx, effect)
	})
	return ended, err
}

// RaiseCustomerEpoch makes the tokens that replicas keep for managed tenants void.
func (s *Connections) RaiseCustomerEpoch(ctx context.Context) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		return q.RaiseCustomerEpoch(ctx, tenantID)
	})
}
