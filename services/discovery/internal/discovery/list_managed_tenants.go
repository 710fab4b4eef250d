package discovery

import (
	"context"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ListManagedTenants is the use case of listing managed tenants.
type ListManagedTenants struct{ store ShowStore }

// NewListManagedTenants makes the use case.
func NewListManagedTenants(store ShowStore) *ListManagedTenants {
	return &ListManagedTenants{store: store}
}

// Do gives one page by name; size 0 means page.DefaultSize. page.ErrToken for a
// token that is not of this list, and errs.Invalid, reason "invalid_argument", for a
// query that is not empty and yet would find everything.
func (u *ListManagedTenants) Do(ctx context.Context, filter Filter, size int32, pageToken string) (page.Page[ManagedTenant], error) {
	if strings.TrimSpace(filter.Query) != "" && searchkey.Of(filter.Query) == "" {
		return page.Page[ManagedTenant]{}, errs.Of(reason.InvalidArgument, errs.WithViolation("q", "has nothing that can be looked for"))
	}
	key, query := searchkey.Of(filter.Query), cleanID(filter.Query)
	return page.Of(page.List[ManagedTenant]{
		Size: size, Token: pageToken, Filters: []string{string(filter.State), filter.Query},
		Read: func(after *page.Cursor, limit int32) ([]ManagedTenant, error) {
			return u.store.List(ctx, filter.State, key, query, after, limit)
		},
		Count: func(most int32) (int32, error) { return u.store.Count(ctx, filter.State, key, query, most) },
		Place: func(t ManagedTenant) page.Cursor { return page.Cursor{Key: searchkey.Of(t.DisplayName), ID: t.ID} },
	})
}
