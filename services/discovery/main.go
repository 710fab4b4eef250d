// The discovery service finds the managed tenants of an MSP and keeps what is
// known of them.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	pkgrpc "github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/telemetry"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/connection"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres"
	"github.com/entrasync/entrasync/services/discovery/internal/rpc"
)

const name = "discovery"

// config is all that the process takes from its environment.
type config struct {
	Listen         string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:7102"`
	AdminListen    string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:7202"`
	DatabaseURL    string `env:"ENTRASYNC_DATABASE_URL,required,notEmpty,unset"`
	TLSDir         string `env:"ENTRASYNC_TLS_DIR,required,notEmpty"`
	DatabaseConns  int32  `env:"ENTRASYNC_DATABASE_CONNS" envDefault:"4"`
	ConnectionAddr string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	LogLevel       string `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`
	LogFormat      string `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"`
	Reflection     bool   `env:"ENTRASYNC_REFLECTION"`
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
	pool, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{Context: "discovery", MaxConns: cfg.DatabaseConns})
	if err != nil {
		return err
	}
	defer pool.Close()
	directory, err := pkgrpc.Dial(identity, "connection", cfg.ConnectionAddr)
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
	group.Add(calls)
	return group.Run(ctx)
}

// register wires the service's parts together and adds its methods to a server.
func register(server grpc.ServiceRegistrar, pool *pg.Pool, directory grpc.ClientConnInterface, now func() time.Time) {
	store := postgres.NewStore(pool)
	viewer := discovery.NewViewer(store, now)
	partner := connection.NewPartner(directory)
	runner := discovery.NewRunner(partner, store, now, newID)
	discoveryv1.RegisterDiscoveryServiceServer(server, rpc.NewPublic(viewer, discovery.NewRepairer(partner, runner, store)))
	discoveryv1.RegisterDiscoveryInternalServiceServer(server, rpc.NewInternal(runner, viewer))
}

// newID is a UUIDv7. It panics when the system has no random numbers left.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
