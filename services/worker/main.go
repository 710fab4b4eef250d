// Command worker executes the background work: workflows, activities, effects of committed
// changes, and the API that starts and describes runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caarlos0/env/v11"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/telemetry"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/activity"
	"github.com/entrasync/entrasync/services/worker/internal/effects"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peers"
	service "github.com/entrasync/entrasync/services/worker/internal/rpc"
	"github.com/entrasync/entrasync/services/worker/internal/temporal"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

const name = "worker"

// sweepEvery is how often runs without a workflow are looked for.
const sweepEvery = 30 * time.Second

// config is the whole of the environment that this process reads.
type config struct {
	Listen            string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:7106"`
	AdminListen       string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:7206"`
	TLSDir            string `env:"ENTRASYNC_TLS_DIR,required"`
	ConnectionAddr    string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	DiscoveryAddr     string `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
	MappingAddr       string `env:"ENTRASYNC_MAPPING_ADDR" envDefault:"127.0.0.1:7103"`
	SyncEngineAddr    string `env:"ENTRASYNC_SYNC_ENGINE_ADDR" envDefault:"127.0.0.1:7104"`
	TemporalAddr      string `env:"ENTRASYNC_TEMPORAL_ADDR" envDefault:"127.0.0.1:7233"`
	TemporalNamespace string `env:"ENTRASYNC_TEMPORAL_NAMESPACE" envDefault:"entrasync"`
	LogLevel          string `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`
	LogFormat         string `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"`
	Reflection        bool   `env:"ENTRASYNC_REFLECTION"`
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
	peer, err := dial(identity, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = peer.close() }()
	orchestrator, err := temporal.Dial(cfg.TemporalAddr, cfg.TemporalNamespace)
	if err != nil {
		return err
	}
	defer orchestrator.Close()
	group, err := assemble(ctx, cfg, identity, peer, orchestrator)
	if err != nil {
		return err
	}
	return group.Run(ctx)
}

// connections are those to the peers; each call carries its tenant and actor.
type connections struct {
	connection, discovery, mapping, engine *grpc.ClientConn
}

func dial(identity *rpc.Identity, cfg config) (connections, error) {
	var c connections
	for _, peer := range []struct {
		name, address string
		conn          **grpc.ClientConn
	}{
		{"connection", cfg.ConnectionAddr, &c.connection},
		{"discovery", cfg.DiscoveryAddr, &c.discovery},
		{"mapping", cfg.MappingAddr, &c.mapping},
		{"sync-engine", cfg.SyncEngineAddr, &c.engine},
	} {
		conn, err := rpc.Dial(identity, peer.name, peer.address, rpc.WithOriginator(0))
		if err != nil {
			return c, errors.Join(err, c.close())
		}
		*peer.conn = conn
	}
	return c, nil
}

func (c connections) close() error {
	var err error
	for _, conn := range []*grpc.ClientConn{c.connection, c.discovery, c.mapping, c.engine} {
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	return err
}

// assemble puts the parts together. They stop in the reverse order: first what takes requests and
// effects, then the worker of activities under way.
func assemble(ctx context.Context, cfg config, identity *rpc.Identity, peer connections, orchestrator client.Client) (*run.Group, error) {
	engine := syncenginev1.NewSyncEngineInternalServiceClient(peer.engine)
	discovery := discoveryv1.NewDiscoveryInternalServiceClient(peer.discovery)
	runs := peers.NewRuns(engine)
	workflows := temporal.NewWorkflows(orchestrator, temporal.TaskQueue, workflow.Limits{})
	worker := temporal.NewWorker(orchestrator, temporal.TaskQueue, activity.New(engine, discovery, activity.Pace{}))
	start := orchestration.NewStart(runs, workflows)

	metrics := telemetry.NewMetrics()
	server, err := rpc.NewServer(identity, rpc.WithReflection(cfg.Reflection), rpc.WithMetrics(metrics))
	if err != nil {
		return nil, fmt.Errorf("making the server: %w", err)
	}
	api := service.New(service.UseCases{
		Start: start, Discover: orchestration.NewDiscover(start, workflows, peers.NewDiscoveries(discovery)),
		Describe: orchestration.NewDescribe(workflows),
	})
	orchestrationv1.RegisterOrchestrationServiceServer(server, api)
	orchestrationv1.RegisterOrchestrationInternalServiceServer(server, api)
	calls, err := server.Listen(ctx, cfg.Listen)
	if err != nil {
		return nil, err
	}
	admin, err := run.AdminServer(ctx, cfg.AdminListen, metrics.Handler(), run.Check{Name: "temporal", Test: worker.Ready})
	if err != nil {
		return nil, err
	}
	puller := effects.New(map[string]orchestrationv1.EffectServiceClient{
		"connection": orchestrationv1.NewEffectServiceClient(peer.connection),
		"mapping":    orchestrationv1.NewEffectServiceClient(peer.mapping),
	}, orchestration.NewPerform(start, runs, workflows, peers.NewLinks(engine)))
	sweeper := effects.NewSweeper(orchestration.NewSweep(runs, workflows, peers.EnterTenant), sweepEvery, time.Now)

	group := &run.Group{}
	group.Add(admin)
	group.Add(run.Server{Name: "worker", Serve: worker.Serve, Stop: worker.Stop})
	group.Add(run.Server{Name: "sweeper", Serve: sweeper.Serve})
	group.Add(run.Server{Name: "effects", Serve: puller.Serve})
	group.Add(calls)
	return group, nil
}
