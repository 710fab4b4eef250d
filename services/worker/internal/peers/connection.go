// Package peers calls the other services, one file a service.
package peers

import (
	"context"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// Connections calls connection about which tenants have one.
type Connections struct {
	connection connectionv1.ConnectionInternalServiceClient
}

// NewConnections returns Connections on a client that signs each call's tenant and actor.
func NewConnections(connection connectionv1.ConnectionInternalServiceClient) *Connections {
	return &Connections{connection: connection}
}

// Status implements orchestration.Connections.
func (c *Connections) Status(ctx context.Context) (string, error) {
	res, err := c.connection.GetConnection(ctx, &connectionv1.GetConnectionRequest{})
	return res.GetStatus(), err
}

// Connected implements orchestration.Connections.
func (c *Connections) Connected(ctx context.Context, after string, limit int) ([]string, error) {
	res, err := c.connection.ListConnectedTenants(ctx, &connectionv1.ListConnectedTenantsRequest{AfterTenantId: after, PageSize: int32(limit)})
	return res.GetTenantIds(), err
}
