package peers_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/peers"
)

// mappings is a mapping service that maps every managed tenant to one client.
type mappings struct {
	mappingv1.UnimplementedMappingInternalServiceServer
}

func (mappings) GetMappedTenant(_ context.Context, req *mappingv1.GetMappedTenantRequest) (*mappingv1.GetMappedTenantResponse, error) {
	return &mappingv1.GetMappedTenantResponse{Tenant: &mappingv1.MappedTenant{ManagedTenantId: req.GetManagedTenantId(), ClientId: "c1"}}, nil
}

func TestARoundsQuestionOutlastsARestartOfMapping(t *testing.T) {
	t.Parallel()
	conn := rpctest.Restarting(t, func(r grpc.ServiceRegistrar) { mappingv1.RegisterMappingInternalServiceServer(r, mappings{}) })
	mapped, ok, err := peers.NewMapping(conn).MappedTenant(t.Context(), "m1")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "c1", mapped.ClientID)
}
