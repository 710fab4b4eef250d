package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
)

// Sweep erases effects of all tenants that ended long ago, and of a tenant that has
// more ended ones than Options.Keep those that ended first. Each tenant's are erased
// in transactions of a bounded size; a tenant that fails holds up no other. Dead ones
// stay.
func (b *Box) Sweep(ctx context.Context) error {
	before := b.opts.Now().Add(-life)
	var tenants []string
	err := b.across(ctx, "ended", pgx.NamedArgs{"before": before, "most": b.opts.Keep}, func(row pgx.CollectableRow) error {
		var id string
		err := row.Scan(&id)
		tenants = append(tenants, id)
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range tenants {
		failed = append(failed, b.erase(in(ctx, id), before))
	}
	return errors.Join(failed...)
}

// erase erases what Sweep names of the context's tenant.
func (b *Box) erase(ctx context.Context, before time.Time) error {
	for {
		var erased int64
		err := pg.InTenant(ctx, b.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, sql["erase"], pgx.NamedArgs{"before": before, "most": b.opts.Keep, "batch": eraseAtOnce})
			erased = tag.RowsAffected()
			return err
		})
		if err != nil || erased < eraseAtOnce {
			return err
		}
	}
}
