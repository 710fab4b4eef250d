package mapping

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/searchkey"
)

// Filter chooses mappings: those in force by state and query, or those of one managed
// tenant, with History its past ones too, or the orphans among all or of one.
type Filter struct {
	State           State
	Query           string // a part of a name, a domain, or the Entra tenant id
	ManagedTenantID string
	History         bool
	Orphans         bool // only managed tenants whose orphaned links wait for a person
}

// check refuses what would have to be left out of account: a list that ignores a
// filter would show more than was asked for.
func (f Filter) check() error {
	var violations []errs.Violation
	refuse := func(wrong bool, field, message string) {
		if wrong {
			violations = append(violations, errs.Violation{Field: field, Message: message})
		}
	}
	ofOne := f.ManagedTenantID != "" && !f.Orphans
	refuse(f.State != "" && ofOne, "state", "does not go with managedTenantId")
	refuse(f.Query != "" && ofOne, "q", "does not go with managedTenantId")
	refuse(f.History && f.Orphans, "history", "does not go with orphans")
	refuse(f.History && !f.Orphans && f.ManagedTenantID == "", "history", "needs managedTenantId")
	refuse(strings.ContainsRune(f.Query, 0), "q", "must not contain NUL")
	if looksForNothing(f.Query) {
		violations = append(violations, nothingToLookFor)
	}
	if len(violations) == 0 {
		return nil
	}
	return refuseFilters(violations...)
}

// ListMappings is the use case of listing decisions.
type ListMappings struct{ store ListStore }

// NewListMappings makes the use case.
func NewListMappings(store ListStore) *ListMappings { return &ListMappings{store: store} }

// Do gives a page of decisions, by the managed tenant's name, or of one
// managed tenant, the newest first. Errors as ListClients.Do, and errs.Invalid for
// filters that do not go together or a query that no text can contain.
func (u *ListMappings) Do(ctx context.Context, filter Filter, size int32, pageToken string) (page.Page[Mapping], error) {
	if err := filter.check(); err != nil {
		return page.Page[Mapping]{}, err
	}
	list := page.List[Mapping]{Size: size, Token: pageToken, Filters: []string{
		"mappings", string(filter.State), filter.Query, filter.ManagedTenantID, strconv.FormatBool(filter.History), strconv.FormatBool(filter.Orphans),
	}}
	if filter.ManagedTenantID != "" && !filter.Orphans {
		return u.history(ctx, filter, list)
	}
	search := Search{
		ManagedTenantID: filter.ManagedTenantID, State: filter.State, NameKey: searchkey.Of(filter.Query),
		Exact: strings.ToLower(strings.TrimSpace(filter.Query)), Orphans: filter.Orphans,
	}
	list.Read = func(after *page.Cursor, limit int32) ([]Mapping, error) {
		return u.store.Mappings(ctx, search, after, limit)
	}
	list.Count = func(most int32) (int32, error) { return u.store.CountMappings(ctx, search, most) }
	list.Place = func(m Mapping) page.Cursor {
		return page.Cursor{Key: searchkey.Of(m.DisplayName), ID: m.ManagedTenantID}
	}
	return page.Of(list)
}

// history gives decisions about one managed tenant.
func (u *ListMappings) history(ctx context.Context, filter Filter, list page.List[Mapping]) (page.Page[Mapping], error) {
	list.Read = func(after *page.Cursor, limit int32) ([]Mapping, error) {
		below, err := revisionOf(after)
		if err != nil {
			return nil, err
		}
		items, err := u.store.MappingsOf(ctx, filter.ManagedTenantID, filter.History, below, limit)
		for i := range items {
			if i > 0 || after != nil {
				items[i].OrphanedLinks = nil
			}
		}
		return items, err
	}
	list.Place = func(m Mapping) page.Cursor {
		return page.Cursor{Key: strconv.FormatInt(m.Revision, 10), ID: m.ManagedTenantID}
	}
	return page.Of(list)
}

// revisionOf is the revision below which a page of a history begins.
func revisionOf(after *page.Cursor) (int64, error) {
	if after == nil {
		return math.MaxInt64, nil
	}
	revision, err := strconv.ParseInt(after.Key, 10, 64)
	if err != nil {
		return 0, page.ErrToken
	}
	return revision, nil
}
