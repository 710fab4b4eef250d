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

// ItemReader reads items.
type ItemReader interface {
	// Item reads an item with the last decision about it. ErrUnknownItem.
	Item(ctx context.Context, id string) (DecidedItem, error)
	// OpenCounts counts open items by client and reason, the largest first, at most so
	// many; of one client where one is given.
	OpenCounts(ctx context.Context, clientID string, limit int) ([]OpenCount, error)
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

// Counts counts open items by client and reason, the largest first, at most 1,000.
func (r *ReadItem) Counts(ctx context.Context, clientID string) ([]OpenCount, error) {
	counts, err := r.store.OpenCounts(ctx, clientID, maxCounts)
	if err != nil {
		return nil, fmt.Errorf("counting items: %w", err)
	}
	return counts, nil
}
