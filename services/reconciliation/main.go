// Command reconciliation serves the queue of what a person must decide.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/telemetry"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
	service "github.com/entrasync/entrasync/services/reconciliation/internal/rpc"
)

const name = "reconciliation"

// config is the whole of the environment that this process reads.
type config struct {
	Listen        string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:7105"`
	AdminListen   string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:7205"`
	DatabaseURL   string `env:"ENTRASYNC_DATABASE_URL,required,unset"`
	DatabaseConns int32  `env:"ENTRASYNC_DATABASE_CONNS" envDefault:"4"`
	TLSDir        string `env:"ENTRASYNC_TLS_DIR,required"`
	LogLevel      string `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`
	LogFormat     string `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"`
	Reflection    bool   `env:"ENTRASYNC_REFLECTION"`
}

func main() { run.Main(name, serve) }

func serve(ctx context.Context) error {
	cfg, err := env.ParseAs[config]()
	if err != nil {
		return fmt.Errorf("reading the environment: %w", err)
	}
	stop, err := telemetry.Start(ctx, telemetry.LogOptions{Service: name, Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return err
	}
	defer stop()
	identity, err := rpc.LoadIdentity(cfg.TLSDir)
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{Context: postgres.Context, MaxConns: cfg.DatabaseConns})
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	defer pool.Close()
	metrics := telemetry.NewMetrics()
	server, err := rpc.NewServer(identity, rpc.WithReflection(cfg.Reflection), rpc.WithMetrics(metrics))
	if err != nil {
		return fmt.Errorf("making the server: %w", err)
	}
	store := postgres.New(pool)
	register(server, store)
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

func register(server *rpc.Server, store *postgres.Store) {
	newID := func() (string, error) {
		id, err := uuid.NewV7()
		return id.String(), err
	}
	s := service.New(service.UseCases{
		Push:     reconciliation.NewPush(store, newID, time.Now),
		Complete: reconciliation.NewComplete(store, time.Now),
		Follow:   reconciliation.NewFollow(store, time.Now),
		List:     reconciliation.NewList(store),
	})
	reconciliationv1.RegisterReconciliationServiceServer(server, s)
	reconciliationv1.RegisterReconciliationInternalServiceServer(server, s)
}
