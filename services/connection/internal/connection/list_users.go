package connection

import "context"

// ListUsers is the use case of listing the users of a managed tenant (F046).
type ListUsers struct{ kinds *Kinds }

// NewListUsers makes the use case.
func NewListUsers(kinds *Kinds) *ListUsers { return &ListUsers{kinds: kinds} }

// Do streams the users.
func (u *ListUsers) Do(ctx context.Context, r UsersRequest, emit func(UsersEvent) error) error {
	access, tokens, err := u.kinds.openTenant(ctx, r.ManagedTenant)
	if err != nil {
		return err
	}
	return access.Provider.ListUsers(ctx, tokens, r, emit)
}
