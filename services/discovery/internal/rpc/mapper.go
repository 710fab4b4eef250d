package rpc

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
)

// stateNone is the state while there was no discovery.
const stateNone = "none"

func latestResponse(latest discovery.Latest) *discoveryv1.GetDiscoveryResponse {
	resp := &discoveryv1.GetDiscoveryResponse{
		State: stateNone, Unreadable: unreadableTenants(latest.Unreadable), LastDiscoveryAt: wire.Timestamp(latest.LastDiscoveryAt),
	}
	if d := latest.Discovery; d != nil {
		resp.OperationId, resp.State = d.OperationID, string(d.State)
		resp.StartedAt, resp.CompletedAt = timestamppb.New(d.StartedAt), wire.Timestamp(d.CompletedAt)
		resp.DiscoveredTenantCount, resp.Error = d.Discovered, problem(d.Error)
	}
	return resp
}

func managedTenants(tenants []discovery.ManagedTenant) []*discoveryv1.ManagedTenant {
	out := make([]*discoveryv1.ManagedTenant, 0, len(tenants))
	for _, t := range tenants {
		out = append(out, managedTenant(t))
	}
	return out
}

func managedTenant(t discovery.ManagedTenant) *discoveryv1.ManagedTenant {
	return &discoveryv1.ManagedTenant{
		ManagedTenantId: t.ID, EntraTenantId: t.EntraTenantID, DisplayName: t.DisplayName,
		PrimaryDomain: t.PrimaryDomain, Domains: t.Domains, SourceUserCount: t.SourceUserCount, State: string(t.State),
		Problem: problem(t.Problem), AccessEndsAt: wire.Timestamp(t.AccessEndsAt),
		DiscoveredAt: timestamppb.New(t.DiscoveredAt), LastSeenAt: timestamppb.New(t.LastSeenAt),
	}
}

func unreadableTenants(tenants []discovery.ManagedTenant) []*discoveryv1.UnreadableTenant {
	out := make([]*discoveryv1.UnreadableTenant, 0, len(tenants))
	for _, t := range tenants {
		out = append(out, &discoveryv1.UnreadableTenant{
			ManagedTenantId: t.ID, EntraTenantId: t.EntraTenantID, DisplayName: t.DisplayName, Problem: problem(t.Problem),
		})
	}
	return out
}

func problem(p *discovery.Problem) *discoveryv1.TenantProblem {
	if p == nil {
		return nil
	}
	return &discoveryv1.TenantProblem{Code: p.Code, Message: p.Message, Remedy: p.Remedy}
}
