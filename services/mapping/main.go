// The mapping service keeps the clients of an MSP and which managed tenant belongs
// to which of them.
package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/discovery"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres"
	"github.com/entrasync/entrasync/services/mapping/internal/rpc"
)

const name = "mapping"

const (
	sweepEvery = time.Hour
	// backgroundConns are for effects and the sweeper.
	backgroundConns = 2
	// listenAgain is the pause after the connection that listens was lost.
	listenAgain = 2 * time.Second
)

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database
	DiscoveryAddr string `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
}

func main() {
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
	parts := register(s.Server(), pool, s.Dial("discovery", c.DiscoveryAddr), time.Now)
	s.Every("sweeper", sweepEvery, parts.sweeper.Sweep)
	s.Every("listener", listenAgain, func(ctx context.Context) error { return listen(ctx, pool, parts.bell) })
	return nil
}

// parts are what runs beside the server.
type parts struct {
	bell    *mapping.Bell
	sweeper *mapping.Sweeper
}

// register adds the service's methods to a server.
func register(server grpc.ServiceRegistrar, pool *pg.Pool, conn grpc.ClientConnInterface, now func() time.Time) parts {
	store, background := postgres.NewStore(pool, newUUID), postgres.NewStore(pool.Background(), newUUID)
	bell := &mapping.Bell{}
	settling := mapping.NewSettling(store, bell)
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
	orchestrationv1.RegisterEffectServiceServer(server, rpc.NewEffects(mapping.NewEffects(background, bell, now)))
	return parts{bell: bell, sweeper: mapping.NewSweeper(background, now)}
}

// listen rings the bell at each notification of effects, until ctx ends or the
// connection is lost. Meanwhile callers that wait look for themselves.
func listen(ctx context.Context, pool *pg.Pool, bell *mapping.Bell) error {
	return pg.Listen(ctx, pool, postgres.EffectsChannel, bell.Ring, func(string) { bell.Ring() })
}

// newUUID is a UUIDv7. It panics when the system has no random numbers left.
func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() string { return newUUID().String() }
