// Package postgres keeps the connection's rows and sealed secrets.
package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// database is what every store of this package works on.
type database struct{ pool *pg.Pool }

// in runs fn in a transaction of the tenant. A context that already speaks for
// a tenant may not be used for another.
func (d database) in(ctx context.Context, tenantID string, fn func(ctx context.Context, q *sqlc.Queries) error, opts ...pg.TxOption) error {
	return d.inTx(ctx, tenantID, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, sqlc.New(tx)) }, opts...)
}

// inTx is in for work that needs the transaction itself.
func (d database) inTx(ctx context.Context, tenantID string, fn pg.TxFunc, opts ...pg.TxOption) error {
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
		return errs.New(errs.Internal, reason.TenantMismatch, "The work is for another tenant than the call.")
	}
	return pg.InTenant(ctx, d.pool, fn, opts...)
}

func (d database) across(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries) error) error {
	return pg.AcrossTenants(ctx, d.pool, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, sqlc.New(tx)) })
}

func (d database) without(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries) error) error {
	return pg.WithoutTenant(ctx, d.pool, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, sqlc.New(tx)) })
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
