package rpc

import (
	"context"
	"time"

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
	if e.RunID != "" {
		m.RunId = &e.RunID
	}
	return m
}
