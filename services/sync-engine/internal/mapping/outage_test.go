package mapping_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/mapping"
)

// served is a mapping service that maps every managed tenant to one client.
type served struct {
	mappingv1.UnimplementedMappingInternalServiceServer
}

func (served) GetMappedTenant(_ context.Context, req *mappingv1.GetMappedTenantRequest) (*mappingv1.GetMappedTenantResponse, error) {
	return &mappingv1.GetMappedTenantResponse{Tenant: &mappingv1.MappedTenant{ManagedTenantId: req.GetManagedTenantId(), ClientId: "c1"}}, nil
}

// restarting serves what is registered, after it has hung up on the first caller.
func restarting(t *testing.T, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	register(server)
	t.Cleanup(server.Stop)
	go func() {
		if early, err := listener.Accept(); err == nil {
			_ = early.Close()
		}
		_ = server.Serve(listener)
	}()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func TestARoundsQuestionOutlastsARestart(t *testing.T) {
	t.Parallel()
	conn := restarting(t, func(r grpc.ServiceRegistrar) { mappingv1.RegisterMappingInternalServiceServer(r, served{}) })
	mapped, ok, err := mapping.New(conn).Tenant(t.Context(), "m1")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "c1", mapped.ClientID)
}
