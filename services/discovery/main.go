// The discovery service finds the managed tenants of an MSP and keeps what is
// known of them.
package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/peers"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres"
	"github.com/entrasync/entrasync/services/discovery/internal/rpc"
)

const name = "discovery"

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database
	ConnectionAddr string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
}

func main() {
	service.Main(name, config{
		Config:   service.Config{Listen: "127.0.0.1:7102", AdminListen: "127.0.0.1:7202"},
		Database: service.Database{DatabaseConns: 4},
	}, start)
}

// start wires the process together.
func start(ctx context.Context, s *service.Service, c config) error {
	pool, err := pg.Open(ctx, c.DatabaseURL, pg.Options{Context: name, MaxConns: c.DatabaseConns})
	if err != nil {
		return err
	}
	s.Uses("database", pool.Ping, pool.Close)
	register(s.Server(), pool, s.Dial("connection", c.ConnectionAddr), time.Now)
	return nil
}

// register adds the service's methods to a server.
func register(server grpc.ServiceRegistrar, pool *pg.Pool, directory grpc.ClientConnInterface, now func() time.Time) {
	store := postgres.NewStore(pool)
	connection := peers.NewConnection(directory)
	discover := discovery.NewDiscover(connection, store, now, newID)
	rpc.Register(server, rpc.UseCases{
		ReadDiscovery:        discovery.NewReadDiscovery(store),
		ListManagedTenants:   discovery.NewListManagedTenants(store),
		RepairConsent:        discovery.NewRepairConsent(connection, discover, store),
		Discover:             discover,
		StreamManagedTenants: discovery.NewStreamManagedTenants(store),
		CountManagedTenants:  discovery.NewCountManagedTenants(store),
		Summarise:            discovery.NewSummarise(store, now),
	})
}

// newID is a UUIDv7. It panics when the system has no random numbers left.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
