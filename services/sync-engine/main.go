// Command sync-engine serves contacts, sync runs and the rounds that bring Entra
// directories and contacts together.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/telemetry"
	"github.com/entrasync/entrasync/services/sync-engine/internal/directory"
	"github.com/entrasync/entrasync/services/sync-engine/internal/mapping"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/reconciliation"
	service "github.com/entrasync/entrasync/services/sync-engine/internal/rpc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

const name = "sync-engine"

// config is the whole of the environment that this process reads.
type config struct {
	Listen             string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:7104"`
	AdminListen        string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:7204"`
	DatabaseURL        string `env:"ENTRASYNC_DATABASE_URL,required,unset"`
	TLSDir             string `env:"ENTRASYNC_TLS_DIR,required"`
	ConnectionAddr     string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	MappingAddr        string `env:"ENTRASYNC_MAPPING_ADDR" envDefault:"127.0.0.1:7103"`
	ReconciliationAddr string `env:"ENTRASYNC_RECONCILIATION_ADDR" envDefault:"127.0.0.1:7105"`
	// Each round takes a connection of its own; the rest serve requests.
	DatabaseConns int32 `env:"ENTRASYNC_DATABASE_CONNS" envDefault:"18"`
	// Bounds of a round's statements: of those on some thousand rows, and of those on
	// the whole directory.
	RangeTimeout     time.Duration `env:"ENTRASYNC_ROUND_RANGE_TIMEOUT" envDefault:"1m"`
	DirectoryTimeout time.Duration `env:"ENTRASYNC_ROUND_DIRECTORY_TIMEOUT" envDefault:"5m"`
	LogLevel         string        `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`
	LogFormat        string        `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"`
	Reflection       bool          `env:"ENTRASYNC_REFLECTION"`
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
	pool, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{
		Context: postgres.Context, MaxConns: cfg.DatabaseConns, Writers: postgres.Writers(),
	})
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	defer pool.Close()
	metrics := telemetry.NewMetrics()
	server, err := rpc.NewServer(identity, rpc.WithReflection(cfg.Reflection), rpc.WithMetrics(metrics))
	if err != nil {
		return fmt.Errorf("making the server: %w", err)
	}
	peers, err := dial(identity, cfg)
	if err != nil {
		return err
	}
	defer peers.close(ctx)
	register(server, peers, postgres.New(pool, postgres.Timeouts{Range: cfg.RangeTimeout, Directory: cfg.DirectoryTimeout}))
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

// peers are the connections to the services that this one calls.
type peers struct{ connection, mapping, reconciliation *grpc.ClientConn }

func dial(identity *rpc.Identity, cfg config) (p peers, err error) {
	for _, peer := range []struct {
		name, address string
		conn          **grpc.ClientConn
	}{
		{"connection", cfg.ConnectionAddr, &p.connection},
		{"mapping", cfg.MappingAddr, &p.mapping},
		{"reconciliation", cfg.ReconciliationAddr, &p.reconciliation},
	} {
		if *peer.conn, err = rpc.Dial(identity, peer.name, peer.address); err != nil {
			p.close(context.Background())
			return peers{}, fmt.Errorf("reaching %s: %w", peer.name, err)
		}
	}
	return p, nil
}

func (p peers) close(ctx context.Context) {
	for _, conn := range []*grpc.ClientConn{p.connection, p.mapping, p.reconciliation} {
		if conn == nil {
			continue
		}
		if err := conn.Close(); err != nil {
			slog.WarnContext(ctx, "closing a connection", "error", err)
		}
	}
}

func register(server *rpc.Server, p peers, store *postgres.Store) {
	newID := func() (string, error) {
		id, err := uuid.NewV7()
		return id.String(), err
	}
	clients, queue := mapping.New(p.mapping), reconciliation.New(p.reconciliation)
	service.Register(server, service.UseCases{
		Contacts: syncengine.NewListContacts(store),
		Batch:    syncengine.NewBatchUpsert(store, clients, newID, time.Now),
		Runs:     syncengine.NewReadRuns(store, time.Now),
		Create:   syncengine.NewCreateRun(store, clients, newID, time.Now),
		Begin:    syncengine.NewBeginRun(store, clients, time.Now),
		Results:  syncengine.NewRunResults(store, time.Now),
		Sync:     syncengine.NewSyncTenant(store, directory.New(p.connection), clients, queue, time.Now),
		Revise:   syncengine.NewReviseMapping(store, queue, time.Now),
		Orphans:  syncengine.NewDecideOrphans(store, clients, time.Now),
	})
}
