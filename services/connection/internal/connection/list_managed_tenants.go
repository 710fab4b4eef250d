package connection

import "context"

// ListManagedTenants is the use case of listing the customers of the partner (F046).
type ListManagedTenants struct{ kinds *Kinds }

// NewListManagedTenants makes the use case.
func NewListManagedTenants(kinds *Kinds) *ListManagedTenants {
	return &ListManagedTenants{kinds: kinds}
}

// Do streams the managed tenants.
func (u *ListManagedTenants) Do(ctx context.Context, p Priority, emit func([]ManagedTenant) error) error {
	access, err := u.kinds.open(ctx)
	if err != nil {
		return err
	}
	return access.Provider.ListManagedTenants(ctx, access.Partner, p, emit)
}
