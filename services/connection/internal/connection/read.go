package connection

import (
	"context"
	"slices"
)

// Read reads directories through the tenant's connection (F046).
type Read struct {
	Providers *Providers
}

// ManagedTenants streams the customers of the partner.
func (u *Read) ManagedTenants(ctx context.Context, tenant string, p Priority, emit func([]ManagedTenant) error) error {
	access, err := u.Providers.of(ctx, tenant)
	if err != nil {
		return err
	}
	return access.provider.ListManagedTenants(ctx, access.partner, p, emit)
}

// Details reads one managed tenant. A tenant that refuses, or cannot be reached
// now, answers with its problem; an error is about the partner or about us.
func (u *Read) Details(ctx context.Context, tenant string, r TenantRequest) (Details, error) {
	access, err := u.Providers.of(ctx, tenant)
	if err != nil {
		return Details{}, err
	}
	var details Details
	tokens, err := access.into(r.ManagedTenant)
	if err == nil {
		details, err = access.provider.TenantDetails(ctx, tokens, r)
	}
	if err == nil {
		return details, nil
	}
	if ctx.Err() != nil {
		return Details{}, err
	}
	if class := ClassOf(err); class != Customer && !(class == Retry && isDirectoryReason(err)) {
		return Details{}, err
	}
	details.Problem = problemOf(err)
	return details, nil
}

// Users streams the users of a managed tenant.
func (u *Read) Users(ctx context.Context, tenant string, r UsersRequest, emit func(UsersEvent) error) error {
	access, err := u.Providers.of(ctx, tenant)
	if err != nil {
		return err
	}
	tokens, err := access.into(r.ManagedTenant)
	if err != nil {
		return err
	}
	return access.provider.ListUsers(ctx, tokens, r, emit)
}

// Count counts the users of a managed tenant.
func (u *Read) Count(ctx context.Context, tenant string, r TenantRequest) (int32, error) {
	access, err := u.Providers.of(ctx, tenant)
	if err != nil {
		return 0, err
	}
	tokens, err := access.into(r.ManagedTenant)
	if err != nil {
		return 0, err
	}
	return access.provider.CountUsers(ctx, tokens, r)
}

// GroupMembers streams the ids of the users in a group.
func (u *Read) GroupMembers(ctx context.Context, tenant string, r GroupRequest, emit func(ids []string) error) error {
	access, err := u.Providers.of(ctx, tenant)
	if err != nil {
		return err
	}
	groups, err := access.groups()
	if err != nil {
		return err
	}
	tokens, err := access.into(r.ManagedTenant)
	if err != nil {
		return err
	}
	return groups.GroupMembers(ctx, tokens, r, emit)
}

// UsersByID reads users by id.
func (u *Read) UsersByID(ctx context.Context, tenant string, r ByIDRequest) (users []User, missing []string, err error) {
	slices.Sort(r.IDs)
	r.IDs = slices.Compact(r.IDs)
	access, err := u.Providers.of(ctx, tenant)
	if err != nil {
		return nil, nil, err
	}
	groups, err := access.groups()
	if err != nil {
		return nil, nil, err
	}
	tokens, err := access.into(r.ManagedTenant)
	if err != nil {
		return nil, nil, err
	}
	return groups.UsersByID(ctx, tokens, r)
}
