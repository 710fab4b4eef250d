// Command worker executes the background work: workflows, activities, effects of committed
// changes, and the API that starts and describes runs.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/activity"
	"github.com/entrasync/entrasync/services/worker/internal/effects"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peers"
	api "github.com/entrasync/entrasync/services/worker/internal/rpc"
	"github.com/entrasync/entrasync/services/worker/internal/temporal"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// sweepEvery is how often runs without a workflow are looked for.
const sweepEvery = 30 * time.Second

// reconcileEvery is how often all schedules are compared with what tenants want, beside the effects
// that change them at once.
const reconcileEvery = time.Hour

// config is all that the process takes from its environment.
type config struct {
	service.Config
	ConnectionAddr     string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	DiscoveryAddr      string `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
	MappingAddr        string `env:"ENTRASYNC_MAPPING_ADDR" envDefault:"127.0.0.1:7103"`
	SyncEngineAddr     string `env:"ENTRASYNC_SYNC_ENGINE_ADDR" envDefault:"127.0.0.1:7104"`
	ReconciliationAddr string `env:"ENTRASYNC_RECONCILIATION_ADDR" envDefault:"127.0.0.1:7105"`
	Temporal           temporal.Connection
	Version            temporal.Version
	Codec              temporal.Codec
}

// defaults are the configuration without any variable.
var defaults = config{Config: service.Config{Listen: "127.0.0.1:7106", AdminListen: "127.0.0.1:7206"}}

func main() {
	if len(os.Args) > 1 {
		run.Main("worker", func(ctx context.Context) error { return operate(ctx, os.Args[1:], os.Stdout) })
	}
	service.Main("worker", defaults, start)
}

// start wires the process together. Effects and the sweeper stop before the worker of activities.
func start(ctx context.Context, s *service.Service, c config) error {
	dial := func(name, address string) *grpc.ClientConn { return s.Dial(name, address, rpc.WithOriginator(0)) }
	connectionConn, engineConn := dial("connection", c.ConnectionAddr), dial("sync-engine", c.SyncEngineAddr)
	engine := syncenginev1.NewSyncEngineInternalServiceClient(engineConn)
	discovery := discoveryv1.NewDiscoveryInternalServiceClient(dial("discovery", c.DiscoveryAddr))
	payloads, err := c.Temporal.Payloads()
	if err != nil {
		return err
	}
	orchestrator, err := temporal.Dial(c.Temporal, payloads)
	if err != nil {
		return err
	}
	if c.Codec.On() {
		codec, err := c.Codec.Server(ctx, c.Temporal)
		if err != nil {
			return err
		}
		s.Serve(codec)
	}
	tickets := syncenginev1.NewTicketInternalServiceClient(engineConn)
	attributes := temporal.NewAttributes(orchestrator, c.Temporal.Namespace)
	runs, workflows := peers.NewRuns(engine, tickets), temporal.NewWorkflows(orchestrator, temporal.TaskQueue, workflow.Limits{}, attributes, payloads)
	startRun := orchestration.NewStart(runs, workflows)
	worker := temporal.NewWorker(orchestrator, temporal.TaskQueue, activity.New(activity.Clients{Engine: engine, Tickets: tickets, Discovery: discovery}, startRun, activity.Pace{}), c.Version)
	s.Uses("temporal", worker.Ready, orchestrator.Close)
	s.Background(run.Server{Name: "worker", Serve: worker.Serve, Stop: worker.Stop})

	sweep := orchestration.NewSweep(runs, workflows, peers.EnterTenant)
	s.Every("sweeper", sweepEvery, func(ctx context.Context) error {
		closed, err := sweep.Do(ctx, time.Now())
		if closed > 0 {
			slog.InfoContext(ctx, "closed runs without a workflow", "runs", closed)
		}
		return err
	})
	wishes := peers.NewSchedules(syncenginev1.NewScheduleInternalServiceClient(engineConn), connectionv1.NewConnectionInternalServiceClient(connectionConn))
	schedules := temporal.NewSchedules(orchestrator, temporal.TaskQueue, attributes, payloads)
	applySchedule := orchestration.NewApplySchedule(wishes, schedules)
	s.Every("schedules", reconcileEvery, orchestration.NewReconcileSchedules(wishes, applySchedule, peers.EnterTenant).Do)
	perform := orchestration.NewPerform(startRun, runs, workflows, peers.NewLinks(engine), applySchedule)
	feed := peers.NewFeed(syncenginev1.NewFeedInternalServiceClient(engineConn))
	s.Go("effects of connection", effects.New("connection", connectionConn, perform).Serve)
	s.Go("effects of mapping", effects.New("mapping", dial("mapping", c.MappingAddr), orchestration.NewTellFeed(feed, perform)).Serve)
	ofEngine := orchestration.NewEngine(perform, peers.NewErasures(syncenginev1.NewPersonInternalServiceClient(engineConn)))
	s.Go("effects of sync-engine", effects.New("sync-engine", engineConn, ofEngine).Serve)
	queueConn := dial("reconciliation", c.ReconciliationAddr)
	finish := orchestration.NewFinishDecision(peers.NewQueue(reconciliationv1.NewDecisionInternalServiceClient(queueConn)))
	s.Go("effects of reconciliation", effects.New("reconciliation", queueConn, orchestration.NewTellFeed(feed, finish)).Serve)

	methods := api.New(api.UseCases{
		Start: startRun, Discover: orchestration.NewDiscover(startRun, workflows, peers.NewDiscoveries(discovery)),
		Describe: orchestration.NewDescribe(workflows), Schedule: orchestration.NewDescribeSchedule(schedules),
		Cancel: orchestration.NewCancel(runs, workflows),
	})
	orchestrationv1.RegisterOrchestrationServiceServer(s.Server(), methods)
	orchestrationv1.RegisterOrchestrationInternalServiceServer(s.Server(), methods)
	orchestrationv1.RegisterScheduleInternalServiceServer(s.Server(), methods)
	return nil
}
