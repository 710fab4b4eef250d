package peers

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

// fieldSync is the flag by which field rules are applied.
const fieldSync = "entra-integration-field-sync"

// Gateway asks the gateway for feature flags.
type Gateway struct {
	flags gatewayv1.FlagInternalServiceClient
}

// NewGateway makes a client on a connection to the gateway.
func NewGateway(conn grpc.ClientConnInterface) *Gateway {
	return &Gateway{flags: gatewayv1.NewFlagInternalServiceClient(conn)}
}

// FieldSync reports whether the tenant's field rules are applied.
func (g *Gateway) FieldSync(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, outage)
	defer cancel()
	answer, err := g.flags.GetTenantFlags(ctx, &gatewayv1.GetTenantFlagsRequest{}, grpc.WaitForReady(true))
	return slices.Contains(answer.GetOn(), fieldSync), err
}
