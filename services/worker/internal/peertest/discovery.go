package peertest

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
)

// Discovery is a discovery service without a directory.
type Discovery struct {
	discoveryv1.UnimplementedDiscoveryInternalServiceServer

	// Find does a discovery; nil finds 12 tenants of which one is unreadable.
	Find func(ctx context.Context) (*discoveryv1.DiscoveryResult, error)
}

// Client serves it until the test ends and gives a client that signs as the worker.
func (d *Discovery) Client(t testing.TB, network *rpctest.Network) discoveryv1.DiscoveryInternalServiceClient {
	t.Helper()
	address := network.Serve("discovery", func(r grpc.ServiceRegistrar) { discoveryv1.RegisterDiscoveryInternalServiceServer(r, d) })
	return discoveryv1.NewDiscoveryInternalServiceClient(network.Dial("worker", "discovery", address))
}

// RunDiscovery streams some progress and the result.
func (d *Discovery) RunDiscovery(_ *discoveryv1.RunDiscoveryRequest, stream grpc.ServerStreamingServer[discoveryv1.RunDiscoveryResponse]) error {
	if err := stream.Send(&discoveryv1.RunDiscoveryResponse{TenantsSeen: 3}); err != nil {
		return err
	}
	result := &discoveryv1.DiscoveryResult{DiscoveredTenantCount: 12, UnreadableCount: 1}
	if d.Find != nil {
		var err error
		if result, err = d.Find(stream.Context()); err != nil {
			return err
		}
	}
	return stream.Send(&discoveryv1.RunDiscoveryResponse{TenantsSeen: 12, TenantsRead: 12, Result: result})
}

// GetDiscoverySummary names one unreadable tenant.
func (d *Discovery) GetDiscoverySummary(context.Context, *discoveryv1.GetDiscoverySummaryRequest) (*discoveryv1.GetDiscoverySummaryResponse, error) {
	return &discoveryv1.GetDiscoverySummaryResponse{Unreadable: []*discoveryv1.UnreadableTenant{{
		ManagedTenantId: "m1", EntraTenantId: "e1", DisplayName: "Contoso",
		Problem: &discoveryv1.TenantProblem{Code: "consent_missing", Message: "No consent.", Remedy: "Grant it."},
	}}}, nil
}
