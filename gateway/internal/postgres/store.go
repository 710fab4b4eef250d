// Package postgres keeps the edge's own tables.
package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/gateway/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// inTenant works as one tenant, or as the platform when there is none.
func inTenant(ctx context.Context, pool *pg.Pool, id tenant.ID, fn pg.TxFunc, opts ...pg.TxOption) error {
	if id == "" {
		return pg.WithoutTenant(ctx, pool, fn, opts...)
	}
	call, _ := tenant.Lookup(ctx)
	call.Tenant = id
	return pg.InTenant(tenant.With(ctx, call), pool, fn, opts...)
}

// Flags keeps flags and their targets.
type Flags struct{ pool *pg.Pool }

// NewFlags makes the store of flags.
func NewFlags(pool *pg.Pool) *Flags { return &Flags{pool: pool} }

// On gives the keys that are on for the tenant.
func (s *Flags) On(ctx context.Context, id tenant.ID) (keys []string, err error) {
	err = inTenant(ctx, s.pool, id, func(ctx context.Context, tx pgx.Tx) (err error) {
		keys, err = sqlc.New(tx).FlagsOn(ctx, string(id))
		return err
	}, pg.ReadOnly())
	return keys, err
}

// List gives every flag with its targets, by key.
func (s *Flags) List(ctx context.Context) ([]flags.Flag, error) {
	var rows []sqlc.FeatureFlag
	err := pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		rows, err = sqlc.New(tx).ListFlags(ctx)
		return err
	}, pg.ReadOnly())
	if err != nil {
		return nil, err
	}
	targets := map[uuid.UUID][]string{}
	err = pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		all, err := sqlc.New(tx).ListTargets(ctx)
		for _, t := range all {
			targets[t.FlagID] = append(targets[t.FlagID], t.TenantID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]flags.Flag, 0, len(rows))
	for _, row := range rows {
		out = append(out, flags.Flag{
			ID: row.ID, Key: row.Key, Description: row.Description, Tenants: targets[row.ID],
			CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
		})
	}
	return out, nil
}

// Create adds the flags whose keys are free and gives the keys it added.
func (s *Flags) Create(ctx context.Context, wanted []flags.Flag) (added []string, err error) {
	err = pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		for _, f := range wanted {
			n, err := sqlc.New(tx).CreateFlag(ctx, sqlc.CreateFlagParams{ID: f.ID, Key: f.Key, Description: f.Description, Now: f.CreatedAt})
			if err != nil {
				return err
			}
			if n > 0 {
				added = append(added, f.Key)
			}
		}
		return nil
	})
	return added, err
}

// Target turns a flag on or off for a tenant.
func (s *Flags) Target(ctx context.Context, idOrKey string, id tenant.ID, on bool, now time.Time) error {
	return inTenant(ctx, s.pool, id, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		flag, err := q.FindFlag(ctx, idOrKey)
		if err != nil {
			return err
		}
		var changed int64
		if on {
			changed, err = q.AddTarget(ctx, sqlc.AddTargetParams{TenantID: string(id), FlagID: flag.ID, Now: now})
		} else {
			changed, err = q.RemoveTarget(ctx, sqlc.RemoveTargetParams{TenantID: string(id), FlagID: flag.ID})
		}
		if err != nil || changed == 0 {
			return err
		}
		return q.TouchFlag(ctx, sqlc.TouchFlagParams{Now: now, ID: flag.ID})
	})
}

// Keys keeps idempotency keys.
type Keys struct{ pool *pg.Pool }

// NewKeys makes the store of idempotency keys.
func NewKeys(pool *pg.Pool) *Keys { return &Keys{pool: pool} }

// Claim takes the key for this attempt, or says who has it.
func (s *Keys) Claim(ctx context.Context, c core.KeyClaim) (found core.KeyState, err error) {
	err = inTenant(ctx, s.pool, c.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		// What has expired goes as new keys come: no job of its own is needed.
		if err := q.SweepKeys(ctx, sqlc.SweepKeysParams{TenantID: nullable(c.Tenant), Now: c.Now}); err != nil {
			return err
		}
		n, err := q.ClaimKey(ctx, sqlc.ClaimKeyParams{
			Scope: c.Scope[:], TenantID: nullable(c.Tenant), Owner: c.Owner, BodyHash: c.BodyHash[:],
			LeaseSeconds: c.Lease.Seconds(), ExpiresAt: c.ExpiresAt,
		})
		if err != nil {
			return err
		}
		if n > 0 {
			found.Owned = true
			return nil
		}
		found, err = s.existing(ctx, q, c)
		return err
	}, pg.Retries(2))
	return found, err
}

// existing reads the row that has the key and takes it over where it may.
func (s *Keys) existing(ctx context.Context, q *sqlc.Queries, c core.KeyClaim) (core.KeyState, error) {
	row, err := q.LockKey(ctx, c.Scope[:])
	if errors.Is(err, pgx.ErrNoRows) { // released in between
		return core.KeyState{}, errs.Wrap(err, errs.Unavailable, reason.DatabaseContention, "The request was repeated at the same time; try again.")
	}
	if err != nil {
		return core.KeyState{}, err
	}
	expired := !row.ExpiresAt.After(c.Now)
	abandoned := row.Answer == nil && row.LeaseLeft == 0
	same := [32]byte(row.BodyHash) == c.BodyHash
	if !expired && (!abandoned || !same) {
		return core.KeyState{OtherBody: !same, Answer: row.Answer, LeaseLeft: time.Duration(row.LeaseLeft * float64(time.Second))}, nil
	}
	err = q.TakeOverKey(ctx, sqlc.TakeOverKeyParams{
		Owner: c.Owner, BodyHash: c.BodyHash[:], LeaseSeconds: c.Lease.Seconds(), ExpiresAt: c.ExpiresAt, Scope: c.Scope[:],
	})
	return core.KeyState{Owned: err == nil}, err
}

// Answer stores the sealed answer of the attempt that still has the key.
func (s *Keys) Answer(ctx context.Context, c core.KeyClaim, sealed []byte) error {
	return inTenant(ctx, s.pool, c.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).StoreAnswer(ctx, sqlc.StoreAnswerParams{Answer: sealed, Scope: c.Scope[:], Owner: c.Owner})
	})
}

// Release gives the key back.
func (s *Keys) Release(ctx context.Context, c core.KeyClaim) error {
	return inTenant(ctx, s.pool, c.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).ReleaseKey(ctx, sqlc.ReleaseKeyParams{Scope: c.Scope[:], Owner: c.Owner})
	})
}

// Trim forgets the oldest answers beyond so many bytes.
func (s *Keys) Trim(ctx context.Context, id tenant.ID, bytes, perKey int64) error {
	return inTenant(ctx, s.pool, id, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).TrimKeys(ctx, sqlc.TrimKeysParams{PerKey: perKey, TenantID: nullable(id), Budget: bytes})
	})
}

func nullable(id tenant.ID) *string {
	if id == "" {
		return nil
	}
	s := string(id)
	return &s
}
