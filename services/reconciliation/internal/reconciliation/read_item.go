package reconciliation

import (
	"context"
	"fmt"
)

// OpenCount is how many items of a client are open for a reason.
type OpenCount struct {
	ClientID string
	Reason   Reason
	Open     int
}

// Counts are how many items are open, each the largest first.
type Counts struct {
	ByReason     []OpenCount
	BySuggestion []SuggestionCount
}

// SuggestionCount is how many open items have the same suggestion, or none.
type SuggestionCount struct {
	Suggestion Action
	Open       int
}

// ItemReader reads items.
type ItemReader interface {
	// Item reads an item with the last decision about it. ErrUnknownItem.
	Item(ctx context.Context, id string) (DecidedItem, error)
	// OpenCounts counts the open items that match the filter by client and reason, at most
	// so many, and by suggestion.
	OpenCounts(ctx context.Context, filter Filter, limit int) (Counts, error)
}

// maxCounts bounds the counts of one answer.
const maxCounts = 1000

// ReadItem is the use case of looking at one item, and at how many there are.
type ReadItem struct{ store ItemReader }

// NewReadItem makes the use case.
func NewReadItem(store ItemReader) *ReadItem { return &ReadItem{store: store} }

// Do reads an item with the last decision about it. ErrUnknownItem.
func (r *ReadItem) Do(ctx context.Context, id string) (DecidedItem, error) {
	return r.store.Item(ctx, id)
}

// Counts counts the open items that match the filter by client and reason, at most 1,000,
// and by suggestion.
func (r *ReadItem) Counts(ctx context.Context, filter Filter) (Counts, error) {
	filter.Status = Open
	counts, err := r.store.OpenCounts(ctx, filter, maxCounts)
	if err != nil {
		return Counts{}, fmt.Errorf("counting items: %w", err)
	}
	return counts, nil
}
