// Package postgres keeps the connection's rows and sealed secrets.
package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Store is every store that the connection needs, on one database.
type Store struct {
	pool *pg.Pool
	box  *secrets.Box
	now  func() time.Time
	// Grant locks that this process may hold at once: those of refreshes, which
	// wait for Microsoft, and all others, which must not wait for those.
	refreshes, changes chan struct{}
}

// New makes a store that seals with the box. A grant lock occupies a connection
// of the pool while its holder needs others, so at most maxLocks are held at
// once for refreshes, and as many for all else; twice maxLocks must be less than
// the pool's size.
func New(pool *pg.Pool, box *secrets.Box, now func() time.Time, maxLocks int) *Store {
	return &Store{pool: pool, box: box, now: now, refreshes: make(chan struct{}, maxLocks), changes: make(chan struct{}, maxLocks)}
}

// in runs fn in a transaction of the tenant. A context that already speaks for
// a tenant may not be used for another.
func (s *Store) in(ctx context.Context, tenantID string, fn func(ctx context.Context, q *sqlc.Queries) error, opts ...pg.TxOption) error {
	call, _ := tenant.Lookup(ctx)
	switch {
	case call.Tenant == "":
		id, err := tenant.Parse(tenantID)
		if err != nil {
			return err
		}
		call.Tenant = id
		ctx = tenant.With(ctx, call)
	case string(call.Tenant) != tenantID:
		return errs.New(errs.Internal, "tenant_mismatch", "The work is for another tenant than the call.")
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, sqlc.New(tx)) }, opts...)
}

func (s *Store) across(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries) error) error {
	return pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, sqlc.New(tx)) })
}

// Current is the newest connection of the tenant.
func (s *Store) Current(ctx context.Context, tenantID string) (c connection.Connection, ok bool, err error) {
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
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

func fromRow(r sqlc.CurrentConnectionRow) connection.Connection {
	c := connection.Connection{
		ID: r.ID.String(), Type: connection.Type(r.ConnectionType), Status: connection.Status(r.Status),
		PartnerTenantID: r.PartnerTenantID, Scope: r.Scope, SecretVersion: value(r.SecretVersion),
		TokenExpiresAt: value(r.TokenExpiresAt), ConnectedBy: r.ConnectedBy, ConnectedAt: r.ConnectedAt,
		LastValidatedAt: value(r.LastValidatedAt), ClientID: r.ClientID, CustomerEpoch: r.CustomerEpoch,
	}
	if r.ErrorCode != nil {
		c.LastError = &connection.Snapshot{Code: *r.ErrorCode, Message: value(r.ErrorMessage), CheckedAt: value(r.ErrorCheckedAt)}
	}
	return c
}

// orNil leaves a zero time out.
func orNil(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Activate makes the connection the active one, in one transaction with the
// pending grant it came from, the end of the secrets of other kinds of connections,
// and the effect it has.
func (s *Store) Activate(ctx context.Context, tenantID string, c connection.Connection, pendingID string, effect connection.Effect) error {
	id, err := uuid.Parse(c.ID)
	if err != nil {
		return fmt.Errorf("connection id: %w", err)
	}
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		if pendingID != "" {
			if err := take(ctx, q, tenantID, pendingID, c.ConnectedAt); err != nil {
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
			SecretVersion: c.SecretVersion, TokenExpiresAt: orNil(c.TokenExpiresAt), ConnectedBy: c.ConnectedBy,
			ConnectedAt: c.ConnectedAt, LastValidatedAt: c.LastValidatedAt, ClientID: c.ClientID,
		})
		if err != nil {
			return err
		}
		err = q.DeleteOtherProviderSecrets(ctx, sqlc.DeleteOtherProviderSecretsParams{
			TenantID: tenantID, Keys: []string{connection.SetDirect, connection.SetCIPP}, Kept: connection.SetOf(c.Type),
		})
		if err != nil {
			return err
		}
		err = insertEvent(ctx, q, tenantID, connection.StatusEvent{
			Actor: c.ConnectedBy, From: from, To: connection.Connected, Type: c.Type, At: c.ConnectedAt,
		})
		if err != nil {
			return err
		}
		return insertEffect(ctx, q, effect)
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

// End disconnects the active connection.
func (s *Store) End(ctx context.Context, tenantID, user string, at time.Time, effect connection.Effect) (ended bool, err error) {
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		ended = false
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
		err = insertEvent(ctx, q, tenantID, connection.StatusEvent{
			Actor: user, From: from, To: connection.Disconnected, Type: kind, At: at,
		})
		if err != nil {
			return err
		}
		return insertEffect(ctx, q, effect)
	})
	return ended, err
}

func insertEffect(ctx context.Context, q *sqlc.Queries, e connection.Effect) error {
	id, err := uuid.Parse(e.ID)
	if err != nil {
		return fmt.Errorf("effect id: %w", err)
	}
	arguments := []byte("{}")
	if len(e.Arguments) > 0 {
		if arguments, err = json.Marshal(e.Arguments); err != nil {
			return fmt.Errorf("encoding an effect: %w", err)
		}
	}
	return q.InsertEffect(ctx, sqlc.InsertEffectParams{
		TenantID: e.Tenant, ID: id, ActorID: e.Actor, Kind: e.Kind, Arguments: arguments, CreatedAt: e.CreatedAt,
	})
}

// lockTries bounds the attempts to get a grant lock on connections that break.
const lockTries = 4

// WithGrantLock lets one caller at a time, over all replicas, change the
// tenant's token set. The lock ends with its transaction, and so with the
// connection, whatever becomes of this process. A lock that was lost while it was
// held undoes nothing: what its holder wrote is committed by compare-and-swap.
func (s *Store) WithGrantLock(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error {
	return s.withGrantLock(ctx, s.changes, tenantID, fn)
}

// WithRefreshLock is WithGrantLock for work that waits for Microsoft.
func (s *Store) WithRefreshLock(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error {
	return s.withGrantLock(ctx, s.refreshes, tenantID, fn)
}

func (s *Store) withGrantLock(ctx context.Context, slots chan struct{}, tenantID string, fn func(ctx context.Context) error) error {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for attempt := 1; ; attempt++ {
		held := false
		var outcome error
		err := s.in(ctx, tenantID, func(txCtx context.Context, q *sqlc.Queries) error {
			if err := q.LockGrant(txCtx, tenantID); err != nil {
				return err
			}
			held = true
			outcome = fn(ctx)
			return nil
		})
		if held {
			if err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "a grant lock was lost while it was held", "error", err)
			}
			return outcome
		}
		if err == nil || attempt == lockTries || !pg.ConnectionLost(err) {
			return err
		}
	}
}
