package mapping

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// errClientNotFound is the answer for an id that is unknown or of another tenant.
var errClientNotFound = errs.New(errs.NotFound, reason.ClientNotFound, "There is no such client.")

// mappedPage is the size of a page of mapped tenants when the caller names none.
const mappedPage = 500

// ClientSearch chooses clients that are not deleted; both empty for all.
type ClientSearch struct {
	NameFrom, NameBefore string // the range of name keys
	Domain               string // or a domain
}

// Search chooses decisions in force.
type Search struct {
	State   string // empty for all
	NameKey string // a part of the managed tenant's or the client's name
	Exact   string // or its domain or Entra tenant id, in lower case
	// Orphans chooses managed tenants whose orphaned links wait for a person, by
	// their last decision, in force or not.
	Orphans         bool
	ManagedTenantID string // with Orphans: this one alone; empty for all
}

// MappedSearch chooses managed tenants that are, or will be, synced.
type MappedSearch struct {
	ClientID  string // those mapped to it; empty for all
	CreateNew bool   // instead, those whose client is still to be created
}

// MappedTenant is a managed tenant and the client that it is mapped to.
type MappedTenant struct {
	ManagedTenantID string
	EntraTenantID   string
	ClientID        string
	Revision        int64 // rises with each decision about the managed tenant
	ConfirmedAt     time.Time
	MappingID       string
}

// ListStore reads clients and mappings. Lists give up to limit entries after the
// cursor.
type ListStore interface {
	Clients(ctx context.Context, search ClientSearch, after *page.Cursor, limit int32) ([]Client, error)
	CountClients(ctx context.Context, search ClientSearch) (int32, error)
	// Client gives one with its mappings; nil when there is none.
	Client(ctx context.Context, id string) (*Client, error)
	// Mappings are sorted by name key and managed tenant.
	Mappings(ctx context.Context, search Search, after *page.Cursor, limit int32) ([]Mapping, error)
	CountMappings(ctx context.Context, search Search) (int32, error)
	// MappingsOf are those of one managed tenant with a revision below the given
	// one, the newest first; only the one in force without past.
	MappingsOf(ctx context.Context, managedTenantID string, past bool, below int64, limit int32) ([]Mapping, error)
	// Mapped are sorted by the time of their confirmation.
	Mapped(ctx context.Context, of MappedSearch, after *page.Cursor, limit int32) ([]MappedTenant, error)
	// MappedTenant is nil when the managed tenant is not mapped.
	MappedTenant(ctx context.Context, managedTenantID string) (*MappedTenant, error)
	// Resolve gives those of the clients that exist and are not deleted.
	Resolve(ctx context.Context, ids, externalIDs []string) ([]Client, error)
	// States are those of the decisions in force.
	States(ctx context.Context) (States, error)
}

// Lister shows clients and mappings.
type Lister struct {
	directory Directory
	store     ListStore
}

// NewLister makes a lister.
func NewLister(directory Directory, store ListStore) *Lister {
	return &Lister{directory: directory, store: store}
}

// Clients gives a page of clients by name. query is the beginning of a name, or
// a domain; size 0 means page.DefaultSize. page.ErrToken for a token that is not of
// this list, errs.Invalid for a query that looks for nothing.
func (l *Lister) Clients(ctx context.Context, query string, size int32, pageToken string) (page.Page[Client], error) {
	if looksForNothing(query) {
		return page.Page[Client]{}, refuseFilters(nothingToLookFor)
	}
	search := clientSearch(query)
	return page.Of(page.List[Client]{
		Size: size, Token: pageToken, Filters: []string{"clients", query},
		Read: func(after *page.Cursor, limit int32) ([]Client, error) {
			return l.store.Clients(ctx, search, after, limit)
		},
		Count: func() (int32, error) { return l.store.CountClients(ctx, search) },
		Place: func(c Client) page.Cursor { return page.Cursor{Key: searchkey.Of(c.Name), ID: c.ID} },
	})
}

func clientSearch(query string) ClientSearch {
	key := searchkey.Of(query)
	if key == "" {
		return ClientSearch{}
	}
	search := ClientSearch{NameFrom: key, NameBefore: key + string(utf8.MaxRune)}
	search.Domain, _ = NormaliseDomain(query)
	return search
}

// Client gives one client, a deleted one too; errs.NotFound "client_not_found".
func (l *Lister) Client(ctx context.Context, id string) (Client, error) {
	client, err := l.store.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	if client == nil {
		return Client{}, errClientNotFound
	}
	return *client, nil
}

// nothingToLookFor refuses a query of characters that count as spaces.
var nothingToLookFor = errs.Violation{Field: "q", Message: "has nothing that can be looked for"}

// looksForNothing reports a query that is not empty and yet would find everything.
func looksForNothing(query string) bool {
	return strings.TrimSpace(query) != "" && searchkey.Of(query) == ""
}

func refuseFilters(violations ...errs.Violation) error {
	return errs.New(errs.Invalid, reason.InvalidArgument, "The request is not valid.", errs.WithViolations(violations...))
}

// Filter chooses mappings: those in force by state and query, or those of one managed
// tenant, with History its past ones too, or the orphans among all or of one.
type Filter struct {
	State           string
	Query           string // a part of a name, a domain, or the Entra tenant id
	ManagedTenantID string
	History         bool
	Orphans         bool // only managed tenants whose orphaned links wait for a person
}

// check refuses what would have to be left out of account: a list that ignores a
// filter shows what nobody asked for.
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

// Mappings gives a page of decisions, by the managed tenant's name, or of one
// managed tenant, the newest first. Errors as Clients, and errs.Invalid for
// filters that do not go together or a query that no text can contain.
func (l *Lister) Mappings(ctx context.Context, filter Filter, size int32, pageToken string) (page.Page[Mapping], error) {
	if err := filter.check(); err != nil {
		return page.Page[Mapping]{}, err
	}
	list := page.List[Mapping]{Size: size, Token: pageToken, Filters: []string{
		"mappings", filter.State, filter.Query, filter.ManagedTenantID, strconv.FormatBool(filter.History), strconv.FormatBool(filter.Orphans),
	}}
	if filter.ManagedTenantID != "" && !filter.Orphans {
		return l.history(ctx, filter, list)
	}
	search := Search{
		ManagedTenantID: filter.ManagedTenantID, State: filter.State, NameKey: searchkey.Of(filter.Query),
		Exact: strings.ToLower(strings.TrimSpace(filter.Query)), Orphans: filter.Orphans,
	}
	list.Read = func(after *page.Cursor, limit int32) ([]Mapping, error) {
		return l.store.Mappings(ctx, search, after, limit)
	}
	list.Count = func() (int32, error) { return l.store.CountMappings(ctx, search) }
	list.Place = func(m Mapping) page.Cursor {
		return page.Cursor{Key: searchkey.Of(m.DisplayName), ID: m.ManagedTenantID}
	}
	return page.Of(list)
}

// history gives decisions about one managed tenant.
func (l *Lister) history(ctx context.Context, filter Filter, list page.List[Mapping]) (page.Page[Mapping], error) {
	list.Read = func(after *page.Cursor, limit int32) ([]Mapping, error) {
		below, err := revisionOf(after)
		if err != nil {
			return nil, err
		}
		items, err := l.store.MappingsOf(ctx, filter.ManagedTenantID, filter.History, below, limit)
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

// Mapped gives a page of the mapped tenants in order of their confirmation. Errors as
// Clients.
func (l *Lister) Mapped(ctx context.Context, of MappedSearch, size int32, pageToken string) (page.Page[MappedTenant], error) {
	return page.Of(page.List[MappedTenant]{
		Size: cmp.Or(size, mappedPage), Token: pageToken, Filters: []string{"mapped", of.ClientID, strconv.FormatBool(of.CreateNew)},
		Read: func(after *page.Cursor, limit int32) ([]MappedTenant, error) {
			return l.store.Mapped(ctx, of, after, limit)
		},
		Place: func(m MappedTenant) page.Cursor {
			return page.Cursor{Key: m.ConfirmedAt.UTC().Format(time.RFC3339Nano), ID: m.MappingID}
		},
	})
}

// MappedTenant gives the client of one managed tenant; nil when it has none.
func (l *Lister) MappedTenant(ctx context.Context, managedTenantID string) (*MappedTenant, error) {
	return l.store.MappedTenant(ctx, managedTenantID)
}

// Resolve gives those of the clients that exist and are not deleted.
func (l *Lister) Resolve(ctx context.Context, ids, externalIDs []string) ([]Client, error) {
	return l.store.Resolve(ctx, ids, externalIDs)
}

// Summary counts the decisions.
func (l *Lister) Summary(ctx context.Context) (Summary, error) {
	states, err := l.store.States(ctx)
	if err != nil {
		return Summary{}, err
	}
	return states.count(ctx, l.directory)
}
