// Package postgres keeps the connection's rows and sealed secrets.
package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// database is what every store of this package works on.
type database struct{ pool *pg.Pool }

// in runs fn in a transaction of the context's tenant, whose id it gets.
func (d database) in(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries, tenantID string) error, opts ...pg.TxOption) error {
	return d.inTx(ctx, func(ctx context.Context, tx pgx.Tx, tenantID string) error { return fn(ctx, sqlc.New(tx), tenantID) }, opts...)
}

// inTx is in for work that needs the transaction itself.
func (d database) inTx(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx, tenantID string) error, opts ...pg.TxOption) error {
	id, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, d.pool, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, tx, id) }, opts...)
}

// tenantOf is the context's tenant; errs.Invalid for a name that is none.
func tenantOf(ctx context.Context) (string, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return "", err
	}
	_, err = tenant.Parse(id.String())
	return id.String(), err
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
