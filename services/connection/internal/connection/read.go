package connection

import (
	"context"
	"slices"
)

// Read reads directories through the tenant's connection (F046).
type Read struct {
	Tokens   *Tokens
	Provider Provider
	Groups   Groups
}

// ManagedTenants streams the customers of the partner.
func (u *Read) ManagedTenants(ctx context.Context, tenant string, emit func([]ManagedTenant) error) error {
	return u.Provider.ListManagedTenants(ctx, u.Tokens.Partner(tenant), emit)
}

// Details reads one managed tenant. A tenant that refuses, or cannot be reached
// now, answers with its problem; an error is about the partner or about us.
func (u *Read) Details(ctx context.Context, tenant, managedTenant string) (Details, error) {
	details, err := u.Provider.TenantDetails(ctx, u.Tokens.Customer(tenant, managedTenant), managedTenant)
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
	return u.Provider.ListUsers(ctx, u.Tokens.Customer(tenant, r.ManagedTenant), r, emit)
}

// Count counts the users of a managed tenant.
func (u *Read) Count(ctx context.Context, tenant, managedTenant string) (int32, error) {
	return u.Provider.CountUsers(ctx, u.Tokens.Customer(tenant, managedTenant), managedTenant)
}

// GroupMembers streams the ids of the users in a group.
func (u *Read) GroupMembers(ctx context.Context, tenant string, r GroupRequest, emit func(ids []string) error) error {
	return u.Groups.GroupMembers(ctx, u.Tokens.Customer(tenant, r.ManagedTenant), r, emit)
}

// UsersByID reads users by id.
func (u *Read) UsersByID(ctx context.Context, tenant string, r ByIDRequest) (users []User, missing []string, err error) {
	slices.Sort(r.IDs)
	r.IDs = slices.Compact(r.IDs)
	return u.Groups.UsersByID(ctx, u.Tokens.Customer(tenant, r.ManagedTenant), r)
}
