package peers

import (
	"context"

	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// Discoveries calls discovery for what it found.
type Discoveries struct {
	discovery discoveryv1.DiscoveryInternalServiceClient
}

// NewDiscoveries returns Discoveries on a client that signs each call's tenant
// and actor.
func NewDiscoveries(discovery discoveryv1.DiscoveryInternalServiceClient) *Discoveries {
	return &Discoveries{discovery: discovery}
}

// Unreadable lists what could not be read; see orchestration.Discoveries.
func (d *Discoveries) Unreadable(ctx context.Context) ([]orchestration.Unreadable, error) {
	res, err := d.discovery.GetDiscoverySummary(ctx, &discoveryv1.GetDiscoverySummaryRequest{})
	if err != nil {
		return nil, err
	}
	unreadable := make([]orchestration.Unreadable, 0, len(res.GetUnreadable()))
	for _, u := range res.GetUnreadable() {
		unreadable = append(unreadable, orchestration.Unreadable{
			ManagedTenantID: u.GetManagedTenantId(), EntraTenantID: u.GetEntraTenantId(), DisplayName: u.GetDisplayName(),
			Problem: orchestration.Problem{
				Code: u.GetProblem().GetCode(), Message: u.GetProblem().GetMessage(), Remedy: u.GetProblem().GetRemedy(),
			},
		})
	}
	return unreadable, nil
}
