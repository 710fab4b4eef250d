package connection

import (
	"context"
	"errors"
	"time"
)

const (
	// unusedGrace keeps a secret version that its row does not point to yet.
	unusedGrace = 15 * time.Minute
	// traceLife keeps the emptied rows of flows, so that a late browser or host
	// hears "expired".
	traceLife = 24 * time.Hour
	// endedLife keeps events of earlier builds that have ended, for whoever asks what
	// became of them.
	endedLife = 30 * 24 * time.Hour
)

// Sweeper removes what nobody can use any more.
type Sweeper interface {
	// SweepableTenants lists tenants that may have something older than before.
	SweepableTenants(ctx context.Context, before time.Time) ([]string, error)
	// SweepTenant empties flows and grants that expired before now, deletes their
	// rows when they expired before traces, and secret versions that nothing
	// points to and that were made before unused.
	SweepTenant(ctx context.Context, tenant string, now, traces, unused time.Time) error
	// TenantsWithEnded lists tenants with work that ended before.
	TenantsWithEnded(ctx context.Context, before time.Time) ([]string, error)
	// EraseEnded deletes a tenant's events that ended before.
	EraseEnded(ctx context.Context, tenant string, before time.Time) error
}

// Sweep destroys expired states and grants, unused versions of secrets, and the
// traces of work that ended long ago.
type Sweep struct {
	Sweeper Sweeper
	Now     func() time.Time
}

// Do sweeps all tenants once. One that cannot be swept holds up no other.
func (u *Sweep) Do(ctx context.Context) error {
	now := u.Now()
	expired := func() error {
		tenants, err := u.Sweeper.SweepableTenants(ctx, now)
		if err != nil {
			return err
		}
		return each(ctx, tenants, func(tenant string) error {
			return u.Sweeper.SweepTenant(ctx, tenant, now, now.Add(-traceLife), now.Add(-unusedGrace))
		})
	}
	ended := func() error {
		before := now.Add(-endedLife)
		tenants, err := u.Sweeper.TenantsWithEnded(ctx, before)
		if err != nil {
			return err
		}
		return each(ctx, tenants, func(tenant string) error { return u.Sweeper.EraseEnded(ctx, tenant, before) })
	}
	return errors.Join(expired(), ended())
}

// each does something for every tenant. One that fails holds up no other; when ctx
// ends no other is begun.
func each(ctx context.Context, tenants []string, do func(tenant string) error) error {
	var failed []error
	for _, tenant := range tenants {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed = append(failed, do(tenant))
	}
	return errors.Join(failed...)
}
