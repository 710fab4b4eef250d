package console

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/gateway/internal/audit"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

// Audit shows the audit log.
type Audit struct {
	gatewayv1.UnimplementedAuditServiceServer
	log *audit.Log
}

// NewAudit makes the server.
func NewAudit(log *audit.Log) *Audit { return &Audit{log: log} }

// ListAuditEvents gives a page, newest first.
func (s *Audit) ListAuditEvents(ctx context.Context, r *gatewayv1.ListAuditEventsRequest) (*gatewayv1.ListAuditEventsResponse, error) {
	events, next, err := s.log.List(ctx, int(r.GetPageSize()), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.ListAuditEventsResponse{NextPageToken: next}
	for _, e := range events {
		answer.Events = append(answer.Events, &gatewayv1.AuditEvent{
			Id: e.ID.String(), OccurredAt: timestamppb.New(e.OccurredAt), ActorId: e.ActorID, ActorType: e.ActorType,
			Action: e.Action, Outcome: e.Outcome, RequestId: e.RequestID, RemoteAddr: e.RemoteAddr,
		})
	}
	return answer, nil
}
