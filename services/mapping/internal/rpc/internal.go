package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/tenant"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// Internal serves MappingInternalService.
type Internal struct {
	mappingv1.UnimplementedMappingInternalServiceServer
	use UseCases
}

// NewInternal makes the server.
func NewInternal(use UseCases) *Internal { return &Internal{use: use} }

// ListMappedTenants pages through the mapped tenants, or those whose client is to be created.
func (s *Internal) ListMappedTenants(ctx context.Context, req *mappingv1.ListMappedTenantsRequest,
) (*mappingv1.ListMappedTenantsResponse, error) {
	of := mapping.MappedSearch{ClientID: req.GetClientId(), CreateNew: req.GetCreateNew()}
	page, err := s.use.ListMapped.Do(ctx, of, req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	resp := &mappingv1.ListMappedTenantsResponse{NextPageToken: page.Next}
	for _, t := range page.Items {
		resp.Tenants = append(resp.Tenants, mappedMessage(t))
	}
	return resp, nil
}

// GetMappedTenant returns the mapping of one managed tenant.
func (s *Internal) GetMappedTenant(ctx context.Context, req *mappingv1.GetMappedTenantRequest,
) (*mappingv1.GetMappedTenantResponse, error) {
	found, err := s.use.FindMapped.Do(ctx, req.GetManagedTenantId(), req.GetMustExist())
	if err != nil || found == nil {
		return &mappingv1.GetMappedTenantResponse{}, err
	}
	return &mappingv1.GetMappedTenantResponse{Tenant: mappedMessage(*found)}, nil
}

// CreateDecidedClients makes the clients of create_new decisions.
func (s *Internal) CreateDecidedClients(ctx context.Context, req *mappingv1.CreateDecidedClientsRequest,
) (*mappingv1.CreateDecidedClientsResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	created, err := s.use.CreateClients.Do(ctx, call.Actor.ID, req.GetRunId())
	if err != nil {
		return nil, err
	}
	return &mappingv1.CreateDecidedClientsResponse{Created: created}, nil
}

// ResolveClients returns which clients exist.
func (s *Internal) ResolveClients(ctx context.Context, req *mappingv1.ResolveClientsRequest) (*mappingv1.ResolveClientsResponse, error) {
	found, err := s.use.ResolveClients.Do(ctx, req.GetClientIds(), req.GetExternalIds())
	if err != nil {
		return nil, err
	}
	resp := &mappingv1.ResolveClientsResponse{}
	for _, c := range found {
		resp.Clients = append(resp.Clients, &mappingv1.ResolvedClient{ClientId: c.ID, ExternalId: c.ExternalID})
	}
	return resp, nil
}

// GetMappingSummary counts the decisions.
func (s *Internal) GetMappingSummary(ctx context.Context, _ *mappingv1.GetMappingSummaryRequest,
) (*mappingv1.GetMappingSummaryResponse, error) {
	summary, err := s.use.Summarise.Do(ctx)
	if err != nil {
		return nil, err
	}
	return &mappingv1.GetMappingSummaryResponse{Summary: summaryMessage(summary)}, nil
}

func mappedMessage(t mapping.MappedTenant) *mappingv1.MappedTenant {
	return &mappingv1.MappedTenant{
		ManagedTenantId: t.ManagedTenantID, EntraTenantId: t.EntraTenantID, ClientId: t.ClientID,
		Revision: t.Revision, ConfirmedAt: timestamppb.New(t.ConfirmedAt),
	}
}
