// Package mapping asks the mapping service about clients and managed tenants.
package mapping

import (
	"context"
	"time"

	"google.golang.org/grpc"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// pageSize is how many mapped tenants one call lists; chunk how many clients one
// call resolves.
const (
	pageSize = 1000
	chunk    = 5000
)

// outage is how long a question of a round outlasts the service's absence: a
// restart there must not undo what the round has done.
const outage = 30 * time.Second

// Client asks over gRPC.
type Client struct {
	mapping mappingv1.MappingInternalServiceClient
}

// New makes a client on a connection to the mapping service.
func New(conn grpc.ClientConnInterface) *Client {
	return &Client{mapping: mappingv1.NewMappingInternalServiceClient(conn)}
}

// Counts counts the decisions that lead to syncing.
func (c *Client) Counts(ctx context.Context) (syncengine.MappingCounts, error) {
	answer, err := c.mapping.GetMappingSummary(ctx, &mappingv1.GetMappingSummaryRequest{})
	if err != nil {
		return syncengine.MappingCounts{}, err
	}
	return syncengine.MappingCounts{Mapped: int(answer.GetSummary().GetMapped()), CreateNew: int(answer.GetSummary().GetCreateNew())}, nil
}

// MappedTenant is the active mapping of one managed tenant; false without one.
func (c *Client) MappedTenant(ctx context.Context, managedTenantID string) (syncengine.MappedTenant, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, outage)
	defer cancel()
	answer, err := c.mapping.GetMappedTenant(ctx, &mappingv1.GetMappedTenantRequest{ManagedTenantId: managedTenantID}, grpc.WaitForReady(true))
	if err != nil || answer.GetTenant() == nil {
		return syncengine.MappedTenant{}, false, err
	}
	return tenantOf(answer.GetTenant()), true, nil
}

// EachMappedTenant calls f with every mapped tenant in order of confirmation.
func (c *Client) EachMappedTenant(ctx context.Context, clientID string, f func(syncengine.MappedTenant) error) error {
	return c.each(ctx, &mappingv1.ListMappedTenantsRequest{ClientId: clientID, PageSize: pageSize}, f)
}

// EachTenantToCreate calls f with every managed tenant whose client is still to be
// created, in order of decision.
func (c *Client) EachTenantToCreate(ctx context.Context, f func(syncengine.MappedTenant) error) error {
	return c.each(ctx, &mappingv1.ListMappedTenantsRequest{CreateNew: true, PageSize: pageSize}, f)
}

func (c *Client) each(ctx context.Context, req *mappingv1.ListMappedTenantsRequest, f func(syncengine.MappedTenant) error) error {
	for {
		answer, err := c.mapping.ListMappedTenants(ctx, req)
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
func (c *Client) CreateDecidedClients(ctx context.Context, runID string) error {
	_, err := c.mapping.CreateDecidedClients(ctx, &mappingv1.CreateDecidedClientsRequest{RunId: runID})
	return err
}

// ClientExists reports whether the client exists and is not deleted.
func (c *Client) ClientExists(ctx context.Context, clientID string) (bool, error) {
	known, _, err := c.Resolve(ctx, []string{clientID}, nil)
	return known[clientID], err
}

// Resolve returns which of the ids exist, and the ids of the external ids.
func (c *Client) Resolve(ctx context.Context, ids, externalIDs []string) (known map[string]bool, byExternal map[string]string, err error) {
	known, byExternal = map[string]bool{}, map[string]string{}
	for len(ids)+len(externalIDs) > 0 {
		n, m := min(len(ids), chunk), min(len(externalIDs), chunk)
		answer, err := c.mapping.ResolveClients(ctx, &mappingv1.ResolveClientsRequest{ClientIds: ids[:n], ExternalIds: externalIDs[:m]})
		if err != nil {
			return nil, nil, err
		}
		for _, client := range answer.GetClients() {
			known[client.GetClientId()] = true
			if client.GetExternalId() != "" {
				byExternal[client.GetExternalId()] = client.GetClientId()
			}
		}
		ids, externalIDs = ids[n:], externalIDs[m:]
	}
	return known, byExternal, nil
}

func tenantOf(t *mappingv1.MappedTenant) syncengine.MappedTenant {
	return syncengine.MappedTenant{
		ManagedTenantID: t.GetManagedTenantId(), EntraTenantID: t.GetEntraTenantId(), ClientID: t.GetClientId(), Revision: t.GetRevision(),
	}
}
