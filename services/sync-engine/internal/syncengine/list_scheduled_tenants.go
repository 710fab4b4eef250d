package syncengine

import "context"

// ScheduledTenantReader names tenants that are synced by themselves.
type ScheduledTenantReader interface {
	// ScheduledTenants names tenants after one, of all tenants, whose first sync got through.
	ScheduledTenants(ctx context.Context, after string, limit int) ([]string, error)
}

// ListScheduledTenants pages through the tenants that are synced by themselves.
type ListScheduledTenants struct{ store ScheduledTenantReader }

// NewListScheduledTenants wires the use case.
func NewListScheduledTenants(store ScheduledTenantReader) *ListScheduledTenants {
	return &ListScheduledTenants{store: store}
}

// Do names at most limit tenants whose first sync got through, in the order of their ids,
// after the given one.
func (l *ListScheduledTenants) Do(ctx context.Context, after string, limit int) ([]string, error) {
	return l.store.ScheduledTenants(ctx, after, limit)
}
