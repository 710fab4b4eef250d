package connection

import "context"

// CountUsers is the use case of counting the users of a managed tenant (F046).
type CountUsers struct{ kinds *Kinds }

// NewCountUsers makes the use case.
func NewCountUsers(kinds *Kinds) *CountUsers { return &CountUsers{kinds: kinds} }

// Do counts the users, guests and disabled ones among them.
func (u *CountUsers) Do(ctx context.Context, r TenantRequest) (int32, error) {
	access, tokens, err := u.kinds.openTenant(ctx, r.ManagedTenant)
	if err != nil {
		return 0, err
	}
	return access.Provider.CountUsers(ctx, tokens, r)
}
