// The mapping service keeps the clients of an MSP and which managed tenant belongs
// to which of them.
package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	pkgrpc "github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/telemetry"
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
	Listen        string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:7103"`
	AdminListen   string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:7203"`
	DatabaseURL   string `env:"ENTRASYNC_DATABASE_URL,required,notEmpty,unset"`
	TLSDir        string `env:"ENTRASYNC_TLS_DIR,required,notEmpty"`
	DatabaseConns int32  `env:"ENTRASYNC_DATABASE_CONNS" envDefault:"6"`
	DiscoveryAddr string `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
	LogLevel      string `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`
	LogFormat     string `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"`
	Reflection    bool   `env:"ENTRASYNC_REFLECTION"`
}

func main() {
	run.Main(name, func(ctx context.Context) error {
		cfg, err := env.ParseAs[config]()
		if err != nil {
			return err
		}
		return serve(ctx, cfg)
	})
}

// serve runs the service until ctx ends.
func serve(ctx context.Context, cfg config) (err error) {
	stop, err := telemetry.Start(ctx, telemetry.LogOptions{Service: name, Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return err
	}
	defer stop()
	identity, err := pkgrpc.LoadIdentity(cfg.TLSDir)
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{Context: name, MaxConns: cfg.DatabaseConns, BackgroundConns: backgroundConns})
	if err != nil {
		return err
	}
	defer pool.Close()
	directory, err := pkgrpc.Dial(identity, "discovery", cfg.DiscoveryAddr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, directory.Close()) }()
	metrics := telemetry.NewMetrics()
	server, err := pkgrpc.NewServer(identity, pkgrpc.WithReflection(cfg.Reflection), pkgrpc.WithMetrics(metrics))
	if err != nil {
		return err
	}
	parts := register(server, pool, directory, time.Now)
	calls, err := server.Listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	admin, err := run.AdminServer(ctx, cfg.AdminListen, metrics.Handler(), run.Check{Name: "database", Test: pool.Ping})
	if err != nil {
		return err
	}
	var group run.Group
	group.Add(admin)
	group.Add(run.Server{Name: "sweeper", Serve: func(ctx context.Context) error { return sweep(ctx, parts.sweeper) }})
	group.Add(run.Server{Name: "listener", Serve: func(ctx context.Context) error { return listen(ctx, pool, parts.bell) }})
	group.Add(calls)
	return group.Run(ctx)
}

// parts are what runs beside the server.
type parts struct {
	bell    *mapping.Bell
	sweeper *mapping.Sweeper
}

// register wires the service's parts together and adds its methods to a server.
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

// sweep erases now and then until ctx ends. What fails is tried again at the next
// turn.
func sweep(ctx context.Context, sweeper *mapping.Sweeper) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := sweeper.Sweep(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "sweeping failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// listen rings the bell whenever the database tells of effects, until ctx ends.
// While the database is away, those who wait look for themselves.
func listen(ctx context.Context, pool *pg.Pool, bell *mapping.Bell) error {
	tick := time.NewTicker(listenAgain)
	defer tick.Stop()
	for {
		err := pg.Listen(ctx, pool, postgres.EffectsChannel, bell.Ring, func(string) { bell.Ring() })
		if ctx.Err() != nil {
			return nil
		}
		slog.WarnContext(ctx, "not told of effects", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// newUUID is a UUIDv7. It panics when the system has no random numbers left.
func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() string { return newUUID().String() }
