package orchestration

import (
	"context"
	"encoding/json"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// FeedEntry is an entry of the change feed about a client or an item of the queue.
type FeedEntry struct {
	Type     string      `json:"type"`
	Source   string      `json:"source"`
	ClientID string      `json:"clientId"` // the client, or whose the item is
	RunID    string      `json:"runId"`
	Fields   []string    `json:"fields"`
	Client   *FeedClient `json:"client"`
	Item     *FeedItem   `json:"item"`
}

// FeedClient is a client after its change.
type FeedClient struct {
	ID         string `json:"id"`
	ExternalID string `json:"externalId"`
	Name       string `json:"name"`
}

// FeedItem is an item of the queue after its change.
type FeedItem struct {
	ID              string `json:"id"`
	ManagedTenantID string `json:"managedTenantId"`
	Reason          string `json:"reason"`
	Status          string `json:"status"`
}

// Feed is the change feed.
type Feed interface {
	// Append adds the entries of an effect, once.
	Append(ctx context.Context, effectID string, entries []FeedEntry) error
}

// Performer performs effects.
type Performer interface {
	Do(ctx context.Context, effect Effect) (Outcome, error)
}

// AppendToFeed is the use case of appending what other services changed to the change feed. All
// other effects go to the next performer.
type AppendToFeed struct {
	feed Feed
	next Performer
}

// NewAppendToFeed makes the use case.
func NewAppendToFeed(feed Feed, next Performer) *AppendToFeed {
	return &AppendToFeed{feed: feed, next: next}
}

// Do performs the effect for the tenant of the context. Every failure is retried except that of an
// effect that cannot be read.
func (a *AppendToFeed) Do(ctx context.Context, effect Effect) (Outcome, error) {
	if effect.Kind != effectkind.ClientsChanged && effect.Kind != effectkind.ItemsChanged {
		return a.next.Do(ctx, effect)
	}
	var entries []FeedEntry
	if err := json.Unmarshal([]byte(effect.Arguments["entries"]), &entries); err != nil {
		err = errs.Of(reason.MalformedEffect, errs.WithCause(err))
		return Outcome{State: effectkind.OutcomeFailed, Result: map[string]string{"error": reason.MalformedEffect}}, err
	}
	if err := a.feed.Append(ctx, effect.ID, entries); err != nil {
		return Outcome{State: effectkind.OutcomeRetry}, err
	}
	return Outcome{State: effectkind.OutcomeDone}, nil
}
