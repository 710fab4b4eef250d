package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

type scheduleServer struct {
	syncenginev1.UnimplementedScheduleInternalServiceServer
	cases UseCases
}

func (s *scheduleServer) GetSchedule(ctx context.Context, _ *syncenginev1.GetScheduleRequest) (*syncenginev1.GetScheduleResponse, error) {
	schedule, err := s.cases.Schedule.Do(ctx)
	if err != nil {
		return nil, err
	}
	ticket, err := s.cases.Tickets.IssueSchedule(ctx)
	if err != nil {
		return nil, err
	}
	return &syncenginev1.GetScheduleResponse{
		AutomaticSync: schedule.AutomaticSync, IntervalMinutes: count(schedule.IntervalMinutes), FirstSyncDone: schedule.FirstSyncedAt != nil,
		QuarantinedAt: wire.Timestamp(schedule.QuarantinedAt), FailedRuns: count(schedule.FailedRuns), Ticket: ticket,
	}, nil
}

func (s *scheduleServer) ListScheduledTenants(ctx context.Context, req *syncenginev1.ListScheduledTenantsRequest) (*syncenginev1.ListScheduledTenantsResponse, error) {
	tenants, err := s.cases.Scheduled.Do(ctx, req.GetAfterTenantId(), int(req.GetPageSize()))
	if err != nil {
		return nil, err
	}
	return &syncenginev1.ListScheduledTenantsResponse{TenantIds: tenants}, nil
}

func (s *scheduleServer) ListQuarantinedTenants(ctx context.Context, _ *syncenginev1.ListQuarantinedTenantsRequest) (*syncenginev1.ListQuarantinedTenantsResponse, error) {
	tenants, err := s.cases.Quarantined.Do(ctx)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListQuarantinedTenantsResponse{Tenants: make([]*syncenginev1.QuarantinedTenant, len(tenants))}
	for i, t := range tenants {
		answer.Tenants[i] = &syncenginev1.QuarantinedTenant{
			ManagedTenantId: t.ManagedTenantID, Since: timestamppb.New(t.Since), FailedRuns: count(t.FailedRuns), Code: t.Code,
		}
	}
	return answer, nil
}
