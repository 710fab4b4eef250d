package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// internalServer serves what other services ask of the engine.
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
		ID: req.GetRunId(), Actor: call.Actor.ID, Type: syncengine.RunType(req.GetType()), ClientID: req.GetClientId(),
		ManagedTenantID: req.GetManagedTenantId(), DryRun: req.GetDryRun(), Trigger: req.GetTrigger(),
	})
	if err != nil {
		return nil, err
	}
	ticket, err := s.cases.Tickets.Issue(ctx, run.ID, run.Type)
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
	published(ctx, s.cases.Rounds.Changed(ctx, req.GetRunId()))
	return &syncenginev1.BeginRunResponse{State: string(state), TotalTenants: count(total)}, nil
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
	run, err := s.cases.Finalise.Do(ctx, req.GetRunId(), syncengine.State(req.GetState()), problemOf(req.GetError()), discovered)
	if err != nil {
		return nil, err
	}
	published(ctx, s.cases.Rounds.Changed(ctx, req.GetRunId()))
	return &syncenginev1.FinaliseRunResponse{State: string(run.State), Counters: countersMessage(run.Totals.Counters)}, nil
}

func (s *internalServer) CancelRuns(ctx context.Context, req *syncenginev1.CancelRunsRequest) (*syncenginev1.CancelRunsResponse, error) {
	which := syncengine.Cancellation{RunID: req.GetRunId()}
	if req.GetCreatedBefore() != nil {
		before := req.GetCreatedBefore().AsTime()
		which.CreatedBefore = &before
	}
	workflowIDs, err := s.cases.Cancel.Do(ctx, which)
	if err != nil {
		return nil, err
	}
	published(ctx, s.cases.Rounds.Changed(ctx, req.GetRunId()))
	return &syncenginev1.CancelRunsResponse{WorkflowIds: workflowIDs}, nil
}
