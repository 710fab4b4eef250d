// The mapping service keeps the clients of an MSP and which managed tenant belongs
// to which of them.
package main

import (
	"context"
	"os"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/discovery"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres"
	"github.com/entrasync/entrasync/services/mapping/internal/rpc"
)

const name = "mapping"

// backgroundConns are for effects and the sweeper.
const backgroundConns = 2

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database
	DiscoveryAddr string `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
}

func main() {
	if len(os.Args) > 1 {
		run.Main(name, func(ctx context.Context) error { return outbox.Operate(ctx, name, os.Args[1:], os.Stdout) })
	}
	service.Main(name, config{
		Config:   service.Config{Listen: "127.0.0.1:7103", AdminListen: "127.0.0.1:7203"},
		Database: service.Database{DatabaseConns: 6},
	}, start)
}

// start wires the process together.
func start(ctx context.Context, s *service.Service, c config) error {
	pool, err := pg.Open(ctx, c.DatabaseURL, pg.Options{Context: name, MaxConns: c.DatabaseConns, BackgroundConns: backgroundConns})
	if err != nil {
		return err
	}
	s.Uses("database", pool.Ping, pool.Close)
	box := register(s.Server(), pool, s.Dial("discovery", c.DiscoveryAddr), time.Now)
	box.Keep(s, s.Metrics)
	return nil
}

// register adds the service's methods to a server and gives its outbox.
func register(server grpc.ServiceRegistrar, pool *pg.Pool, conn grpc.ClientConnInterface, now func() time.Time) *outbox.Box {
	store, box := postgres.NewStore(pool, newUUID), postgres.NewOutbox(pool, now)
	settling := mapping.NewSettling(store, box)
	directory := discovery.NewDirectory(conn)
	lister := mapping.NewLister(directory, store)
	mappingv1.RegisterClientServiceServer(server, rpc.NewClients(lister, mapping.NewImporter(store, now, newID)))
	mappingv1.RegisterMappingServiceServer(server, rpc.NewMappings(rpc.UseCases{
		Previewer: mapping.NewPreviewer(directory, store), Lister: lister,
		Confirmer: mapping.NewConfirmer(directory, store, settling, now),
		Changer:   mapping.NewChanger(directory, store, settling, now),
		Orphans:   mapping.NewOrphanDecider(store, settling, now),
		Exporter:  mapping.NewExporter(directory, store),
		Importer:  mapping.NewTableImporter(directory, store, settling, now),
	}))
	mappingv1.RegisterMappingInternalServiceServer(server, rpc.NewInternal(lister, mapping.NewCreator(store, now, newID)))
	outbox.Serve(server, box)
	return box
}

// newUUID is a UUIDv7. It panics when the system has no random numbers left.
func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() string { return newUUID().String() }
