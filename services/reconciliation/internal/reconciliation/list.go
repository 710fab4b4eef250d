package reconciliation

import (
	"context"
	"fmt"
	"time"

	"github.com/entrasync/entrasync/pkg/page"
)

const maxPageSize = 200

// Filter narrows the list; an empty field matches all.
type Filter struct {
	Status          Status
	ClientID        string
	ManagedTenantID string
	Reason          Reason
	Suggestion      Action // "none" for items without one
	Query           string // as typed
}

// key is the filter as it binds a page token.
func (f Filter) key() []string {
	return []string{"items", string(f.Status), f.ClientID, string(f.Reason), f.ManagedTenantID, f.Query, string(f.Suggestion)}
}

// Search is what the filter's query looks for.
func (f Filter) Search() Search { return searchFor(f.Query) }

// Place is a position in the list's order: that of the item with these values. The zero value is
// before all.
type Place struct {
	CreatedAt time.Time
	ID        string // a UUID; empty in the zero value
}

// placeOf reads the place of a page token; page.ErrToken where it is none of this list.
func placeOf(after *page.Cursor) (Place, error) {
	if after == nil {
		return Place{}, nil
	}
	key, id, err := after.Place()
	if err != nil {
		return Place{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, key)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 { // beyond what the database or JSON can represent
		return Place{}, page.ErrToken
	}
	return Place{CreatedAt: at.UTC(), ID: id.String()}, nil
}

// cursor is the place of an item in the list's order.
func (i *Item) cursor() page.Cursor {
	return page.Cursor{Key: i.CreatedAt.UTC().Format(time.RFC3339Nano), ID: i.ID}
}

// Lister reads items.
type Lister interface {
	// List returns at most limit items after the place, oldest first, each with the last
	// decision about it.
	List(ctx context.Context, filter Filter, after Place, limit int) ([]DecidedItem, error)
	// Count counts the items that match the filter, and stops after so many.
	Count(ctx context.Context, filter Filter, most int) (int, error)
}

// List is the use case of showing the queue.
type List struct{ store Lister }

// NewList makes the use case.
func NewList(store Lister) *List { return &List{store: store} }

// Do gives a page of at most size items (0: 50, at most 200), oldest first. The first page
// has their number. page.ErrToken.
func (l *List) Do(ctx context.Context, filter Filter, size int, token string) (page.Page[DecidedItem], error) {
	return page.Of(page.List[DecidedItem]{
		Size: int32(min(max(size, 0), maxPageSize)), Token: token, Filters: filter.key(),
		Read: func(after *page.Cursor, limit int32) ([]DecidedItem, error) {
			place, err := placeOf(after)
			if err != nil {
				return nil, err
			}
			items, err := l.store.List(ctx, filter, place, int(limit))
			if err != nil {
				return nil, fmt.Errorf("listing items: %w", err)
			}
			return items, nil
		},
		Count: func(most int32) (int32, error) {
			total, err := l.store.Count(ctx, filter, int(most))
			if err != nil {
				return 0, fmt.Errorf("counting items: %w", err)
			}
			return int32(total), nil // bounded
		},
		Place: func(item DecidedItem) page.Cursor { return item.cursor() },
	})
}
