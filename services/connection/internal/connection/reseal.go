package connection

import "context"

// Resealer keeps values that were sealed with keys that rotate.
type Resealer interface {
	// OutdatedTenants lists tenants with values that an older key sealed.
	OutdatedTenants(ctx context.Context) ([]string, error)
	// ResealTenant seals those of the context's tenant again with the key that seals now.
	ResealTenant(ctx context.Context) error
}

// Reseal brings every sealed value under the newest key, so that older keys can
// go. It may run on several replicas at once, and stop anywhere.
type Reseal struct{ resealer Resealer }

// NewReseal makes the use case.
func NewReseal(resealer Resealer) *Reseal { return &Reseal{resealer: resealer} }

// Do goes through all tenants once. A value that cannot be opened holds up no
// other.
func (u *Reseal) Do(ctx context.Context) error {
	tenants, err := u.resealer.OutdatedTenants(ctx)
	if err != nil {
		return err
	}
	return each(ctx, tenants, u.resealer.ResealTenant)
}
