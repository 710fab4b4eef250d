// Package peers calls other services.
package peers

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"

	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

const (
	// timeout bounds a whole read, also of thousands of managed tenants.
	timeout = 20 * time.Second
	// countTimeout bounds a count, which a caller may be waiting for whose change is
	// already stored.
	countTimeout = 5 * time.Second
	// idsPerCall is what the contract takes at once.
	idsPerCall = 5000
)

// Discovery is the list of managed tenants of the discovery service.
type Discovery struct {
	discovery discoveryv1.DiscoveryInternalServiceClient
}

// NewDiscovery calls the discovery service on a connection whose errors are
// errs.Errors.
func NewDiscovery(conn grpc.ClientConnInterface) *Discovery {
	return &Discovery{discovery: discoveryv1.NewDiscoveryInternalServiceClient(conn)}
}

// List gives the managed tenants with the given ids, or all when ids
// is nil. Unknown ids are left out.
func (d *Discovery) List(ctx context.Context, ids []string) ([]mapping.ManagedTenant, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if ids == nil {
		return d.read(ctx, nil, nil)
	}
	var tenants []mapping.ManagedTenant
	var err error
	for part := range slices.Chunk(ids, idsPerCall) {
		if tenants, err = d.read(ctx, part, tenants); err != nil {
			return nil, err
		}
	}
	return tenants, nil
}

// CountOthers counts the managed tenants that are not gone, but for the given ones.
func (d *Discovery) CountOthers(ctx context.Context, ids []string) (int32, error) {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	resp, err := d.discovery.CountManagedTenants(ctx, &discoveryv1.CountManagedTenantsRequest{ExceptIds: ids})
	if err != nil {
		return 0, err
	}
	return resp.GetCount(), nil
}

func (d *Discovery) read(ctx context.Context, ids []string, into []mapping.ManagedTenant) ([]mapping.ManagedTenant, error) {
	stream, err := d.discovery.StreamManagedTenants(ctx, &discoveryv1.StreamManagedTenantsRequest{ManagedTenantIds: ids})
	if err != nil {
		return nil, err
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return into, nil
		}
		if err != nil {
			return nil, err
		}
		for _, t := range part.GetManagedTenants() {
			into = append(into, mapping.ManagedTenant{
				ID: t.GetManagedTenantId(), EntraTenantID: t.GetEntraTenantId(), DisplayName: t.GetDisplayName(),
				PrimaryDomain: t.GetPrimaryDomain(), Domains: t.GetDomains(), SourceUserCount: t.GetSourceUserCount(), State: mapping.TenantState(t.GetState()),
			})
		}
	}
}
