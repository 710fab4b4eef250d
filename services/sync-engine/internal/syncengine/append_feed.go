package syncengine

import (
	"context"
	"time"
)

// AppendedEntry is an entry of the feed about what another service owns.
type AppendedEntry struct {
	Type, Source string
	ClientID     string // whose the item is, or the client itself; a UUID
	Client       *FeedClient
	Item         *FeedItem
	Fields       []string
	RunID        string // empty where no run made the change
}

// FeedItem is an item of the queue as the feed tells of it: nothing of a person.
type FeedItem struct {
	ID              string `json:"id"`
	ManagedTenantID string `json:"managedTenantId"`
	Reason          string `json:"reason"`
	Status          string `json:"status"`
}

// AppendStore writes entries.
type AppendStore interface {
	// AppendFeed numbers and writes the entries, unless those of the effect were written before.
	AppendFeed(ctx context.Context, effectID string, entries []AppendedEntry, now time.Time) error
}

// AppendFeed has the feed tell of clients and of items of the queue.
type AppendFeed struct {
	store AppendStore
	now   func() time.Time
}

// NewAppendFeed wires the use case.
func NewAppendFeed(store AppendStore, now func() time.Time) *AppendFeed {
	return &AppendFeed{store: store, now: now}
}

// Do writes the entries of an effect, once.
func (a *AppendFeed) Do(ctx context.Context, effectID string, entries []AppendedEntry) error {
	return a.store.AppendFeed(ctx, effectID, entries, a.now())
}
