package rpc

import (
	"context"
	"log/slog"
	"strconv"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

type internalServer struct {
	syncenginev1.UnimplementedSyncEngineInternalServiceServer
	cases UseCases
}

func (s *internalServer) CreateRun(ctx context.Context, req *syncenginev1.CreateRunRequest) (*syncenginev1.CreateRunResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	run, joined, err := s.cases.Create.Do(ctx, syncengine.NewRun{
		ID: req.GetRunId(), Tenant: call.Tenant.String(), Actor: call.Actor.ID, Type: req.GetType(), ClientID: req.GetClientId(),
		ManagedTenantID: req.GetManagedTenantId(), DryRun: req.GetDryRun(), Trigger: req.GetTrigger(),
	})
	if err != nil {
		return nil, err
	}
	ticket, err := s.cases.Tickets.Issue(ctx, call.Tenant.String(), run.ID, run.Type)
	if err != nil {
		return nil, err
	}
	return &syncenginev1.CreateRunResponse{
		RunId: run.ID, WorkflowId: run.WorkflowID, Joined: joined, State: string(run.State), ClientId: run.ClientID, Ticket: ticket,
	}, nil
}

func (s *internalServer) BeginRun(ctx context.Context, req *syncenginev1.BeginRunRequest) (*syncenginev1.BeginRunResponse, error) {
	if err := s.admit(ctx, req); err != nil {
		return nil, err
	}
	state, total, err := s.cases.Begin.Do(ctx, req.GetRunId())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.BeginRunResponse{State: string(state), TotalTenants: count(total)}, nil
}

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
	groups, err := s.cases.Results.OpenTenants(ctx, req.GetRunId(), after, int(req.GetPageSize()))
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
		if err := s.cases.Rounds.Tell(ctx, req.GetRunId(), req.GetManagedTenantId(), at); err != nil {
			slog.DebugContext(ctx, "nobody hears how far the round is", "error", err) // the round goes on
		}
	})
	defer report.stop()
	outcome, err := s.cases.Sync.Do(ctx, req.GetRunId(), req.GetManagedTenantId(), report.progress)
	if err != nil {
		return err
	}
	return report.done(outcome)
}

func (s *internalServer) RecordTenantResult(ctx context.Context, req *syncenginev1.RecordTenantResultRequest) (*syncenginev1.RecordTenantResultResponse, error) {
	if err := s.admit(ctx, req); err != nil {
		return nil, err
	}
	err := s.cases.Results.RecordTenant(ctx, req.GetRunId(), req.GetManagedTenantId(), syncengine.State(req.GetState()), problemOf(req.GetError()))
	if err != nil {
		return nil, err
	}
	return &syncenginev1.RecordTenantResultResponse{}, nil
}

func (s *internalServer) FinaliseRun(ctx context.Context, req *syncenginev1.FinaliseRunRequest) (*syncenginev1.FinaliseRunResponse, error) {
	if err := s.admit(ctx, req); err != nil {
		return nil, err
	}
	var discovered *int
	if req.DiscoveredTenants != nil { // absent differs from none found
		n := int(req.GetDiscoveredTenants())
		discovered = &n
	}
	run, err := s.cases.Results.Finalise(ctx, req.GetRunId(), syncengine.State(req.GetState()), problemOf(req.GetError()), discovered)
	if err != nil {
		return nil, err
	}
	return &syncenginev1.FinaliseRunResponse{State: string(run.State), Counters: countersMessage(run.Totals.Counters)}, nil
}

func (s *internalServer) ListOpenRuns(ctx context.Context, req *syncenginev1.ListOpenRunsRequest) (*syncenginev1.ListOpenRunsResponse, error) {
	runs, err := s.cases.Runs.Open(ctx, req.GetBefore().AsTime(), req.GetAfterRunId(), int(req.GetPageSize()))
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListOpenRunsResponse{Runs: make([]*syncenginev1.OpenRun, len(runs))}
	for i, run := range runs {
		answer.Runs[i] = &syncenginev1.OpenRun{TenantId: run.Tenant, RunId: run.RunID, WorkflowId: run.WorkflowID}
	}
	return answer, nil
}

func (s *internalServer) CancelRuns(ctx context.Context, req *syncenginev1.CancelRunsRequest) (*syncenginev1.CancelRunsResponse, error) {
	which := syncengine.Cancellation{RunID: req.GetRunId()}
	if req.GetCreatedBefore() != nil {
		before := req.GetCreatedBefore().AsTime()
		which.CreatedBefore = &before
	}
	workflowIDs, err := s.cases.Results.Cancel(ctx, which)
	if err != nil {
		return nil, err
	}
	return &syncenginev1.CancelRunsResponse{WorkflowIds: workflowIDs}, nil
}

func (s *internalServer) GetSyncStatus(ctx context.Context, _ *syncenginev1.GetSyncStatusRequest) (*syncenginev1.GetSyncStatusResponse, error) {
	status, err := s.cases.Runs.Status(ctx)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.GetSyncStatusResponse{
		ScheduleEnabled: status.Settings.AutomaticSync, IntervalMinutes: count(status.Settings.IntervalMinutes),
	}
	if status.LastRun != nil {
		answer.LastRun = runMessage(status.LastRun)
	}
	return answer, nil
}
