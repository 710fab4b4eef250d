package rpc

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

type ticketServer struct {
	syncenginev1.UnimplementedTicketInternalServiceServer
	cases UseCases
}

func (s *ticketServer) CheckTicket(ctx context.Context, req *syncenginev1.CheckTicketRequest) (*syncenginev1.CheckTicketResponse, error) {
	if err := s.cases.Tickets.Check(ctx, req.GetRunId(), req.GetTicket(), req.GetType()); err != nil {
		return nil, err
	}
	return &syncenginev1.CheckTicketResponse{}, nil
}

func (s *ticketServer) IssueTicket(ctx context.Context, req *syncenginev1.IssueTicketRequest) (*syncenginev1.IssueTicketResponse, error) {
	ticket, err := s.cases.IssueTicket.Do(ctx, req.GetRunId())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.IssueTicketResponse{Ticket: ticket}, nil
}

// ticketed is a request about a run that carries the run's ticket.
type ticketed interface {
	GetRunId() string
	GetTicket() string
}

// admit refuses a request whose ticket is not that of its run.
func (s *internalServer) admit(ctx context.Context, req ticketed) error {
	return s.cases.Tickets.Check(ctx, req.GetRunId(), req.GetTicket())
}
