package syncengine

import (
	"context"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/text"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Who made a contact.
const (
	MadeByHost = "host"
	MadeBySync = "sync"
)

// SyncSource marks contacts that a sync has processed.
const SyncSource = "entra_sync"

// Contact is a person at a client, as it is shown.
type Contact struct {
	ID             string // UUID
	ClientID       string
	ExternalID     string // the host's own id; empty without one
	FullName       string
	NameKey        string
	Email          string
	Phone          string
	Role           string
	SignInName     string // as the field rule upn wrote it; empty where it never did
	Inactive       bool
	Deleted        bool
	Version        int64
	EntraTenantID  *string
	EntraObjectID  *string
	SyncSource     *string
	LastSyncAt     *time.Time // the later of its own time and its directory's last round
	UPN            *string
	AccountEnabled *bool
	SyncStatus     *string
	SyncReason     *string
	LinkStatus     *string
}

// ErrUnknownContact is another tenant's contact as well as none.
var ErrUnknownContact = errs.New(errs.NotFound, reason.NotFound, "There is no such contact.")

// ContactFilter narrows a list; empty fields do not.
type ContactFilter struct {
	ClientID string
	Search   ContactSearch
	Entra    string // linked or unlinked
	Status   string // active or inactive
}

// ContactSearch is what is looked for: contacts that either finds. The zero value finds all.
type ContactSearch struct {
	Words   string // the beginning of a word of the name, with the words behind it, as NameKey has them
	Address string // the beginning of the address; empty only in the zero value
}

// ContactPosition is where a page begins: after this contact.
type ContactPosition struct {
	NameKey string
	ID      string
	ContactOrder
}

// ContactOrder is what the order of a list depends on besides its filter. A list is not read on in another
// order: it would lack contacts that are before its place in the one and behind it in the other.
type ContactOrder struct {
	// How often names of the tenant had been keyed anew, which moves contacts in the order of names. 0 in a
	// list that is in order of id, and not a search.
	Keyed int64
	// Of a search within a client: it is in order of what was found, since the client has many contacts, and
	// not in order of id.
	ByPlace bool
}

// ContactPage asks for one page. Lists of one client are in order of id, searches in order
// of what was found, all others in order of name. Searches within a client that has few
// contacts are in order of id too.
type ContactPage struct {
	Filter ContactFilter
	After  *ContactPosition
	Size   int
}

// ContactStore reads contacts.
type ContactStore interface {
	// Contacts reads a page, and the order that it is in. ErrOrderChanged where the page's own position
	// is of another.
	Contacts(ctx context.Context, page ContactPage) (contacts []Contact, order ContactOrder, err error)
	CountContacts(ctx context.Context, filter ContactFilter, bound int) (int, error)
	FeedHead(ctx context.Context) (int64, error)
}

// How far lists of contacts are counted. What a search finds is looked at one by one.
const (
	MostCounted = 10_000
	MostFound   = 1000
)

// ErrOrderChanged refuses the next page of a list whose order is no longer what it was when it began.
var ErrOrderChanged = errs.New(errs.Invalid, reason.InvalidArgument, "The order of the list has changed since it began. Begin it again.",
	errs.WithViolation("pageToken", "is from before the order of the list changed"))

// errNothingToLookFor refuses a query of characters that cannot be seen.
var errNothingToLookFor = errs.Of(reason.InvalidArgument, errs.WithViolation("q", "has nothing that can be looked for"))

// searchFor reads what a person typed, in the forms in which names and addresses are stored. What
// is an address by itself may yet be the beginning of a longer one, and what is no address is the
// beginning of a name or of an address. errs.Invalid where it is not empty and looks for nothing.
func searchFor(q string) (ContactSearch, error) {
	if strings.TrimSpace(q) == "" {
		return ContactSearch{}, nil
	}
	search := ContactSearch{Words: NameKey(q), Address: text.Normalise(strings.ToLower(text.Normalise(q)))}
	if address, ok := NormaliseAddress(q); ok {
		search.Address = address
	}
	if search.Address == "" {
		return ContactSearch{}, errNothingToLookFor
	}
	return search, nil
}

// MostOf is how far the list of a search, or of everybody, is counted.
func MostOf(q string) int {
	if q == "" {
		return MostCounted
	}
	return MostFound
}

// ListContacts pages through contacts.
type ListContacts struct{ store ContactStore }

// NewListContacts wires the use case.
func NewListContacts(store ContactStore) *ListContacts { return &ListContacts{store: store} }

// FeedCursor is where the change feed stands. A reader that takes it before the first
// page of a list, then reads all pages, and then the feed from it, misses nothing.
func (l *ListContacts) FeedCursor(ctx context.Context) (string, error) {
	head, err := l.store.FeedHead(ctx)
	return FeedCursor(head), err
}

// Do returns a page and where the next one begins, nil after the last. total is
// counted for the first page only, else -1, and no further than one more than
// MostOf. q is the beginning of an address or of any word of a name; errs.Invalid where
// it is not empty and looks for nothing.
func (l *ListContacts) Do(ctx context.Context, q string, page ContactPage) (contacts []Contact, next *ContactPosition, total int, err error) {
	if page.Filter.Search, err = searchFor(q); err != nil {
		return nil, nil, 0, err
	}
	size := page.Size
	page.Size++ // one more shows whether there is a next page
	contacts, order, err := l.store.Contacts(ctx, page)
	if err != nil {
		return nil, nil, 0, err
	}
	if len(contacts) > size {
		contacts = contacts[:size]
		last := contacts[size-1]
		next = &ContactPosition{NameKey: last.NameKey, ID: last.ID, ContactOrder: order}
	}
	if page.After != nil {
		return contacts, next, -1, nil
	}
	total, err = l.store.CountContacts(ctx, page.Filter, MostOf(q)+1)
	return contacts, next, total, err
}
