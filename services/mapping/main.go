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
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/peers"
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
	directory := peers.NewDiscovery(conn)
	rpc.Register(server, rpc.UseCases{
		ListClients:    mapping.NewListClients(store),
		ReadClient:     mapping.NewReadClient(store),
		BatchUpsert:    mapping.NewBatchUpsert(store, now, newID),
		Preview:        mapping.NewMakePreview(directory, store),
		ListMappings:   mapping.NewListMappings(store),
		Confirm:        mapping.NewConfirm(directory, store, settling, now),
		Skip:           mapping.NewSkip(directory, store, settling, now),
		Remap:          mapping.NewRemap(directory, store, settling, now),
		Unmap:          mapping.NewUnmap(directory, store, settling, now),
		DecideOrphans:  mapping.NewDecideOrphans(store, settling, now),
		ExportCSV:      mapping.NewExportCSV(directory, store),
		ImportCSV:      mapping.NewImportCSV(directory, store, settling, now),
		ListMapped:     mapping.NewListMapped(store),
		FindMapped:     mapping.NewFindMapped(store),
		ResolveClients: mapping.NewResolveClients(store),
		CreateClients:  mapping.NewCreateClients(store, now, newID),
		Summarise:      mapping.NewSummarise(directory, store),
	})
	outbox.Serve(server, box)
	return box
}

// newUUID is a UUIDv7. It panics when the system has no random numbers left.
func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() string { return newUUID().String() }
