package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/tenant"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// mappings serves MappingService.
type mappings struct {
	mappingv1.UnimplementedMappingServiceServer
	use UseCases
}

// GetMappingPreview proposes clients.
func (s *mappings) GetMappingPreview(ctx context.Context, _ *mappingv1.GetMappingPreviewRequest,
) (*mappingv1.GetMappingPreviewResponse, error) {
	preview, err := s.use.Preview.Do(ctx)
	if err != nil {
		return nil, err
	}
	return &mappingv1.GetMappingPreviewResponse{
		AutoMatched: rowMessages(preview.AutoMatched), FuzzyCandidates: rowMessages(preview.FuzzyCandidates),
		Unmatched: rowMessages(preview.Unmatched), Summary: summaryMessage(preview.Summary), Version: preview.Version,
	}, nil
}

// ListMappings lists decisions.
func (s *mappings) ListMappings(ctx context.Context, req *mappingv1.ListMappingsRequest) (*mappingv1.ListMappingsResponse, error) {
	page, err := s.use.ListMappings.Do(ctx, mapping.Filter{
		State: mapping.State(req.GetState()), Query: req.GetQ(), ManagedTenantID: req.GetManagedTenantId(), History: req.GetHistory(), Orphans: req.GetOrphans(),
	}, req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	resp := &mappingv1.ListMappingsResponse{NextPageToken: page.Next, TotalSize: page.Total, TotalSizeIsMinimum: page.TotalIsMinimum}
	for _, m := range page.Items {
		resp.Mappings = append(resp.Mappings, mappingMessage(m))
	}
	return resp, nil
}

// ConfirmMappings writes a person's decisions.
func (s *mappings) ConfirmMappings(ctx context.Context, req *mappingv1.ConfirmMappingsRequest) (*mappingv1.ConfirmMappingsResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	decisions := make([]mapping.Decision, 0, len(req.GetDecisions()))
	for _, d := range req.GetDecisions() {
		decisions = append(decisions, mapping.Decision{
			ManagedTenantID: d.GetManagedTenantId(), Kind: mapping.DecisionKind(d.GetDecision()), ClientID: d.GetClientId(),
		})
	}
	confirmed, err := s.use.Confirm.Do(ctx, call.Actor.ID, decisions, req.Version, req.GetStartInitialSync())
	if err != nil {
		return nil, err
	}
	resp := &mappingv1.ConfirmMappingsResponse{
		Confirmed: confirmed.Decisions, Summary: countedMessage(confirmed.Summary), Version: confirmed.Version, Effects: confirmed.Effects,
	}
	if run := confirmed.Run; run != nil {
		resp.Run = &mappingv1.StartedRun{RunId: run.RunID, WorkflowId: run.WorkflowID, Joined: run.Joined}
	}
	if confirmed.RunError != "" {
		resp.RunError = &mappingv1.RunError{Code: confirmed.RunError}
	}
	return resp, nil
}
