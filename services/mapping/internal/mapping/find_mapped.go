package mapping

import (
	"context"
)

// FindMapped is the use case of finding the client of one managed tenant.
type FindMapped struct {
	managedTenants ManagedTenants
	store          ListStore
}

// NewFindMapped makes the use case.
func NewFindMapped(managedTenants ManagedTenants, store ListStore) *FindMapped {
	return &FindMapped{managedTenants: managedTenants, store: store}
}

// Do gives the client of one managed tenant; nil when it has none. With mustExist,
// discovery is asked about one that has none: errs.NotFound "managed_tenant_not_found"
// where it knows no such managed tenant.
func (u *FindMapped) Do(ctx context.Context, managedTenantID string, mustExist bool) (*MappedTenant, error) {
	mapped, err := u.store.MappedTenant(ctx, managedTenantID)
	if err != nil || mapped != nil || !mustExist {
		return mapped, err
	}
	known, err := u.managedTenants.List(ctx, []string{managedTenantID})
	if err == nil && len(known) == 0 {
		err = errTenantNotFound
	}
	return nil, err
}
