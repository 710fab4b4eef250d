package peers

import (
	"context"

	"google.golang.org/grpc"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

const (
	// tenantsPerPage is how many mapped tenants one call lists.
	tenantsPerPage = 1000
	// clientsPerCall is how many clients one call resolves.
	clientsPerCall = 5000
)

// Mapping asks the mapping service about clients and managed tenants.
type Mapping struct {
	mapping mappingv1.MappingInternalServiceClient
}

// NewMapping makes a client on a connection to the mapping service.
func NewMapping(conn grpc.ClientConnInterface) *Mapping {
	return &Mapping{mapping: mappingv1.NewMappingInternalServiceClient(conn)}
}

// Counts counts the decisions that lead to syncing.
func (m *Mapping) Counts(ctx context.Context) (syncengine.MappingCounts, error) {
	answer, err := m.mapping.GetMappingSummary(ctx, &mappingv1.GetMappingSummaryRequest{})
	if err != nil {
		return syncengine.MappingCounts{}, err
	}
	return syncengine.MappingCounts{Mapped: int(answer.GetSummary().GetMapped()), CreateNew: int(answer.GetSummary().GetCreateNew())}, nil
}

// MappedTenant is the active mapping of one managed tenant; false without one.
func (m *Mapping) MappedTenant(ctx context.Context, managedTenantID string) (syncengine.MappedTenant, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, outage)
	defer cancel()
	return m.mapped(ctx, &mappingv1.GetMappedTenantRequest{ManagedTenantId: managedTenantID}, grpc.WaitForReady(true))
}

// ExistingTenant is the active mapping of one managed tenant; false without one. errs.NotFound, reason
// managed_tenant_not_found, where there is no such managed tenant.
func (m *Mapping) ExistingTenant(ctx context.Context, managedTenantID string) (syncengine.MappedTenant, bool, error) {
	return m.mapped(ctx, &mappingv1.GetMappedTenantRequest{ManagedTenantId: managedTenantID, MustExist: true})
}

func (m *Mapping) mapped(ctx context.Context, req *mappingv1.GetMappedTenantRequest, opts ...grpc.CallOption) (syncengine.MappedTenant, bool, error) {
	answer, err := m.mapping.GetMappedTenant(ctx, req, opts...)
	if err != nil || answer.GetTenant() == nil {
		return syncengine.MappedTenant{}, false, err
	}
	return tenantOf(answer.GetTenant()), true, nil
}

// EachMappedTenant calls f with every mapped tenant in order of confirmation.
func (m *Mapping) EachMappedTenant(ctx context.Context, clientID string, f func(syncengine.MappedTenant) error) error {
	return m.each(ctx, &mappingv1.ListMappedTenantsRequest{ClientId: clientID, PageSize: tenantsPerPage}, f)
}

// EachTenantToCreate calls f with every managed tenant whose client is still to be
// created, in order of decision.
func (m *Mapping) EachTenantToCreate(ctx context.Context, f func(syncengine.MappedTenant) error) error {
	return m.each(ctx, &mappingv1.ListMappedTenantsRequest{CreateNew: true, PageSize: tenantsPerPage}, f)
}

func (m *Mapping) each(ctx context.Context, req *mappingv1.ListMappedTenantsRequest, f func(syncengine.MappedTenant) error) error {
	for {
		answer, err := m.mapping.ListMappedTenants(ctx, req)
		if err != nil {
			return err
		}
		for _, tenant := range answer.GetTenants() {
			if err := f(tenantOf(tenant)); err != nil {
				return err
			}
		}
		if answer.GetNextPageToken() == "" {
			return nil
		}
		req.PageToken = answer.GetNextPageToken()
	}
}

// CreateDecidedClients creates the clients of create_new decisions, once a run.
func (m *Mapping) CreateDecidedClients(ctx context.Context, runID string) error {
	_, err := m.mapping.CreateDecidedClients(ctx, &mappingv1.CreateDecidedClientsRequest{RunId: runID})
	return err
}

// ClientExists reports whether the client exists and is not deleted.
func (m *Mapping) ClientExists(ctx context.Context, clientID string) (bool, error) {
	known, _, err := m.Resolve(ctx, []string{clientID}, nil)
	return known[clientID], err
}

// Resolve returns which of the ids exist, and the ids of the external ids.
func (m *Mapping) Resolve(ctx context.Context, ids, externalIDs []string) (known map[string]bool, byExternal map[string]string, err error) {
	known, byExternal = map[string]bool{}, map[string]string{}
	for len(ids)+len(externalIDs) > 0 {
		n, external := min(len(ids), clientsPerCall), min(len(externalIDs), clientsPerCall)
		answer, err := m.mapping.ResolveClients(ctx, &mappingv1.ResolveClientsRequest{ClientIds: ids[:n], ExternalIds: externalIDs[:external]})
		if err != nil {
			return nil, nil, err
		}
		for _, client := range answer.GetClients() {
			known[client.GetClientId()] = true
			if client.GetExternalId() != "" {
				byExternal[client.GetExternalId()] = client.GetClientId()
			}
		}
		ids, externalIDs = ids[n:], externalIDs[external:]
	}
	return known, byExternal, nil
}

func tenantOf(t *mappingv1.MappedTenant) syncengine.MappedTenant {
	return syncengine.MappedTenant{
		ManagedTenantID: t.GetManagedTenantId(), EntraTenantID: t.GetEntraTenantId(), ClientID: t.GetClientId(), Revision: t.GetRevision(),
	}
}
