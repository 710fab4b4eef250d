package connection

import "context"

// Resealer keeps values that were sealed with keys that rotate.
type Resealer interface {
	// OutdatedTenants lists tenants with values that an older key sealed.
	OutdatedTenants(ctx context.Context) ([]string, error)
	// ResealTenant seals them again with the key that seals now.
	ResealTenant(ctx context.Context, tenant string) error
}

// Reseal brings every sealed value under the newest key, so that older keys can
// go. It may run on several replicas at once, and stop anywhere.
type Reseal struct {
	Resealer Resealer
}

// Do goes through all tenants once. A value that cannot be opened holds up no
// other.
func (u *Reseal) Do(ctx context.Context) error {
	tenants, err := u.Resealer.OutdatedTenants(ctx)
	if err != nil {
		return err
	}
	return each(ctx, tenants, func(tenant string) error { return u.Resealer.ResealTenant(ctx, tenant) })
}
