package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/gateway/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Sessions keeps browser sessions.
type Sessions struct{ pool *pg.Pool }

// NewSessions makes the store of sessions.
func NewSessions(pool *pg.Pool) *Sessions { return &Sessions{pool: pool} }

// Insert adds a row; what has ended goes as new sessions come.
func (s *Sessions) Insert(ctx context.Context, row identity.SessionRow, idle time.Time, keep int) error {
	return inTenant(ctx, s.pool, row.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.InsertSession(ctx, insertion(row)); err != nil {
			return err
		}
		return q.SweepSessions(ctx, sqlc.SweepSessionsParams{
			TenantID: string(row.Tenant), Now: row.CreatedAt, Idle: idle, ActorID: row.Actor, Keep: int32(keep),
		})
	})
}

func insertion(row identity.SessionRow) sqlc.InsertSessionParams {
	return sqlc.InsertSessionParams{
		TenantID: string(row.Tenant), TokenHash: row.Hash[:], SessionID: row.ID, ActorID: row.Actor, Sealed: row.Sealed,
		CreatedAt: row.CreatedAt, LastUsedAt: row.LastUsedAt, ExpiresAt: row.ExpiresAt,
	}
}

// Find gives the row of a token. The tenant is looked up by the hash alone.
func (s *Sessions) Find(ctx context.Context, hash [sha256.Size]byte) (identity.SessionRow, bool, error) {
	var of string
	err := pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		of, err = sqlc.New(tx).FindSessionTenant(ctx, hash[:])
		return err
	})
	if err != nil {
		return none(err)
	}
	var found sqlc.FindSessionRow
	err = inTenant(ctx, s.pool, tenant.ID(of), func(ctx context.Context, tx pgx.Tx) (err error) {
		found, err = sqlc.New(tx).FindSession(ctx, sqlc.FindSessionParams{TenantID: of, TokenHash: hash[:]})
		return err
	}, pg.ReadOnly())
	if err != nil {
		return none(err)
	}
	return identity.SessionRow{
		Tenant: tenant.ID(of), Hash: hash, ID: found.SessionID, Actor: found.ActorID, Sealed: found.Sealed,
		CreatedAt: found.CreatedAt, LastUsedAt: found.LastUsedAt, ExpiresAt: found.ExpiresAt,
	}, true, nil
}

// none makes no row of what is no failure.
func none(err error) (identity.SessionRow, bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return identity.SessionRow{}, false, nil
	}
	return identity.SessionRow{}, false, err
}

// Touch sets the time of the last use.
func (s *Sessions) Touch(ctx context.Context, id tenant.ID, hash [sha256.Size]byte, at time.Time) error {
	return inTenant(ctx, s.pool, id, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).TouchSession(ctx, sqlc.TouchSessionParams{Now: at, TenantID: string(id), TokenHash: hash[:]})
	})
}

// Replace adds a row in the place of another; errs.Unauthenticated when that was
// ended in between.
func (s *Sessions) Replace(ctx context.Context, row identity.SessionRow, old [sha256.Size]byte, until time.Time) error {
	return inTenant(ctx, s.pool, row.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		n, err := q.ShortenSession(ctx, sqlc.ShortenSessionParams{Until: until, TenantID: string(row.Tenant), TokenHash: old[:]})
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.New(errs.Unauthenticated, reason.Unauthenticated, "Sign in: the session has ended.")
		}
		return q.InsertSession(ctx, insertion(row))
	})
}

// Delete ends a session of a person, with all its tokens.
func (s *Sessions) Delete(ctx context.Context, id tenant.ID, actor string, of uuid.UUID) error {
	return inTenant(ctx, s.pool, id, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.LockSessionsOf(ctx, sqlc.LockSessionsOfParams{TenantID: string(id), ActorID: actor}); err != nil {
			return err
		}
		return q.DeleteSession(ctx, sqlc.DeleteSessionParams{TenantID: string(id), SessionID: of})
	})
}

// DeleteOf ends all sessions of a person.
func (s *Sessions) DeleteOf(ctx context.Context, id tenant.ID, actor string) error {
	return inTenant(ctx, s.pool, id, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.LockSessionsOf(ctx, sqlc.LockSessionsOfParams{TenantID: string(id), ActorID: actor}); err != nil {
			return err
		}
		return q.DeleteSessionsOf(ctx, sqlc.DeleteSessionsOfParams{TenantID: string(id), ActorID: actor})
	})
}
