package rpc

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

func toSnapshot(s *connection.Snapshot) *connectionv1.ValidationError {
	if s == nil {
		return nil
	}
	return &connectionv1.ValidationError{Code: s.Code, Message: s.Message, CheckedAt: timestamppb.New(s.CheckedAt)}
}

func toConnection(o connection.Overview) *connectionv1.GetConnectionResponse {
	out := &connectionv1.GetConnectionResponse{
		Status: string(o.Status), LastValidatedAt: wire.Timestamp(o.LastValidatedAt), LastValidationError: toSnapshot(o.LastError),
		CredentialSource: string(o.CredentialSource), CustomerAccess: string(o.CustomerAccess), PartnerTenantId: o.PartnerTenantID, SecretStore: toProblem(o.SecretStore),
	}
	if o.Status != connection.NotConnected {
		out.ConnectedAt = timestamppb.New(o.ConnectedAt)
	}
	if o.Active() {
		out.ConnectionType = string(o.Type)
	}
	for _, t := range connection.AvailableTypes() {
		out.AvailableConnectionTypes = append(out.AvailableConnectionTypes, string(t))
	}
	return out
}

func toTenants(tenants []connection.ManagedTenant) *connectionv1.ListManagedTenantsResponse {
	out := &connectionv1.ListManagedTenantsResponse{Tenants: make([]*connectionv1.DirectoryTenant, 0, len(tenants))}
	for _, t := range tenants {
		out.Tenants = append(out.Tenants, &connectionv1.DirectoryTenant{
			EntraTenantId: t.EntraTenantID, DisplayName: t.DisplayName, PrimaryDomain: t.PrimaryDomain,
			AccessEndsAt: wire.Timestamp(t.AccessEndsAt),
		})
	}
	return out
}

func toDetails(d connection.Details) *connectionv1.GetTenantDetailsResponse {
	out := &connectionv1.GetTenantDetailsResponse{PrimaryDomain: d.PrimaryDomain, Domains: d.Domains, UserCount: d.UserCount}
	out.Problem = toProblem(d.Problem)
	return out
}

func toProblem(p *connection.Problem) *connectionv1.Problem {
	if p == nil {
		return nil
	}
	return &connectionv1.Problem{Code: p.Code, Message: p.Message, Remedy: p.Remedy}
}
