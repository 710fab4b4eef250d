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
	SweepSecrets(ctx context.Context, tenant string, used map[string]string, before time.Time) error
}

// SecretPointers tell which versions are in use.
type SecretPointers interface {
	// UsedSecrets gives the version that a row points to, by key.
	UsedSecrets(ctx context.Context, tenant string) (map[string]string, error)
}

// SweepSecrets destroys versions that nothing points to, in a store outside the
// database. It holds the tenant's grant lock: so no version is on its way
// between its writing and its commit.
type SweepSecrets struct {
	Keeper   SecretKeeper
	Pointers SecretPointers
	Lock     GrantLock
	Now      func() time.Time
}

// Do sweeps all tenants once. One that fails holds up no other.
func (u *SweepSecrets) Do(ctx context.Context) error {
	tenants, err := u.Keeper.SecretTenants(ctx)
	if err != nil {
		return err
	}
	return each(ctx, tenants, func(tenant string) error {
		return u.Lock.WithGrantLock(ctx, tenant, func(ctx context.Context) error {
			used, err := u.Pointers.UsedSecrets(ctx, tenant)
			if err != nil {
				return err
			}
			return u.Keeper.SweepSecrets(ctx, tenant, used, u.Now().Add(-unusedGrace))
		})
	})
}
