package connection

import "context"

// ConnectedStore names the tenants that have a connection.
type ConnectedStore interface {
	// ConnectedTenants names at most limit of them, in the order of their ids, after the given
	// one.
	ConnectedTenants(ctx context.Context, after string, limit int32) ([]string, error)
}

// ListConnectedTenants is the use case of naming the tenants that have a connection, of all tenants.
type ListConnectedTenants struct{ store ConnectedStore }

// NewListConnectedTenants makes the use case.
func NewListConnectedTenants(store ConnectedStore) *ListConnectedTenants {
	return &ListConnectedTenants{store: store}
}

// Do names at most limit tenants, in the order of their ids, after the given one.
func (u *ListConnectedTenants) Do(ctx context.Context, after string, limit int32) ([]string, error) {
	return u.store.ConnectedTenants(ctx, after, limit)
}
