package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

type changeServer struct {
	syncenginev1.UnimplementedChangeServiceServer
	cases UseCases
}

func (s *changeServer) ListChanges(ctx context.Context, req *syncenginev1.ListChangesRequest) (*syncenginev1.ListChangesResponse, error) {
	wait, size := time.Duration(req.GetWaitSeconds())*time.Second, pageSize(req.GetPageSize())
	read := func() ([]syncengine.FeedEntry, string, error) {
		return s.cases.Changes.Do(ctx, req.GetCursor(), size, wait)
	}
	if req.GetSince() != nil {
		read = func() ([]syncengine.FeedEntry, string, error) {
			return s.cases.Changes.Since(ctx, req.GetSince().AsTime(), size)
		}
	}
	entries, next, err := read()
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListChangesResponse{Changes: make([]*syncenginev1.Change, len(entries)), NextCursor: next}
	if len(entries) > 0 {
		answer.Cursor = syncengine.FeedCursor(entries[0].Sequence - 1)
	} else {
		answer.Cursor = next
	}
	for i := range entries {
		answer.Changes[i] = changeMessage(&entries[i])
	}
	return answer, nil
}

func changeMessage(e *syncengine.FeedEntry) *syncenginev1.Change {
	m := &syncenginev1.Change{Sequence: e.Sequence, Type: e.Type, Source: e.Source, Fields: e.Fields, At: timestamppb.New(e.At), Cursor: syncengine.FeedCursor(e.Sequence)}
	if e.Contact != nil {
		m.Contact = contactMessage(e.Contact)
	}
	if e.Client != nil {
		m.Client = &syncenginev1.ChangedClient{Id: e.Client.ID, ExternalId: e.Client.ExternalID, Name: e.Client.Name}
	}
	if e.Item != nil {
		m.Item = &syncenginev1.ChangedItem{Id: e.Item.ID, ManagedTenantId: e.Item.ManagedTenantID, ClientId: e.ClientID, Reason: e.Item.Reason, Status: e.Item.Status}
	}
	if e.RunID != "" {
		m.RunId = &e.RunID
	}
	return m
}

// RegisterFeed takes entries of the feed about what other services own.
func RegisterFeed(server grpc.ServiceRegistrar, feed *syncengine.AppendFeed) {
	syncenginev1.RegisterFeedInternalServiceServer(server, &feedServer{feed: feed})
}

type feedServer struct {
	syncenginev1.UnimplementedFeedInternalServiceServer
	feed *syncengine.AppendFeed
}

func (s *feedServer) AppendChanges(ctx context.Context, req *syncenginev1.AppendChangesRequest) (*syncenginev1.AppendChangesResponse, error) {
	entries := make([]syncengine.AppendedEntry, len(req.GetChanges()))
	for i, c := range req.GetChanges() {
		entries[i] = syncengine.AppendedEntry{Type: c.GetType(), Source: c.GetSource(), ClientID: c.GetClientId(), Fields: c.GetFields(), RunID: c.GetRunId()}
		if client := c.GetClient(); client != nil {
			entries[i].Client = &syncengine.FeedClient{ID: client.GetId(), ExternalID: client.GetExternalId(), Name: client.GetName()}
		}
		if item := c.GetItem(); item != nil {
			entries[i].Item = &syncengine.FeedItem{ID: item.GetId(), ManagedTenantID: item.GetManagedTenantId(), Reason: item.GetReason(), Status: item.GetStatus()}
		}
	}
	if err := s.feed.Do(ctx, req.GetEffectId(), entries); err != nil {
		return nil, err
	}
	return &syncenginev1.AppendChangesResponse{}, nil
}
