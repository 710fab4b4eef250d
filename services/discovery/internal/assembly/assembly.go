// Package assembly wires the discovery service together.
package assembly

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/peers"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres"
	"github.com/entrasync/entrasync/services/discovery/internal/rpc"
)

// Config is all that the process takes from its environment.
type Config struct {
	service.Config
	service.Database
	ConnectionAddr string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
}

// Start wires the process together; for service.Main.
func Start(ctx context.Context, s *service.Service, c Config) error {
	pool, err := pg.OpenFor(ctx, s, c.DatabaseURL, pg.Options{Context: postgres.Context, MaxConns: c.DatabaseConns})
	if err != nil {
		return err
	}
	Register(s.Server(), pool, s.Dial("connection", c.ConnectionAddr), time.Now)
	return nil
}

// Register adds the service's methods to a server.
func Register(server grpc.ServiceRegistrar, pool *pg.Pool, connection grpc.ClientConnInterface, now func() time.Time) {
	store := postgres.NewStore(pool)
	directories := peers.NewConnection(connection)
	discover := discovery.NewDiscover(directories, store, now, pg.NewID)
	rpc.Register(server, rpc.UseCases{
		ReadDiscovery:        discovery.NewReadDiscovery(store),
		ListManagedTenants:   discovery.NewListManagedTenants(store),
		RepairConsent:        discovery.NewRepairConsent(directories, discover, store),
		Discover:             discover,
		StreamManagedTenants: discovery.NewStreamManagedTenants(store),
		CountManagedTenants:  discovery.NewCountManagedTenants(store),
		Summarise:            discovery.NewSummarise(store, now),
	})
}
