package connection

import "context"

// ConnectedStore names the tenants that have a connection.
type ConnectedStore interface {
	// ConnectedTenants names at most limit of them, in the order of their ids, after the given
	// one.
	ConnectedTenants(ctx context.Context, after string, limit int32) ([]string, error)
}

// ConnectedTenants is the use case of naming the tenants that have a connection, of all tenants.
type ConnectedTenants struct{ Store ConnectedStore }

// Do names at most limit tenants, in the order of their ids, after the given one.
func (c *ConnectedTenants) Do(ctx context.Context, after string, limit int32) ([]string, error) {
	return c.Store.ConnectedTenants(ctx, after, limit)
}
