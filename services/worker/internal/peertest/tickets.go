package peertest

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

var errTicket = errs.New(errs.Denied, reason.RunTicketInvalid, "The ticket is not that of the run.")

// TicketOf is the ticket of a run, or of a schedule where runID is empty.
func TicketOf(tenantID, runID string) string { return "ticket-of-" + tenantID + "-" + runID }

// checked refuses a ticket that is not that of the run.
func checked(ctx context.Context, runID, ticket string) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	if ticket != TicketOf(id.String(), runID) {
		return errTicket
	}
	return nil
}

// Tickets serves tickets until the test ends and gives a client that signs as the worker.
func (e *Engine) Tickets(t testing.TB, network *rpctest.Network) syncenginev1.TicketInternalServiceClient {
	t.Helper()
	address := network.Serve("sync-engine", func(r grpc.ServiceRegistrar) {
		syncenginev1.RegisterTicketInternalServiceServer(r, &tickets{engine: e})
	})
	return syncenginev1.NewTicketInternalServiceClient(network.Dial("worker", "sync-engine", address))
}

type tickets struct {
	syncenginev1.UnimplementedTicketInternalServiceServer
	engine *Engine
}

// CheckTicket verifies a ticket.
func (s *tickets) CheckTicket(ctx context.Context, req *syncenginev1.CheckTicketRequest) (*syncenginev1.CheckTicketResponse, error) {
	return &syncenginev1.CheckTicketResponse{}, checked(ctx, req.GetRunId(), req.GetTicket())
}

// IssueTicket gives one for a run that exists.
func (s *tickets) IssueTicket(ctx context.Context, req *syncenginev1.IssueTicketRequest) (*syncenginev1.IssueTicketResponse, error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	r, err := s.engine.find(ctx, req.GetRunId())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.IssueTicketResponse{Ticket: TicketOf(r.tenant, r.id)}, nil
}
