// Package peers asks the other services.
package peers

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"

	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

// fieldSync is the flag by which field rules are applied.
const fieldSync = "entra-integration-field-sync"

// outage is how long a question of a round outlasts the service's absence.
const outage = 30 * time.Second

// Flags asks the gateway for feature flags.
type Flags struct {
	gateway gatewayv1.FlagInternalServiceClient
}

// NewFlags makes a client on a connection to the gateway.
func NewFlags(conn grpc.ClientConnInterface) *Flags {
	return &Flags{gateway: gatewayv1.NewFlagInternalServiceClient(conn)}
}

// FieldSync reports whether the tenant's field rules are applied.
func (f *Flags) FieldSync(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, outage)
	defer cancel()
	answer, err := f.gateway.GetTenantFlags(ctx, &gatewayv1.GetTenantFlagsRequest{}, grpc.WaitForReady(true))
	return slices.Contains(answer.GetOn(), fieldSync), err
}
