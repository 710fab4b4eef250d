package console

import (
	"context"

	"github.com/entrasync/entrasync/gateway/internal/flags"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

// TenantFlags answers other parts of the system which flags are on for a tenant.
type TenantFlags struct {
	gatewayv1.UnimplementedFlagInternalServiceServer
	flags *flags.Flags
}

// NewTenantFlags makes the server.
func NewTenantFlags(f *flags.Flags) *TenantFlags { return &TenantFlags{flags: f} }

// GetTenantFlags implements gatewayv1.FlagInternalServiceServer.
func (s *TenantFlags) GetTenantFlags(ctx context.Context, _ *gatewayv1.GetTenantFlagsRequest) (*gatewayv1.GetTenantFlagsResponse, error) {
	on, err := ofTenant(ctx, s.flags)
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.GetTenantFlagsResponse{}
	for _, key := range flags.Known() {
		if on.On(key) {
			answer.On = append(answer.On, key)
		}
	}
	return answer, nil
}
