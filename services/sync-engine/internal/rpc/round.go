package rpc

import (
	"context"
	"log/slog"
	"strconv"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/page"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (s *internalServer) ListRunTenants(ctx context.Context, req *syncenginev1.ListRunTenantsRequest) (*syncenginev1.ListRunTenantsResponse, error) {
	if err := s.admit(ctx, req); err != nil {
		return nil, err
	}
	after := 0
	if token := req.GetPageToken(); token != "" {
		group, err := strconv.ParseInt(token, 10, 32)
		if err != nil || group < 0 {
			return nil, page.ErrToken
		}
		after = int(group)
	}
	groups, err := s.cases.Open.Do(ctx, req.GetRunId(), after, int(req.GetPageSize()))
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListRunTenantsResponse{Groups: make([]*syncenginev1.ClientTenants, len(groups))}
	for i, group := range groups {
		answer.Groups[i] = &syncenginev1.ClientTenants{ClientId: group.ClientID, ManagedTenantIds: group.ManagedTenantIDs, Quick: group.Quick}
	}
	if len(groups) == int(req.GetPageSize()) {
		answer.NextPageToken = strconv.Itoa(groups[len(groups)-1].Group)
	}
	return answer, nil
}

func (s *internalServer) SyncTenantUsers(req *syncenginev1.SyncTenantUsersRequest, stream grpc.ServerStreamingServer[syncenginev1.SyncTenantUsersResponse]) error {
	ctx := stream.Context()
	if err := s.admit(ctx, req); err != nil {
		return err
	}
	report := newReporter(stream, func(at syncengine.Progress) {
		published(ctx, s.cases.Rounds.Publish(ctx, req.GetRunId(), req.GetManagedTenantId(), at))
	})
	defer report.stop()
	outcome, err := s.cases.Sync.Do(ctx, req.GetRunId(), req.GetManagedTenantId(), report.progress)
	if err != nil {
		return err
	}
	published(ctx, s.cases.Rounds.Closed(ctx, req.GetRunId()))
	return report.done(outcome)
}

func (s *internalServer) RecordTenantResult(ctx context.Context, req *syncenginev1.RecordTenantResultRequest) (*syncenginev1.RecordTenantResultResponse, error) {
	if err := s.admit(ctx, req); err != nil {
		return nil, err
	}
	err := s.cases.Record.Do(ctx, req.GetRunId(), req.GetManagedTenantId(), syncengine.State(req.GetState()), problemOf(req.GetError()))
	if err != nil {
		return nil, err
	}
	published(ctx, s.cases.Rounds.Changed(ctx, req.GetRunId()))
	return &syncenginev1.RecordTenantResultResponse{}, nil
}

// published logs why watchers of a run do not hear at once of what was done; they look
// without it a little later.
func published(ctx context.Context, err error) {
	if err != nil {
		slog.DebugContext(ctx, "the progress of a run could not be published", "error", err)
	}
}
