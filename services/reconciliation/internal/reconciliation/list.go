package reconciliation

import (
	"context"
	"fmt"
	"time"
)

// The sizes of a page of the list.
const (
	defaultPageSize = 50
	maxPageSize     = 200
)

// Filter narrows the list; an empty field matches all.
type Filter struct {
	Status   Status
	ClientID string
	Reason   Reason
}

// Place is a position in the list's order: that of the item with these values. The zero value is
// before all.
type Place struct {
	CreatedAt time.Time
	ID        string // a UUID; empty in the zero value
}

// Lister reads items.
type Lister interface {
	// List returns at most limit items after the place, oldest first.
	List(ctx context.Context, filter Filter, after Place, limit int) ([]Item, error)
	// Count counts the items that match the filter.
	Count(ctx context.Context, filter Filter) (int, error)
}

// Page is a part of the list.
type Page struct {
	Items []Item
	Next  *Place // where the next page goes on; nil at the end
	Total int    // of all pages
}

// List is the use case of showing the queue.
type List struct{ store Lister }

// NewList makes the use case.
func NewList(store Lister) *List { return &List{store: store} }

// Do gives a page of at most size items (0: 50, at most 200), oldest first.
func (l *List) Do(ctx context.Context, filter Filter, after Place, size int) (Page, error) {
	if size <= 0 {
		size = defaultPageSize
	}
	size = min(size, maxPageSize)
	items, err := l.store.List(ctx, filter, after, size+1)
	if err != nil {
		return Page{}, fmt.Errorf("listing items: %w", err)
	}
	total, err := l.store.Count(ctx, filter)
	if err != nil {
		return Page{}, fmt.Errorf("counting items: %w", err)
	}
	page := Page{Items: items, Total: total}
	if len(items) > size {
		page.Items = items[:size]
		last := page.Items[size-1]
		page.Next = &Place{CreatedAt: last.CreatedAt, ID: last.ID}
	}
	return page, nil
}

// CountOpen counts what waits for a decision.
func (l *List) CountOpen(ctx context.Context) (int, error) {
	open, err := l.store.Count(ctx, Filter{Status: Open})
	if err != nil {
		return 0, fmt.Errorf("counting open items: %w", err)
	}
	return open, nil
}
