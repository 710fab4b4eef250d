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

// FeedItem is an item of the queue as it is in the feed: nothing of a person.
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

// AppendFeed adds entries about clients and items of the queue to the feed.
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
