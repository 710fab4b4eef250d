package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	"github.com/entrasync/entrasync/pkg/tenant"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// GetQueueItem reads one item.
func (s *Server) GetQueueItem(ctx context.Context, req *reconciliationv1.GetQueueItemRequest) (*reconciliationv1.GetQueueItemResponse, error) {
	item, err := s.use.Read.Do(ctx, req.GetItemId())
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.GetQueueItemResponse{Item: decidedMessage(item)}, nil
}

// CountQueueItems counts open items by client and reason.
func (s *Server) CountQueueItems(ctx context.Context, req *reconciliationv1.CountQueueItemsRequest) (*reconciliationv1.CountQueueItemsResponse, error) {
	counts, err := s.use.Read.Counts(ctx, req.GetClientId())
	if err != nil {
		return nil, err
	}
	answer := &reconciliationv1.CountQueueItemsResponse{}
	for _, c := range counts {
		answer.Counts = append(answer.Counts, &reconciliationv1.QueueCount{ClientId: c.ClientID, Reason: string(c.Reason), Open: int32(c.Open)})
	}
	return answer, nil
}

// ResolveToExisting links an item's identity to a contact.
func (s *Server) ResolveToExisting(ctx context.Context, req *reconciliationv1.ResolveToExistingRequest) (*reconciliationv1.ResolveToExistingResponse, error) {
	item, err := s.decide(ctx, req.GetItemId(), reconciliation.Decision{Action: reconciliation.ResolveExisting, ContactID: req.GetContactId()})
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.ResolveToExistingResponse{Item: decidedMessage(item), ContactId: item.Last.ResultContactID}, nil
}

// ResolveToNew makes a contact from an item's identity.
func (s *Server) ResolveToNew(ctx context.Context, req *reconciliationv1.ResolveToNewRequest) (*reconciliationv1.ResolveToNewResponse, error) {
	item, err := s.decide(ctx, req.GetItemId(), reconciliation.Decision{Action: reconciliation.ResolveNew})
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.ResolveToNewResponse{Item: decidedMessage(item), ContactId: item.Last.ResultContactID}, nil
}

// DismissItem keeps an item's identity without a contact.
func (s *Server) DismissItem(ctx context.Context, req *reconciliationv1.DismissItemRequest) (*reconciliationv1.DismissItemResponse, error) {
	item, err := s.decide(ctx, req.GetItemId(), reconciliation.Decision{Action: reconciliation.Dismiss, Note: req.GetReason()})
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.DismissItemResponse{Item: decidedMessage(item)}, nil
}

// FinishDecision carries out a stored decision.
func (s *Server) FinishDecision(ctx context.Context, req *reconciliationv1.FinishDecisionRequest) (*reconciliationv1.FinishDecisionResponse, error) {
	if err := s.use.Decide.Finish(ctx, req.GetItemId(), int(req.GetAttempt())); err != nil {
		return nil, err
	}
	return &reconciliationv1.FinishDecisionResponse{}, nil
}

// decide decides as the person of the call.
func (s *Server) decide(ctx context.Context, itemID string, d reconciliation.Decision) (reconciliation.DecidedItem, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return reconciliation.DecidedItem{}, err
	}
	d.DecidedBy = call.Actor.ID
	return s.use.Decide.Do(ctx, itemID, d)
}

func decidedMessage(item reconciliation.DecidedItem) *reconciliationv1.QueueItem {
	m := toMessage(item.Item)
	if last := item.Last; last != nil && last.State != reconciliation.Refused {
		m.DecisionPending = last.State == reconciliation.Pending
		m.DecisionReason, m.ResolvedContactId = wire.Optional(last.Note), wire.Optional(last.ResultContactID)
	}
	return m
}
