package peers

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// Feed calls the sync engine, which keeps the change feed.
type Feed struct {
	feed syncenginev1.FeedInternalServiceClient
}

// NewFeed returns Feed on a client that signs each call's tenant and actor.
func NewFeed(feed syncenginev1.FeedInternalServiceClient) *Feed { return &Feed{feed: feed} }

// Append implements orchestration.Feed.
func (f *Feed) Append(ctx context.Context, effectID string, entries []orchestration.FeedEntry) error {
	req := &syncenginev1.AppendChangesRequest{EffectId: effectID}
	for _, e := range entries {
		m := &syncenginev1.AppendedChange{Type: e.Type, Source: e.Source, ClientId: e.ClientID, RunId: e.RunID, Fields: e.Fields}
		if e.Client != nil {
			m.Client = &syncenginev1.ChangedClient{Id: e.Client.ID, ExternalId: e.Client.ExternalID, Name: e.Client.Name}
		}
		if e.Item != nil {
			m.Item = &syncenginev1.ChangedItem{
				Id: e.Item.ID, ManagedTenantId: e.Item.ManagedTenantID, ClientId: e.ClientID, Reason: e.Item.Reason, Status: e.Item.Status,
			}
		}
		req.Changes = append(req.Changes, m)
	}
	_, err := f.feed.AppendChanges(ctx, req)
	return err
}
