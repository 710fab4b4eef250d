package rpc

import (
	"context"

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
	return &reconciliationv1.GetQueueItemResponse{Item: toMessage(item)}, nil
}

// CountQueueItems counts open items by client and reason.
func (s *Server) CountQueueItems(ctx context.Context, req *reconciliationv1.CountQueueItemsRequest) (*reconciliationv1.CountQueueItemsResponse, error) {
	counts, err := s.use.CountByReason.Do(ctx, reconciliation.Filter{
		ClientID: req.GetClientId(), ManagedTenantID: req.GetManagedTenantId(), Query: req.GetQ(),
	})
	if err != nil {
		return nil, err
	}
	answer := &reconciliationv1.CountQueueItemsResponse{}
	for _, c := range counts.BySuggestion {
		answer.Suggestions = append(answer.Suggestions, &reconciliationv1.SuggestionCount{Suggestion: string(c.Suggestion), Open: int32(c.Open)})
	}
	for _, c := range counts.ByReason {
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
	return &reconciliationv1.ResolveToExistingResponse{Item: toMessage(item), ContactId: item.ResolvedContactID()}, nil
}

// ResolveToNew makes a contact from an item's identity.
func (s *Server) ResolveToNew(ctx context.Context, req *reconciliationv1.ResolveToNewRequest) (*reconciliationv1.ResolveToNewResponse, error) {
	item, err := s.decide(ctx, req.GetItemId(), reconciliation.Decision{Action: reconciliation.ResolveNew})
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.ResolveToNewResponse{Item: toMessage(item), ContactId: item.ResolvedContactID()}, nil
}

// DismissItem keeps an item's identity without a contact.
func (s *Server) DismissItem(ctx context.Context, req *reconciliationv1.DismissItemRequest) (*reconciliationv1.DismissItemResponse, error) {
	item, err := s.decide(ctx, req.GetItemId(), reconciliation.Decision{Action: reconciliation.Dismiss, Note: req.GetReason()})
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.DismissItemResponse{Item: toMessage(item)}, nil
}

// UndoDecision takes a decision back.
func (s *Server) UndoDecision(ctx context.Context, req *reconciliationv1.UndoDecisionRequest) (*reconciliationv1.UndoDecisionResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	item, err := s.use.Decide.Undo(ctx, req.GetItemId(), int(req.GetDecisionNumber()), call.Actor.ID)
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.UndoDecisionResponse{Item: toMessage(item)}, nil
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
