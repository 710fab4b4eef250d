package connection

import (
	"context"
	"time"
)

// SecretKeeper is a secret store outside the database, which does not see what
// rows point to.
type SecretKeeper interface {
	// SecretTenants lists tenants that have something in the store.
	SecretTenants(ctx context.Context) ([]string, error)
	// SweepSecrets destroys the tenant's versions that were made before a time,
	// but for the ones in use (by key).
	SweepSecrets(ctx context.Context, used map[string]string, before time.Time) error
}

// SecretPointers say which versions are in use.
type SecretPointers interface {
	// UsedSecrets returns the version that a row points to, by key.
	UsedSecrets(ctx context.Context) (map[string]string, error)
}

// SweepSecrets destroys versions that nothing points to, in a store outside the
// database. It holds the tenant's grant lock: so no version is on its way
// between its writing and its commit.
type SweepSecrets struct {
	keeper   SecretKeeper
	pointers SecretPointers
	lock     GrantLock
	now      func() time.Time
}

// NewSweepSecrets makes the use case.
func NewSweepSecrets(keeper SecretKeeper, pointers SecretPointers, lock GrantLock, now func() time.Time) *SweepSecrets {
	return &SweepSecrets{keeper: keeper, pointers: pointers, lock: lock, now: now}
}

// Do sweeps all tenants once. One that fails holds up no other.
func (u *SweepSecrets) Do(ctx context.Context) error {
	tenants, err := u.keeper.SecretTenants(ctx)
	if err != nil {
		return err
	}
	return each(ctx, tenants, func(ctx context.Context) error {
		return u.lock.WithGrantLock(ctx, func(ctx context.Context) error {
			used, err := u.pointers.UsedSecrets(ctx)
			if err != nil {
				return err
			}
			return u.keeper.SweepSecrets(ctx, used, u.now().Add(-unusedGrace))
		})
	})
}
