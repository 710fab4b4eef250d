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
	// gets "expired".
	traceLife = 24 * time.Hour
	// endedLife keeps events of earlier builds that have ended, so that what became of
	// them can be looked up.
	endedLife = 30 * 24 * time.Hour
)

// Sweeper removes what can no longer be used.
type Sweeper interface {
	// SweepableTenants lists tenants that may have something older than before.
	SweepableTenants(ctx context.Context, before time.Time) ([]string, error)
	// SweepTenant empties flows and grants that expired before now, deletes their
	// rows when they expired before traces, and secret versions that nothing
	// points to and that were made before unused.
	SweepTenant(ctx context.Context, now, traces, unused time.Time) error
	// TenantsWithEnded lists tenants with work that ended before.
	TenantsWithEnded(ctx context.Context, before time.Time) ([]string, error)
	// EraseEnded deletes a tenant's events that ended before.
	EraseEnded(ctx context.Context, before time.Time) error
}

// Sweep destroys expired states and grants, unused versions of secrets, and the
// traces of work that ended long ago.
type Sweep struct {
	sweeper Sweeper
	now     func() time.Time
}

// NewSweep makes the use case.
func NewSweep(sweeper Sweeper, now func() time.Time) *Sweep {
	return &Sweep{sweeper: sweeper, now: now}
}

// Do sweeps all tenants once. One that cannot be swept holds up no other.
func (u *Sweep) Do(ctx context.Context) error {
	now := u.now()
	expired := func() error {
		tenants, err := u.sweeper.SweepableTenants(ctx, now)
		if err != nil {
			return err
		}
		return each(ctx, tenants, func(ctx context.Context) error {
			return u.sweeper.SweepTenant(ctx, now, now.Add(-traceLife), now.Add(-unusedGrace))
		})
	}
	ended := func() error {
		before := now.Add(-endedLife)
		tenants, err := u.sweeper.TenantsWithEnded(ctx, before)
		if err != nil {
			return err
		}
		return each(ctx, tenants, func(ctx context.Context) error { return u.sweeper.EraseEnded(ctx, before) })
	}
	return errors.Join(expired(), ended())
}
