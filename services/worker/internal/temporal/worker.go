package temporal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	activities "github.com/entrasync/entrasync/services/worker/internal/activity"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// TaskQueue is the one queue of all workers.
const TaskQueue = "entrasync"

const (
	// stopWait is how long activities have to return when the worker stops.
	stopWait = 10 * time.Second
	// beatAtMost is how often at most a heartbeat is sent; cancellations arrive with them.
	beatAtMost = 5 * time.Second
	// retryFirst and retryMost bound the wait before the next try to reach Temporal.
	retryFirst = 200 * time.Millisecond
	retryMost  = 5 * time.Second
)

// Dial makes a client that connects when it is first used, so that a process can start before
// Temporal does. Traces go along with workflows and activities.
func Dial(connection Connection, payloads converter.DataConverter) (client.Client, error) {
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		TextMapPropagator: propagation.TraceContext{}, DisableBaggage: true,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing traces: %w", err)
	}
	options := client.Options{
		Logger:        temporallog.NewStructuredLogger(slog.Default()),
		Interceptors:  []interceptor.ClientInterceptor{tracing},
		DataConverter: payloads,
	}
	if err := connection.apply(&options); err != nil {
		return nil, err
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("preparing the client: %w", err)
	}
	return c, nil
}

// Worker executes workflows and activities.
type Worker struct {
	client     client.Client
	queue      string
	activities *activities.Activities
	beatAtMost time.Duration
	atOnce     int // activities; 0: the SDK's default
	version    Version
	started    atomic.Bool
	stop       chan struct{}
}

// NewWorker makes a worker of the task queue.
func NewWorker(c client.Client, queue string, a *activities.Activities, version Version) *Worker {
	return &Worker{client: c, queue: queue, activities: a, beatAtMost: beatAtMost, version: version, stop: make(chan struct{})}
}

// Register puts every workflow and activity under its name.
func Register(r worker.Registry, a *activities.Activities) {
	for name, definition := range Workflow() {
		r.RegisterWorkflowWithOptions(definition, sdk.RegisterOptions{Name: name})
	}
	for name, definition := range Activity(a) {
		r.RegisterActivityWithOptions(definition, activity.RegisterOptions{Name: name})
	}
}

// Activity lists the activities by name.
func Activity(a *activities.Activities) map[string]any {
	return map[string]any{
		workflow.DiscoverTenants:         a.DiscoverTenants,
		workflow.LoadMappedTenants:       a.LoadMappedTenants,
		workflow.SyncTenantUsers:         a.SyncTenantUsers,
		workflow.SyncQuickTenants:        a.SyncQuickTenants,
		workflow.UpsertRun:               a.UpsertRun,
		workflow.FinaliseRun:             a.FinaliseRun,
		workflow.RecordTenantResult:      a.RecordTenantResult,
		workflow.StartScheduledSync:      a.StartScheduledSync,
		workflow.StartScheduledDiscovery: a.StartScheduledDiscovery,
	}
}

// Workflow lists the workflows by name.
func Workflow() map[string]any {
	return map[string]any{
		workflow.Discovery:      workflow.DiscoveryWorkflow,
		workflow.InitialSync:    workflow.InitialSyncWorkflow,
		workflow.AllTenantsSync: workflow.AllTenantsSyncWorkflow,
		workflow.ClientSync:     workflow.ClientSyncWorkflow,
		workflow.ScheduledSync:  workflow.ScheduledSyncWorkflow,

		workflow.ScheduledDiscovery: workflow.ScheduledDiscoveryWorkflow,
	}
}

// Serve works until Stop or until ctx ends. It waits for Temporal and its namespace with back-off;
// once started it tolerates outages of Temporal.
func (w *Worker) Serve(ctx context.Context) error {
	fatal := make(chan error, 1)
	running := w.start(ctx, fatal)
	if running == nil {
		return nil // stopped before it began
	}
	w.started.Store(true)
	slog.InfoContext(ctx, "taking tasks", "queue", w.queue)
	var err error
	select {
	case <-ctx.Done():
	case <-w.stop:
	case err = <-fatal:
	}
	w.started.Store(false)
	running.Stop()
	return err
}

// start tries until the worker runs; nil when it is to stop before.
func (w *Worker) start(ctx context.Context, fatal chan<- error) worker.Worker {
	for delay := retryFirst; ; delay = min(2*delay, retryMost) {
		candidate := worker.New(w.client, w.queue, worker.Options{
			DeploymentOptions: w.version.options(),
			WorkerStopTimeout: stopWait, MaxConcurrentActivityExecutionSize: w.atOnce, MaxHeartbeatThrottleInterval: w.beatAtMost, DefaultHeartbeatThrottleInterval: w.beatAtMost,
			OnFatalError: func(err error) {
				select {
				case fatal <- err:
				default:
				}
			},
		})
		Register(candidate, w.activities)
		err := candidate.Start()
		if err == nil {
			return candidate
		}
		slog.WarnContext(ctx, "waiting for Temporal", "error", err)
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-w.stop:
			timer.Stop()
			return nil
		}
	}
}

// Stop makes Serve return; activities under way are handed back for another worker.
func (w *Worker) Stop(context.Context) error {
	close(w.stop)
	return nil
}

// Ready reports that the worker takes tasks and Temporal answers.
func (w *Worker) Ready(ctx context.Context) error {
	if !w.started.Load() {
		return errors.New("the worker has not started")
	}
	if _, err := w.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("asking Temporal: %w", err)
	}
	return nil
}
