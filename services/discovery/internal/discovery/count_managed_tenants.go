package discovery

import "context"

// CountManagedTenants is the use case of counting the managed tenants that are not gone.
type CountManagedTenants struct{ store ShowStore }

// NewCountManagedTenants makes the use case.
func NewCountManagedTenants(store ShowStore) *CountManagedTenants {
	return &CountManagedTenants{store: store}
}

// Do counts them, except the given ones.
func (u *CountManagedTenants) Do(ctx context.Context, exceptIDs []string) (int32, error) {
	return u.store.CountOthers(ctx, exceptIDs)
}
