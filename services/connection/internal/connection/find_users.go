package connection

import (
	"context"
	"slices"
)

// FindUsers is the use case of reading users by id.
type FindUsers struct{ kinds *Kinds }

// NewFindUsers makes the use case.
func NewFindUsers(kinds *Kinds) *FindUsers { return &FindUsers{kinds: kinds} }

// Do reads the users; missing are the ids that are not in the directory.
func (u *FindUsers) Do(ctx context.Context, r ByIDRequest) (users []User, missing []string, err error) {
	slices.Sort(r.IDs)
	r.IDs = slices.Compact(r.IDs)
	groups, tokens, err := u.kinds.openGroups(ctx, r.ManagedTenant)
	if err != nil {
		return nil, nil, err
	}
	return groups.UsersByID(ctx, tokens, r)
}
