package mapping

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ListClients is the use case of listing clients.
type ListClients struct{ store ListStore }

// NewListClients makes the use case.
func NewListClients(store ListStore) *ListClients { return &ListClients{store: store} }

// Do gives a page of clients by name. query is a part of a name, or the
// beginning of a domain; size 0 means page.DefaultSize. page.ErrToken for a token that is not of
// this list, errs.Invalid for a query that looks for nothing.
func (u *ListClients) Do(ctx context.Context, query string, size int32, pageToken string) (page.Page[Client], error) {
	if looksForNothing(query) {
		return page.Page[Client]{}, refuseFilters(nothingToLookFor)
	}
	search := clientSearch(query)
	return page.Of(page.List[Client]{
		Size: size, Token: pageToken, Filters: []string{"clients", query},
		Read: func(after *page.Cursor, limit int32) ([]Client, error) {
			return u.store.Clients(ctx, search, after, limit)
		},
		Count: func(most int32) (int32, error) { return u.store.CountClients(ctx, search, most) },
		Place: func(c Client) page.Cursor { return page.Cursor{Key: searchkey.Of(c.Name), ID: c.ID} },
	})
}

func clientSearch(query string) ClientSearch {
	key := searchkey.Of(query)
	if key == "" {
		return ClientSearch{}
	}
	domain, ok := NormaliseDomain(query)
	if !ok {
		domain = key // the beginning of one
	}
	return ClientSearch{NameKey: key, DomainFrom: domain, DomainBefore: domain + string(utf8.MaxRune)}
}

// nothingToLookFor refuses a query of characters that count as spaces.
var nothingToLookFor = errs.Violation{Field: "q", Message: "has nothing that can be looked for"}

// looksForNothing reports a query that is not empty and yet would find everything.
func looksForNothing(query string) bool {
	return strings.TrimSpace(query) != "" && searchkey.Of(query) == ""
}

func refuseFilters(violations ...errs.Violation) error {
	return errs.Of(reason.InvalidArgument, errs.WithViolations(violations...))
}
