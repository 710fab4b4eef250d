package discovery

import (
	"context"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// endingSoon is how long before the end of their delegated access people are
// warned.
const endingSoon = 30 * 24 * time.Hour

// Discovery is one discovery as it is stored.
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
	Discovery       *Discovery // the one that began last; nil before the first
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

// ShowStore reads what discoveries have stored.
type ShowStore interface {
	Latest(ctx context.Context) (Latest, error)
	// Summary counts and lists those whose access ends by the given time.
	Summary(ctx context.Context, endingBy time.Time) (Summary, error)
	// List gives up to limit tenants after the cursor, by name key and id.
	// queryKey and query are the search in its folded and in its plain form.
	List(ctx context.Context, state, queryKey, query string, after *page.Cursor, limit int32) ([]ManagedTenant, error)
	Count(ctx context.Context, state, queryKey, query string) (int32, error)
	// CountOthers counts those that are not gone, except the given ones.
	CountOthers(ctx context.Context, exceptIDs []string) (int32, error)
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

// Latest returns the latest discovery.
func (v *Viewer) Latest(ctx context.Context) (Latest, error) { return v.store.Latest(ctx) }

// Summary returns what the status shows.
func (v *Viewer) Summary(ctx context.Context) (Summary, error) {
	return v.store.Summary(ctx, v.now().Add(endingSoon))
}

// Each streams the managed tenants with the given ids, or all; see ShowStore.
func (v *Viewer) Each(ctx context.Context, ids []string, each func([]ManagedTenant) error) error {
	return v.store.Each(ctx, ids, each)
}

// CountOthers counts the managed tenants that are not gone, except the given ones.
func (v *Viewer) CountOthers(ctx context.Context, exceptIDs []string) (int32, error) {
	return v.store.CountOthers(ctx, exceptIDs)
}

// List gives one page by name; size 0 means page.DefaultSize. page.ErrToken for a
// token that is not of this list, and errs.Invalid, reason "invalid_argument", for a
// query that is not empty and yet would find everything.
func (v *Viewer) List(ctx context.Context, filter Filter, size int32, pageToken string) (page.Page[ManagedTenant], error) {
	if strings.TrimSpace(filter.Query) != "" && searchkey.Of(filter.Query) == "" {
		return page.Page[ManagedTenant]{}, errs.New(errs.Invalid, reason.InvalidArgument, "The request is not valid.",
			errs.WithViolation("q", "has nothing that can be looked for"))
	}
	key, query := searchkey.Of(filter.Query), cleanID(filter.Query)
	return page.Of(page.List[ManagedTenant]{
		Size: size, Token: pageToken, Filters: []string{filter.State, filter.Query},
		Read: func(after *page.Cursor, limit int32) ([]ManagedTenant, error) {
			return v.store.List(ctx, filter.State, key, query, after, limit)
		},
		Count: func() (int32, error) { return v.store.Count(ctx, filter.State, key, query) },
		Place: func(t ManagedTenant) page.Cursor { return page.Cursor{Key: searchkey.Of(t.DisplayName), ID: t.ID} },
	})
}
