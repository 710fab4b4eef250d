// The mapping service keeps the clients of an MSP and which managed tenant belongs
// to which of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
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

// config is all that the process takes from its environment.
type config struct {
	Listen        string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:7103"`
	AdminListen   string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:7203"`
	DatabaseURL   string `env:"ENTRASYNC_DATABASE_URL,required,notEmpty,unset"`
	TLSDir        string `env:"ENTRASYNC_TLS_DIR,required,notEmpty"`
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
	logger, err := telemetry.NewLogger(os.Stderr, telemetry.LogOptions{Service: name, Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return err
	}
	slog.SetDefault(logger)
	stopTracing, err := telemetry.StartTracing(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTracing(context.WithoutCancel(ctx))) }()
	identity, err := pkgrpc.LoadIdentity(cfg.TLSDir)
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{Context: name})
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
	register(server, pool, directory, time.Now)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	admin, err := run.AdminServer(ctx, cfg.AdminListen, metrics.Handler(), run.Check{Name: "database", Test: pool.Ping})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	slog.InfoContext(ctx, "serving", "address", cfg.Listen)
	var group run.Group
	group.Add(admin)
	group.Add(server.On("grpc", listener))
	return group.Run(ctx)
}

// register wires the service's parts together and adds its methods to a server.
func register(server grpc.ServiceRegistrar, pool *pg.Pool, conn grpc.ClientConnInterface, now func() time.Time) {
	store := postgres.NewStore(pool, newUUID)
	directory := discovery.NewDirectory(conn)
	lister := mapping.NewLister(directory, store)
	mappingv1.RegisterClientServiceServer(server, rpc.NewClients(lister, mapping.NewImporter(store, now, newID)))
	mappingv1.RegisterMappingServiceServer(server,
		rpc.NewMappings(mapping.NewPreviewer(directory, store), lister, mapping.NewConfirmer(directory, store, now)))
	mappingv1.RegisterMappingInternalServiceServer(server, rpc.NewInternal(lister, mapping.NewCreator(store, now, newID)))
	orchestrationv1.RegisterEffectServiceServer(server, rpc.NewEffects(mapping.NewEffects(store, now)))
}

// newUUID is a UUIDv7. It panics when the system has no random numbers left.
func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() string { return newUUID().String() }
