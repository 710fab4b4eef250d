package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// PreviewDecisions lists the open items with a suggestion.
func (s *Server) PreviewDecisions(ctx context.Context, req *reconciliationv1.PreviewDecisionsRequest) (*reconciliationv1.PreviewDecisionsResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	page, err := s.use.Bulk.Preview(ctx, reconciliation.Filter{
		ClientID: req.GetClientId(), ManagedTenantID: req.GetManagedTenantId(), Reason: reconciliation.Reason(req.GetReason()),
		Suggestion: reconciliation.Action(req.GetAction()), Query: req.GetQ(),
	}, call.Actor.ID, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	response := &reconciliationv1.PreviewDecisionsResponse{NextPageToken: page.Next}
	response.TotalSize, response.TotalSizeIsMinimum = page.Total, page.TotalIsMinimum
	for _, item := range page.Items {
		m := &reconciliationv1.PreviewedDecision{Item: toMessage(item.DecidedItem), Digest: item.Digest}
		m.Code, m.Message = refusal(item.Refused)
		response.Items = append(response.Items, m)
	}
	return response, nil
}

// DecideItems carries out the suggestion of many items.
func (s *Server) DecideItems(ctx context.Context, req *reconciliationv1.DecideItemsRequest) (*reconciliationv1.DecideItemsResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	items := make([]reconciliation.ToDecide, len(req.GetItems()))
	for i, item := range req.GetItems() {
		items[i] = reconciliation.ToDecide{ItemID: item.GetItemId(), Digest: item.GetDigest()}
	}
	outcomes, err := s.use.Bulk.Do(ctx, reconciliation.Action(req.GetAction()), req.GetReason(), call.Actor.ID, items)
	if err != nil {
		return nil, err
	}
	response := &reconciliationv1.DecideItemsResponse{}
	for _, o := range outcomes {
		m := &reconciliationv1.ItemResult{ItemId: o.ItemID, Outcome: string(o.Outcome)}
		m.Code, m.Message = refusal(o.Err)
		if o.Outcome == reconciliation.OutcomeDone {
			m.Item = toMessage(o.Item)
			response.Done++
		}
		response.Results = append(response.Results, m)
	}
	return response, nil
}

// refusal is the code and the text of an error; nil where there is none.
func refusal(e *errs.Error) (code, message *string) {
	if e == nil {
		return nil, nil
	}
	why, text := e.Reason(), e.Public()
	return &why, &text
}
