package rpc

import (
	"google.golang.org/grpc"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

type progressServer struct {
	syncenginev1.UnimplementedProgressInternalServiceServer
	cases UseCases
}

func (s *progressServer) WatchRun(req *syncenginev1.WatchRunRequest, stream grpc.ServerStreamingServer[syncenginev1.WatchRunResponse]) error {
	return s.cases.Watch.Do(stream.Context(), req.GetRunId(), func(p syncengine.RunProgress) error {
		return stream.Send(&syncenginev1.WatchRunResponse{Progress: progressMessage(p)})
	})
}

func progressMessage(p syncengine.RunProgress) *syncenginev1.RunProgress {
	m := &syncenginev1.RunProgress{
		RunId: p.Run.ID, State: string(p.Run.State), TotalTenants: count(p.Run.Totals.Tenants),
		ProcessedTenants: count(p.Run.Totals.Processed), Counters: countersMessage(p.Run.Totals.Counters),
		Tenants: make([]*syncenginev1.TenantProgress, len(p.Tenants)),
	}
	for i, t := range p.Tenants {
		m.Tenants[i] = &syncenginev1.TenantProgress{
			ManagedTenantId: t.ManagedTenantID, State: string(t.State), Phase: t.At.Phase, Staged: count(t.At.Staged), Applied: count(t.At.Applied),
		}
	}
	return m
}
