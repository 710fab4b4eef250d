package peers

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/gateway/internal/webhook"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
)

const (
	// goneLately is how long a managed tenant that is gone counts as one whose access has just ended.
	goneLately = 7 * 24 * time.Hour
	gonePage   = 200
)

// Discovery lists managed tenants whose access ends.
type Discovery struct {
	summary discoveryv1.DiscoveryInternalServiceClient
	lists   discoveryv1.DiscoveryServiceClient
	now     func() time.Time
}

// NewDiscovery makes the adapter.
func NewDiscovery(conn grpc.ClientConnInterface, now func() time.Time) *Discovery {
	return &Discovery{summary: discoveryv1.NewDiscoveryInternalServiceClient(conn), lists: discoveryv1.NewDiscoveryServiceClient(conn), now: now}
}

// EndingAccess implements webhook.AccessSource: managed tenants whose access ends within 30 days,
// and those that the last discoveries no longer found. Of the latter access ended when they were
// last seen, at the latest.
func (d *Discovery) EndingAccess(ctx context.Context) ([]webhook.EndingAccess, error) {
	summary, err := d.summary.GetDiscoverySummary(ctx, &discoveryv1.GetDiscoverySummaryRequest{})
	if err != nil {
		return nil, err
	}
	var ending []webhook.EndingAccess
	for _, t := range summary.GetAccessEnding() {
		ending = append(ending, accessOf(t, t.GetAccessEndsAt().AsTime()))
	}
	for token := ""; ; {
		page, err := d.lists.ListManagedTenants(ctx, &discoveryv1.ListManagedTenantsRequest{State: "gone", PageSize: gonePage, PageToken: token})
		if err != nil {
			return nil, err
		}
		for _, t := range page.GetManagedTenants() {
			if seen := t.GetLastSeenAt().AsTime(); seen.After(d.now().Add(-goneLately)) {
				ending = append(ending, accessOf(t, seen))
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			return ending, nil
		}
	}
}

func accessOf(t *discoveryv1.ManagedTenant, at time.Time) webhook.EndingAccess {
	return webhook.EndingAccess{ManagedTenantID: t.GetManagedTenantId(), EntraTenantID: t.GetEntraTenantId(), DisplayName: t.GetDisplayName(), EndsAt: at}
}
