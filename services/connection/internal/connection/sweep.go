package connection

import (
	"context"
	"time"
)

const (
	// unusedGrace keeps a secret version that its row does not point to yet.
	unusedGrace = 15 * time.Minute
	// traceLife keeps the emptied rows of flows, so that a late browser or host
	// hears "expired".
	traceLife = 24 * time.Hour
)

// Sweeper removes what nobody can use any more.
type Sweeper interface {
	// SweepableTenants lists tenants that may have something older than before.
	SweepableTenants(ctx context.Context, before time.Time) ([]string, error)
	// SweepTenant empties flows and grants that expired before now, deletes their
	// rows when they expired before traces, and secret versions that nothing
	// points to and that were made before unused.
	SweepTenant(ctx context.Context, tenant string, now, traces, unused time.Time) error
}

// Sweep destroys expired states and grants and unused versions of secrets.
type Sweep struct {
	Sweeper Sweeper
	Now     func() time.Time
}

// Do sweeps all tenants once.
func (u *Sweep) Do(ctx context.Context) error {
	now := u.Now()
	tenants, err := u.Sweeper.SweepableTenants(ctx, now)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := u.Sweeper.SweepTenant(ctx, tenant, now, now.Add(-traceLife), now.Add(-unusedGrace)); err != nil {
			return err
		}
	}
	return nil
}
