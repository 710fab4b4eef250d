// Package rpc serves the orchestration contracts.
package rpc

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// UseCases are what the server calls.
type UseCases struct {
	Start    *orchestration.Start
	Discover *orchestration.Discover
	Describe *orchestration.Describe
	Schedule *orchestration.DescribeSchedule
	Cancel   *orchestration.Cancel
}

// Server serves OrchestrationService, OrchestrationInternalService and ScheduleInternalService.
type Server struct {
	orchestrationv1.UnimplementedOrchestrationServiceServer
	orchestrationv1.UnimplementedOrchestrationInternalServiceServer
	orchestrationv1.UnimplementedScheduleInternalServiceServer
	use UseCases
}

// New makes the server.
func New(use UseCases) *Server { return &Server{use: use} }

// StartSync starts a run or joins the one in flight.
func (s *Server) StartSync(ctx context.Context, req *orchestrationv1.StartSyncRequest) (*orchestrationv1.StartSyncResponse, error) {
	started, err := s.use.Start.Do(ctx, orchestration.NewRun{
		Kind: orchestration.Kind(req.GetScope()), ClientID: req.GetClientId(), ManagedTenantID: req.GetManagedTenantId(),
		Trigger: orchestration.TriggerManual,
	})
	if err != nil {
		return nil, err
	}
	return &orchestrationv1.StartSyncResponse{RunId: started.RunID, WorkflowId: started.WorkflowID, Joined: started.Joined}, nil
}

// StartPreflight starts a dry run or joins the one in flight.
func (s *Server) StartPreflight(ctx context.Context, req *orchestrationv1.StartPreflightRequest) (*orchestrationv1.StartPreflightResponse, error) {
	started, err := s.use.Start.Do(ctx, orchestration.NewRun{
		Kind: orchestration.Kind(req.GetScope()), ClientID: req.GetClientId(), ManagedTenantID: req.GetManagedTenantId(),
		Trigger: orchestration.TriggerManual, DryRun: true,
	})
	if err != nil {
		return nil, err
	}
	return &orchestrationv1.StartPreflightResponse{RunId: started.RunID, WorkflowId: started.WorkflowID, Joined: started.Joined}, nil
}

// CancelRun ends a run before its end.
func (s *Server) CancelRun(ctx context.Context, req *orchestrationv1.CancelRunRequest) (*orchestrationv1.CancelRunResponse, error) {
	if err := s.use.Cancel.Do(ctx, req.GetRunId()); err != nil {
		return nil, err
	}
	return &orchestrationv1.CancelRunResponse{RunId: req.GetRunId(), State: string(orchestration.StateCancelled)}, nil
}

// StartDiscovery starts or joins a discovery and waits a while for its result.
func (s *Server) StartDiscovery(ctx context.Context, _ *orchestrationv1.StartDiscoveryRequest) (*orchestrationv1.StartDiscoveryResponse, error) {
	discovered, err := s.use.Discover.Do(ctx)
	if err != nil {
		return nil, err
	}
	response := &orchestrationv1.StartDiscoveryResponse{OperationId: discovered.RunID, State: string(discovered.State)}
	if discovered.State == orchestration.StateCompleted {
		count := int32(discovered.Discovered)
		response.DiscoveredTenantCount = &count
	}
	for _, u := range discovered.Unreadable {
		response.Unreadable = append(response.Unreadable, &orchestrationv1.UnreadableTenant{
			ManagedTenantId: u.ManagedTenantID, EntraTenantId: u.EntraTenantID, DisplayName: u.DisplayName,
			Code: u.Problem.Code, Message: u.Problem.Message, Remedy: u.Problem.Remedy,
		})
	}
	if p := discovered.Problem; p != nil {
		response.Error = &orchestrationv1.DiscoveryError{Code: p.Code, Message: p.Message, Remedy: p.Remedy}
	}
	return response, nil
}

// DescribeWorkflow returns the state of a workflow of the tenant.
func (s *Server) DescribeWorkflow(ctx context.Context, req *orchestrationv1.DescribeWorkflowRequest) (*orchestrationv1.DescribeWorkflowResponse, error) {
	execution, err := s.use.Describe.Do(ctx, req.GetWorkflowId())
	if err != nil {
		return nil, err
	}
	return &orchestrationv1.DescribeWorkflowResponse{
		State: string(execution.State), StartedAt: wire.Timestamp(execution.StartedAt), ClosedAt: wire.Timestamp(execution.ClosedAt),
	}, nil
}

// DescribeSchedule returns the state of the tenant's recurring sync.
func (s *Server) DescribeSchedule(ctx context.Context, _ *orchestrationv1.DescribeScheduleRequest) (*orchestrationv1.DescribeScheduleResponse, error) {
	schedule, err := s.use.Schedule.Do(ctx)
	if err != nil {
		return nil, err
	}
	return &orchestrationv1.DescribeScheduleResponse{
		Exists: schedule.Exists, IntervalMinutes: int32(schedule.Every / time.Minute), NextRunAt: wire.Timestamp(schedule.NextRunAt),
		Paused: schedule.Paused, PausedReason: schedule.Reason,
	}, nil
}
