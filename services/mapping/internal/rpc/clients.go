package rpc

import (
	"context"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// clients serves ClientService.
type clients struct {
	mappingv1.UnimplementedClientServiceServer
	use UseCases
}

// ListClients lists clients by name.
func (s *clients) ListClients(ctx context.Context, req *mappingv1.ListClientsRequest) (*mappingv1.ListClientsResponse, error) {
	page, err := s.use.ListClients.Do(ctx, req.GetQ(), req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	resp := &mappingv1.ListClientsResponse{NextPageToken: page.Next, TotalSize: page.Total, TotalSizeIsMinimum: page.TotalIsMinimum}
	for _, c := range page.Items {
		resp.Clients = append(resp.Clients, clientMessage(c))
	}
	return resp, nil
}

// GetClient returns one client.
func (s *clients) GetClient(ctx context.Context, req *mappingv1.GetClientRequest) (*mappingv1.GetClientResponse, error) {
	client, err := s.use.ReadClient.Do(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	return &mappingv1.GetClientResponse{Client: clientMessage(client)}, nil
}

// BatchUpsertClients writes the host's records.
func (s *clients) BatchUpsertClients(ctx context.Context, req *mappingv1.BatchUpsertClientsRequest,
) (*mappingv1.BatchUpsertClientsResponse, error) {
	records := make([]mapping.Record, 0, len(req.GetClients()))
	for _, r := range req.GetClients() {
		records = append(records, mapping.Record{IfVersion: r.Version, Client: mapping.Client{ // absent differs from 0
			ID: r.GetId(), ExternalID: r.GetExternalId(), Name: r.GetName(), Website: r.GetWebsite(), Domain: r.GetDomain(),
			AlternativeDomains: r.GetAlternativeDomains(), EmailDomains: r.GetEmailDomains(),
			BillingEmail: r.GetBillingEmail(), Deleted: r.GetDeleted(),
		}})
	}
	results, err := s.use.BatchUpsert.Do(ctx, records)
	if err != nil {
		return nil, err
	}
	resp := &mappingv1.BatchUpsertClientsResponse{Results: make([]*mappingv1.RecordResult, 0, len(results))}
	for i, r := range results {
		result := &mappingv1.RecordResult{Index: int32(i), Id: r.ID, ExternalId: r.ExternalID, Outcome: r.Outcome}
		if r.Version > 0 {
			result.Version = &r.Version
		}
		for _, v := range r.Violations {
			result.Violations = append(result.Violations, &mappingv1.RecordViolation{Field: v.Field, Message: v.Message})
		}
		for _, w := range r.Warnings {
			result.Warnings = append(result.Warnings, &mappingv1.RecordWarning{Field: w.Field, Message: w.Message})
		}
		resp.Results = append(resp.Results, result)
	}
	return resp, nil
}
