// Package assembly wires the worker together.
package assembly

import (
	"context"
	"log/slog"
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

// Config is all that the process takes from its environment.
type Config struct {
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

// conns are the connections to other services. The worker originates calls on them: it signs
// which tenant each is for.
type conns struct {
	connection, discovery, mapping, engine, reconciliation *grpc.ClientConn
}

// Start wires the process together; for service.Main. Effects and the sweeper stop before the
// worker of activities.
func Start(ctx context.Context, s *service.Service, c Config) error {
	dial := func(name, address string) *grpc.ClientConn { return s.Dial(name, address, rpc.WithOriginator(0)) }
	to := conns{
		connection: dial("connection", c.ConnectionAddr), discovery: dial("discovery", c.DiscoveryAddr), mapping: dial("mapping", c.MappingAddr),
		engine: dial("sync-engine", c.SyncEngineAddr), reconciliation: dial("reconciliation", c.ReconciliationAddr),
	}
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
	engine := syncenginev1.NewSyncEngineInternalServiceClient(to.engine)
	tickets := syncenginev1.NewTicketInternalServiceClient(to.engine)
	discovery := discoveryv1.NewDiscoveryInternalServiceClient(to.discovery)
	attributes := temporal.NewAttributes(orchestrator, c.Temporal.Namespace)
	runs := peers.NewRuns(engine, tickets)
	workflows := temporal.NewWorkflows(orchestrator, temporal.TaskQueue, workflow.Limits{}, attributes, payloads)
	schedules := temporal.NewSchedules(orchestrator, temporal.TaskQueue, attributes, payloads)
	start := orchestration.NewStart(runs, workflows)
	activities := activity.New(activity.Clients{Engine: engine, Tickets: tickets, Discovery: discovery}, start, activity.Pace{})
	worker := temporal.NewWorker(orchestrator, temporal.TaskQueue, activities, c.Version)
	s.Uses("temporal", worker.Ready, orchestrator.Close)
	s.Background(run.Server{Name: "worker", Serve: worker.Serve, Stop: worker.Stop})

	source := orchestration.NewScheduleSource(
		peers.NewSyncSchedules(syncenginev1.NewScheduleInternalServiceClient(to.engine)),
		peers.NewConnections(connectionv1.NewConnectionInternalServiceClient(to.connection)),
	)
	apply := orchestration.NewApplySchedule(source, schedules)
	recurring(s, orchestration.NewSweep(runs, workflows), orchestration.NewReconcileSchedules(source, apply))
	pullEffects(s, to, orchestration.NewPerform(start, runs, workflows, peers.NewLinks(engine), apply))

	methods := api.New(api.UseCases{
		Start: start, Discover: orchestration.NewDiscover(start, workflows, peers.NewDiscoveries(discovery)),
		Describe: orchestration.NewDescribe(workflows), Schedule: orchestration.NewDescribeSchedule(schedules),
		Cancel: orchestration.NewCancel(runs, workflows),
	})
	orchestrationv1.RegisterOrchestrationServiceServer(s.Server(), methods)
	orchestrationv1.RegisterOrchestrationInternalServiceServer(s.Server(), methods)
	orchestrationv1.RegisterScheduleInternalServiceServer(s.Server(), methods)
	return nil
}

// recurring adds what is done at intervals.
func recurring(s *service.Service, sweep *orchestration.Sweep, schedules *orchestration.ReconcileSchedules) {
	s.Every("sweeper", sweepEvery, func(ctx context.Context) error {
		closed, err := sweep.Do(ctx, time.Now())
		if closed > 0 {
			slog.InfoContext(ctx, "closed runs without a workflow", "runs", closed)
		}
		return err
	})
	s.Every("schedules", reconcileEvery, schedules.Do)
}

// pullEffects performs the effects of each service that has an outbox.
func pullEffects(s *service.Service, to conns, perform *orchestration.Perform) {
	feed := peers.NewFeed(syncenginev1.NewFeedInternalServiceClient(to.engine))
	erasures := peers.NewErasures(syncenginev1.NewPersonInternalServiceClient(to.engine))
	finish := orchestration.NewFinishDecision(peers.NewQueue(reconciliationv1.NewDecisionInternalServiceClient(to.reconciliation)))
	for _, of := range []struct {
		service string
		conn    *grpc.ClientConn
		perform orchestration.Performer
	}{
		{"connection", to.connection, perform},
		{"mapping", to.mapping, orchestration.NewAppendToFeed(feed, perform)},
		{"sync-engine", to.engine, orchestration.NewFinishErasure(erasures, perform)},
		{"reconciliation", to.reconciliation, orchestration.NewAppendToFeed(feed, finish)},
	} {
		s.Go("effects of "+of.service, effects.New(of.service, of.conn, of.perform).Serve)
	}
}
