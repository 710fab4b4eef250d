package temporal

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/activity"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peers"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

const (
	addressVariable = "ENTRASYNC_TEST_TEMPORAL_ADDR"
	namespace       = "entrasync-test"
	mostWait        = 2 * time.Minute
)

// How often at most the activities of a worker send a heartbeat. The SDK gives a heartbeat as long to
// arrive, a second at least; one that does not arrive cancels the try, and there is another.
const (
	// rarely leaves a heartbeat half of the time after which Temporal takes a worker for dead: no try of a
	// busy machine is lost. Nor do heartbeats hold up what waits for the lock of their workflow: the task
	// that brings the list of workflows up to date is put off after each.
	rarely = 10 * time.Second
	// often is for tests that cancel, whatever the number of tries: a cancellation arrives with a heartbeat.
	often = 100 * time.Millisecond
)

// inClear is how Temporal keeps what has no key.
var inClear = Payloads(nil, "")

// quick makes activities wait as little as possible.
var quick = activity.Pace{
	Beat: 100 * time.Millisecond, UpstreamFirst: 5 * time.Millisecond, UpstreamMost: 20 * time.Millisecond,
	OwnFirst: 5 * time.Millisecond, OwnMost: 50 * time.Millisecond, Busy: 5 * time.Millisecond, Quick: 2 * time.Second,
}

// bundle is a worker on a real Temporal with a task queue and a tenant of its own, and fakes of
// the services that it calls.
type bundle struct {
	t         *testing.T
	ctx       context.Context
	tenant    string
	queue     string
	client    client.Client
	engine    *peertest.Engine
	discovery *peertest.Discovery
	acts      *activity.Activities
	runs      *peers.Runs
	links     *peers.Links
	workflows *Workflows
	start     *orchestration.Start
	discover  *orchestration.Discover

	payloads   converter.DataConverter
	atOnce     int           // activities of the worker; 0: many
	beatAtMost time.Duration // how often at most its activities send a heartbeat
	connection *peertest.Connection
	source     *orchestration.ScheduleSource
	schedules  *Schedules
	apply      *orchestration.ApplySchedule
}

func setup(t *testing.T, groups []*syncenginev1.ClientTenants, round peertest.Round, limits workflow.Limits) *bundle {
	t.Helper()
	return setupWith(t, groups, round, limits, inClear)
}

func setupWith(t *testing.T, groups []*syncenginev1.ClientTenants, round peertest.Round, limits workflow.Limits, payloads converter.DataConverter) *bundle {
	t.Helper()
	id := "t-" + uuid.NewString()[:13]
	b := &bundle{
		t: t, tenant: id, queue: "test-" + id, client: dial(t, payloads), payloads: payloads,
		engine: peertest.NewEngine(groups, round), discovery: &peertest.Discovery{}, connection: &peertest.Connection{},
		beatAtMost: rarely,
		ctx:        tenant.With(t.Context(), tenant.Call{Tenant: tenant.ID(id), Actor: tenant.Actor{ID: "user-1", Type: "user"}}),
	}
	network := rpctest.New(t)
	engine, discovery := b.engine.Client(t, network), b.discovery.Client(t, network)
	tickets := b.engine.Tickets(t, network)
	attributes := registered(t, b.client)
	b.runs, b.links = peers.NewRuns(engine, tickets), peers.NewLinks(engine)
	b.workflows, b.schedules = NewWorkflows(b.client, b.queue, limits, attributes, b.payloads), NewSchedules(b.client, b.queue, attributes, b.payloads)
	b.start = orchestration.NewStart(b.runs, b.workflows)
	b.acts = activity.New(activity.Clients{Engine: engine, Tickets: tickets, Discovery: discovery}, b.start, quick)
	b.source = orchestration.NewScheduleSource(peers.NewSyncSchedules(b.engine.Schedules(t, network)), peers.NewConnections(b.connection.Client(t, network)))
	b.apply = orchestration.NewApplySchedule(b.source, b.schedules)
	b.discover = orchestration.NewDiscover(b.start, b.workflows, peers.NewDiscoveries(discovery))
	return b
}

func dial(t *testing.T, payloads converter.DataConverter) client.Client {
	t.Helper()
	address := os.Getenv(addressVariable)
	require.NotEmpty(t, address, addressVariable+" must name a Temporal server, for example 127.0.0.1:7233; the test environment sets it")
	c, err := Dial(Connection{Address: address, Namespace: namespace}, payloads)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), mostWait)
	defer cancel()
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if exists := new(serviceerror.NamespaceAlreadyExists); err != nil {
		require.ErrorAs(t, err, &exists)
	}
	return c
}

// registered has the namespace know the search attributes.
func registered(t *testing.T, c client.Client) *Attributes {
	t.Helper()
	attributes := NewAttributes(c, namespace)
	registering.Do(func() {
		ctx, cancel := context.WithTimeout(t.Context(), mostWait)
		defer cancel()
		require.NoError(t, attributes.Register(ctx))
		require.True(t, attributes.Known(ctx))
	})
	return attributes
}

var registering sync.Once

// work runs a worker until stop is called or the test ends.
func (b *bundle) work() (stop func()) {
	b.t.Helper()
	return b.workAs(Version{})
}

// workAs runs a worker of a version.
func (b *bundle) workAs(version Version) (stop func()) {
	b.t.Helper()
	w := NewWorker(b.client, b.queue, b.acts, version)
	w.atOnce = b.atOnce
	w.beatAtMost = b.beatAtMost
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(b.t, <-ended)
	}
	b.t.Cleanup(stop)
	b.eventually(func() bool { return w.Ready(b.ctx) == nil })
	return stop
}

// received is the next value of the channel. The test fails where none comes, and does not wait for the
// bound of the whole package.
func received[T any](b *bundle, from <-chan T) (value T) {
	b.t.Helper()
	select {
	case value = <-from:
	case <-time.After(mostWait):
		require.FailNow(b.t, "nothing came")
	}
	return value
}

// eventually polls until the condition holds.
func (b *bundle) eventually(condition func() bool) {
	b.t.Helper()
	require.Eventually(b.t, condition, mostWait, 20*time.Millisecond)
}

// answered asks Temporal until it answers in time. Its client ends a call after 10 s, which a busy machine
// may need; those who call the product's code try again then, too.
func answered[T any](b *bundle, ask func() (T, error)) (answer T) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, mostWait)
	defer cancel()
	for {
		answer, err := ask()
		late := new(serviceerror.DeadlineExceeded)
		if ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late)) {
			continue
		}
		require.NoError(b.t, err)
		return answer
	}
}

// started starts a run.
func (b *bundle) started(run orchestration.NewRun) orchestration.Started {
	b.t.Helper()
	run.Trigger = orchestration.TriggerManual
	started, err := b.start.Do(b.ctx, run)
	require.NoError(b.t, err)
	return started
}

// synced waits for the end of a sync's workflow.
func (b *bundle) synced(started orchestration.Started) workflow.SyncOutput {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, mostWait)
	defer cancel()
	var out workflow.SyncOutput
	require.NoError(b.t, b.client.GetWorkflow(ctx, started.WorkflowID, "").Get(ctx, &out))
	return out
}

// performer does effects with these workflows.
func (b *bundle) performer(workflows *Workflows) *orchestration.Perform {
	return orchestration.NewPerform(orchestration.NewStart(b.runs, workflows), b.runs, workflows, b.links, b.apply)
}
