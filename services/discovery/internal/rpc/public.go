package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
)

// public serves DiscoveryService.
type public struct {
	discoveryv1.UnimplementedDiscoveryServiceServer
	use UseCases
}

// GetDiscovery returns the latest discovery.
func (s *public) GetDiscovery(ctx context.Context, _ *discoveryv1.GetDiscoveryRequest) (*discoveryv1.GetDiscoveryResponse, error) {
	latest, err := s.use.ReadDiscovery.Do(ctx)
	if err != nil {
		return nil, err
	}
	return latestResponse(latest), nil
}

// ListManagedTenants lists managed tenants by name.
func (s *public) ListManagedTenants(ctx context.Context, req *discoveryv1.ListManagedTenantsRequest,
) (*discoveryv1.ListManagedTenantsResponse, error) {
	filter := discovery.Filter{Query: req.GetQ(), State: discovery.State(req.GetState())}
	list, err := s.use.ListManagedTenants.Do(ctx, filter, req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &discoveryv1.ListManagedTenantsResponse{
		ManagedTenants: managedTenants(list.Items), NextPageToken: list.Next, TotalSize: list.Total,
		TotalSizeIsMinimum: list.TotalIsMinimum,
	}, nil
}

// RepairConsent restores the app's consent in a managed tenant.
func (s *public) RepairConsent(ctx context.Context, req *discoveryv1.RepairConsentRequest) (*discoveryv1.RepairConsentResponse, error) {
	consent, tenant, err := s.use.RepairConsent.Do(ctx, req.GetManagedTenantId(), req.GetReturnTo())
	if err != nil {
		return nil, err
	}
	return &discoveryv1.RepairConsentResponse{
		Outcome: string(consent.Outcome), AdminConsentUrl: consent.AdminURL, ExpiresAt: wire.Timestamp(consent.ExpiresAt),
		Problem: problem(consent.Problem), ManagedTenant: managedTenant(tenant),
	}, nil
}
