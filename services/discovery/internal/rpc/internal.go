package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
)

// internal serves DiscoveryInternalService.
type internal struct {
	discoveryv1.UnimplementedDiscoveryInternalServiceServer
	use UseCases
}

// RunDiscovery runs a discovery and streams its progress.
func (s *internal) RunDiscovery(req *discoveryv1.RunDiscoveryRequest,
	stream grpc.ServerStreamingServer[discoveryv1.RunDiscoveryResponse],
) error {
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	var last discoveryv1.RunDiscoveryResponse
	result, err := s.use.Discover.Do(ctx, req.GetOperationId(), func(seen, read int) {
		last.TenantsSeen, last.TenantsRead = int32(seen), int32(read)
		err := stream.Send(&discoveryv1.RunDiscoveryResponse{TenantsSeen: int32(seen), TenantsRead: int32(read)})
		if err != nil {
			cancel(err) // the caller has gone
		}
	})
	if err != nil {
		return err
	}
	return stream.Send(&discoveryv1.RunDiscoveryResponse{
		TenantsSeen: last.GetTenantsSeen(), TenantsRead: last.GetTenantsRead(),
		Result: &discoveryv1.DiscoveryResult{
			DiscoveredTenantCount: result.Discovered, UnreadableCount: result.Unreadable, GoneCount: result.Gone,
		},
	})
}

// StreamManagedTenants streams managed tenants by id.
func (s *internal) StreamManagedTenants(req *discoveryv1.StreamManagedTenantsRequest,
	stream grpc.ServerStreamingServer[discoveryv1.StreamManagedTenantsResponse],
) error {
	return s.use.StreamManagedTenants.Do(stream.Context(), req.GetManagedTenantIds(), func(part []discovery.ManagedTenant) error {
		return stream.Send(&discoveryv1.StreamManagedTenantsResponse{ManagedTenants: managedTenants(part)})
	})
}

// CountManagedTenants counts managed tenants that are not gone.
func (s *internal) CountManagedTenants(ctx context.Context, req *discoveryv1.CountManagedTenantsRequest,
) (*discoveryv1.CountManagedTenantsResponse, error) {
	count, err := s.use.CountManagedTenants.Do(ctx, req.GetExceptIds())
	if err != nil {
		return nil, err
	}
	return &discoveryv1.CountManagedTenantsResponse{Count: count}, nil
}

// GetDiscoverySummary returns what the status shows.
func (s *internal) GetDiscoverySummary(ctx context.Context, _ *discoveryv1.GetDiscoverySummaryRequest,
) (*discoveryv1.GetDiscoverySummaryResponse, error) {
	summary, err := s.use.Summarise.Do(ctx)
	if err != nil {
		return nil, err
	}
	return &discoveryv1.GetDiscoverySummaryResponse{
		LastDiscoveryAt: wire.Timestamp(summary.LastDiscoveryAt), ActiveCount: summary.Active, GoneCount: summary.Gone,
		Unreadable: unreadableTenants(summary.Unreadable), AccessEnding: managedTenants(summary.AccessEnding),
	}, nil
}
