package discovery

import (
	"context"
	"time"
)

// endingSoon is how long before its end people are warned of the end of their
// delegated access.
const endingSoon = 30 * 24 * time.Hour

// Discovery is one discovery as it is kept.
type Discovery struct {
	OperationID string
	State       string // running, completed or failed
	StartedAt   time.Time
	CompletedAt *time.Time
	Discovered  *int32   // set when completed
	Error       *Problem // set when failed
}

// Latest is what is known of discoveries.
type Latest struct {
	Discovery       *Discovery // the one that began last; nil while there was none
	LastDiscoveryAt *time.Time // when the last one completed, also one that found nothing
	Unreadable      []ManagedTenant
}

// Summary is what the status of the integration shows of discovery.
type Summary struct {
	LastDiscoveryAt *time.Time
	Active          int32
	Gone            int32
	Unreadable      []ManagedTenant
	AccessEnding    []ManagedTenant // those whose access ends within 30 days
}

// Filter chooses managed tenants.
type Filter struct {
	Query string // a part of the name, a domain, or the Entra tenant id
	State string // empty for all
}

// Page is a part of the list of managed tenants.
type Page struct {
	Tenants []ManagedTenant
	Next    string // token of the next page; empty at the end
	Total   *int32 // with the first page only, so that no page costs more than it
}

// ShowStore reads what discoveries have stored.
type ShowStore interface {
	Latest(ctx context.Context) (Latest, error)
	// Summary counts and lists those whose access ends by the given time.
	Summary(ctx context.Context, endingBy time.Time) (Summary, error)
	// List gives up to limit tenants after the cursor, by name key and id.
	// queryKey and query are the search in its folded and in its plain form.
	List(ctx context.Context, state, queryKey, query string, after *Cursor, limit int32) ([]ManagedTenant, error)
	Count(ctx context.Context, state, queryKey, query string) (int32, error)
	// Each calls each for parts of the tenants with the given ids, or of all,
	// in the order of their ids. Unknown ids are left out.
	Each(ctx context.Context, ids []string, each func([]ManagedTenant) error) error
}

// Viewer shows what discoveries have found.
type Viewer struct {
	store ShowStore
	now   func() time.Time
}

// NewViewer makes a viewer.
func NewViewer(store ShowStore, now func() time.Time) *Viewer { return &Viewer{store: store, now: now} }

// Latest tells of the latest discovery.
func (v *Viewer) Latest(ctx context.Context) (Latest, error) { return v.store.Latest(ctx) }

// Summary tells what the status shows.
func (v *Viewer) Summary(ctx context.Context) (Summary, error) {
	return v.store.Summary(ctx, v.now().Add(endingSoon))
}

// Each streams the managed tenants with the given ids, or all; see ShowStore.
func (v *Viewer) Each(ctx context.Context, ids []string, each func([]ManagedTenant) error) error {
	return v.store.Each(ctx, ids, each)
}

// List gives one page by name; size 0 means DefaultPageSize. A token that is not
// of this list is errs.Invalid, reason "invalid_argument".
func (v *Viewer) List(ctx context.Context, filter Filter, size int32, pageToken string) (Page, error) {
	if size == 0 {
		size = DefaultPageSize
	}
	after, err := DecodeCursor(pageToken, filter.State, filter.Query)
	if err != nil {
		return Page{}, err
	}
	key, query := SearchKey(filter.Query), cleanID(filter.Query)
	var page Page
	if after == nil {
		total, err := v.store.Count(ctx, filter.State, key, query)
		if err != nil {
			return Page{}, err
		}
		page.Total = &total
	}
	page.Tenants, err = v.store.List(ctx, filter.State, key, query, after, size+1)
	if err != nil {
		return Page{}, err
	}
	if len(page.Tenants) > int(size) {
		page.Tenants = page.Tenants[:size]
		last := page.Tenants[size-1]
		page.Next = EncodeCursor(Cursor{NameKey: SearchKey(last.DisplayName), ID: last.ID}, filter.State, filter.Query)
	}
	return page, nil
}
