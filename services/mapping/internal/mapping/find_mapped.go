package mapping

import (
	"context"
)

// FindMapped is the use case of finding the client of one managed tenant.
type FindMapped struct{ store ListStore }

// NewFindMapped makes the use case.
func NewFindMapped(store ListStore) *FindMapped { return &FindMapped{store: store} }

// Do gives the client of one managed tenant; nil when it has none.
func (u *FindMapped) Do(ctx context.Context, managedTenantID string) (*MappedTenant, error) {
	return u.store.MappedTenant(ctx, managedTenantID)
}
