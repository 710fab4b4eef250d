package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// PullStatusEvents hands out what the audit trail does not have yet.
func (s *internalServer) PullStatusEvents(ctx context.Context, req *connectionv1.PullStatusEventsRequest) (*connectionv1.PullStatusEventsResponse, error) {
	events, err := s.use.PullEvents.Do(withoutTenant(ctx), req.GetMaxEvents(), time.Duration(req.GetWaitSeconds())*time.Second)
	if err != nil {
		return nil, err
	}
	out := &connectionv1.PullStatusEventsResponse{}
	for _, e := range events {
		out.Events = append(out.Events, &connectionv1.StatusEvent{
			EventId: e.ID, TenantId: e.Tenant, ActorId: e.Actor, FromStatus: string(e.From), ToStatus: string(e.To),
			ConnectionType: string(e.Type), Reason: e.Reason, At: timestamppb.New(e.At),
		})
	}
	return out, nil
}

// AckStatusEvents ends events of the caller's tenant.
func (s *internalServer) AckStatusEvents(ctx context.Context, req *connectionv1.AckStatusEventsRequest) (*connectionv1.AckStatusEventsResponse, error) {
	if err := s.use.AckEvents.Do(ctx, req.GetEventIds()); err != nil {
		return nil, err
	}
	return &connectionv1.AckStatusEventsResponse{}, nil
}
