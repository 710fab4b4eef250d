package connection

import "context"

// ListGroupMembers is the use case of listing the ids of the users in a group.
type ListGroupMembers struct{ kinds *Kinds }

// NewListGroupMembers makes the use case.
func NewListGroupMembers(kinds *Kinds) *ListGroupMembers { return &ListGroupMembers{kinds: kinds} }

// Do streams the ids.
func (u *ListGroupMembers) Do(ctx context.Context, r GroupRequest, emit func(ids []string) error) error {
	groups, tokens, err := u.kinds.openGroups(ctx, r.ManagedTenant)
	if err != nil {
		return err
	}
	return groups.GroupMembers(ctx, tokens, r, emit)
}
