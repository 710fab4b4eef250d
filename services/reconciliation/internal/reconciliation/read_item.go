package reconciliation

import "context"

// ItemReader reads items.
type ItemReader interface {
	// Item reads an item with the last decision about it. ErrUnknownItem.
	Item(ctx context.Context, id string) (DecidedItem, error)
}

// ReadItem is the use case of looking at one item.
type ReadItem struct{ store ItemReader }

// NewReadItem makes the use case.
func NewReadItem(store ItemReader) *ReadItem { return &ReadItem{store: store} }

// Do reads an item with the last decision about it. ErrUnknownItem.
func (r *ReadItem) Do(ctx context.Context, id string) (DecidedItem, error) {
	return r.store.Item(ctx, id)
}
