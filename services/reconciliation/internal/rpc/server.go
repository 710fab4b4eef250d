// Package rpc serves the reconciliation contracts.
package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// UseCases are what the server calls.
type UseCases struct {
	Push          *reconciliation.Push
	Decided       *reconciliation.FindDecided
	Complete      *reconciliation.Complete
	ApplyMapping  *reconciliation.ApplyMapping
	List          *reconciliation.List
	Decide        *reconciliation.Decide
	Bulk          *reconciliation.Bulk
	Read          *reconciliation.ReadItem
	CountOpen     *reconciliation.CountOpen
	CountByReason *reconciliation.CountByReason
}

// Server serves ReconciliationService, DecisionService and the internal services beside them.
type Server struct {
	reconciliationv1.UnimplementedReconciliationServiceServer
	reconciliationv1.UnimplementedReconciliationInternalServiceServer
	reconciliationv1.UnimplementedDecisionServiceServer
	reconciliationv1.UnimplementedDecisionInternalServiceServer
	use UseCases
}

// New makes the server.
func New(use UseCases) *Server { return &Server{use: use} }

// ListQueueItems lists items, oldest first.
func (s *Server) ListQueueItems(ctx context.Context, req *reconciliationv1.ListQueueItemsRequest) (*reconciliationv1.ListQueueItemsResponse, error) {
	page, err := s.use.List.Do(ctx, reconciliation.Filter{
		Status: reconciliation.Status(req.GetStatus()), ClientID: req.GetClientId(), ManagedTenantID: req.GetManagedTenantId(),
		Reason: reconciliation.Reason(req.GetReason()), Suggestion: reconciliation.Action(req.GetSuggestion()), Query: req.GetQ(),
	}, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	response := &reconciliationv1.ListQueueItemsResponse{NextPageToken: page.Next}
	response.TotalSize, response.TotalSizeIsMinimum = page.Total, page.TotalIsMinimum
	for _, item := range page.Items {
		response.Items = append(response.Items, toMessage(item))
	}
	return response, nil
}

// PushItems opens or refreshes items.
func (s *Server) PushItems(ctx context.Context, req *reconciliationv1.PushItemsRequest) (*reconciliationv1.PushItemsResponse, error) {
	sightings := make([]reconciliation.Sighting, 0, len(req.GetItems()))
	for _, item := range req.GetItems() {
		sightings = append(sightings, toSighting(item))
	}
	pushed, err := s.use.Push.Do(ctx, reconciliation.Round{
		RunID: req.GetRunId(), ManagedTenantID: req.GetManagedTenantId(), EntraTenantID: req.GetEntraTenantId(), ClientID: req.GetClientId(),
		MappingRevision: req.GetMappingRevision(), Since: timeOrZero(req.GetSince()),
	}, sightings)
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.PushItemsResponse{Open: int32(pushed.Open), DecidedObjectIds: pushed.Decided}, nil
}

// FindDecidedItems returns what a push would leave out.
func (s *Server) FindDecidedItems(ctx context.Context, req *reconciliationv1.FindDecidedItemsRequest) (*reconciliationv1.FindDecidedItemsResponse, error) {
	sightings := make([]reconciliation.Sighting, 0, len(req.GetItems()))
	for _, item := range req.GetItems() {
		sightings = append(sightings, toSighting(item))
	}
	decided, err := s.use.Decided.Do(ctx, reconciliation.Round{
		EntraTenantID: req.GetEntraTenantId(), ClientID: req.GetClientId(), Since: timeOrZero(req.GetSince()),
	}, sightings)
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.FindDecidedItemsResponse{DecidedObjectIds: decided}, nil
}

// CompleteRound closes items that the round no longer found ambiguous.
func (s *Server) CompleteRound(ctx context.Context, req *reconciliationv1.CompleteRoundRequest) (*reconciliationv1.CompleteRoundResponse, error) {
	if !req.GetComplete() { // nobody's absence is known
		return &reconciliationv1.CompleteRoundResponse{}, nil
	}
	closed, err := s.use.Complete.Do(ctx, reconciliation.Round{
		RunID: req.GetRunId(), ManagedTenantID: req.GetManagedTenantId(), EntraTenantID: req.GetEntraTenantId(),
	}, timeOrZero(req.GetSince()))
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.CompleteRoundResponse{Superseded: int32(closed)}, nil
}

// timeOrZero is the zero time where a message has none.
func timeOrZero(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// FollowMapping closes items of another client than the one that is mapped.
func (s *Server) FollowMapping(ctx context.Context, req *reconciliationv1.FollowMappingRequest) (*reconciliationv1.FollowMappingResponse, error) {
	closed, err := s.use.ApplyMapping.Do(ctx, reconciliation.Mapped{
		EntraTenantID: req.GetEntraTenantId(), ClientID: req.GetClientId(), Revision: req.GetMappingRevision(),
	})
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.FollowMappingResponse{Superseded: int32(closed)}, nil
}

// CountItems counts open items.
func (s *Server) CountItems(ctx context.Context, _ *reconciliationv1.CountItemsRequest) (*reconciliationv1.CountItemsResponse, error) {
	open, err := s.use.CountOpen.Do(ctx)
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.CountItemsResponse{Open: int32(open)}, nil
}
