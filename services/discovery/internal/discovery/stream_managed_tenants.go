package discovery

import "context"

// StreamManagedTenants is the use case of handing managed tenants over to other services.
type StreamManagedTenants struct{ store ShowStore }

// NewStreamManagedTenants makes the use case.
func NewStreamManagedTenants(store ShowStore) *StreamManagedTenants {
	return &StreamManagedTenants{store: store}
}

// Do streams the managed tenants with the given ids, or all; see ShowStore.
func (u *StreamManagedTenants) Do(ctx context.Context, ids []string, each func([]ManagedTenant) error) error {
	return u.store.Each(ctx, ids, each)
}
