package rpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peers"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/rpc"
)

// began is when what the port knows began.
var began = time.Unix(1_700_000_000, 0)

// orchestrator is the port of workflows in memory.
type orchestrator struct {
	cancelled []string
	jobs      []orchestration.Job
	down      bool
	found     orchestration.Found
}

func (o *orchestrator) Start(_ context.Context, job orchestration.Job) (string, error) {
	if o.down {
		return "", errors.New("connection refused")
	}
	o.jobs = append(o.jobs, job)
	return "execution", nil
}

func (o *orchestrator) AwaitDiscovery(context.Context, string, string) (orchestration.Found, error) {
	return o.found, nil
}

func (o *orchestrator) Describe(_ context.Context, _ string) (orchestration.Execution, error) {
	if o.down {
		return orchestration.Execution{}, errors.New("connection refused")
	}
	return orchestration.Execution{State: "running", StartedAt: &began}, nil
}

func (o *orchestrator) Put(context.Context, orchestration.Recurring, orchestration.Plan) error {
	return nil
}

func (o *orchestrator) Schedule(ctx context.Context, _ orchestration.Recurring) (orchestration.ScheduleState, error) {
	if o.down {
		return orchestration.ScheduleState{}, errors.New("connection refused")
	}
	if id, err := tenant.IDFrom(ctx); err != nil || id != "msp-1" {
		return orchestration.ScheduleState{}, err
	}
	return orchestration.ScheduleState{
		Exists: true, Plan: orchestration.Plan{Every: time.Hour, Reason: orchestration.ReasonQuarantined}, NextRunAt: &began,
	}, nil
}

func (o *orchestrator) Cancel(context.Context, string, time.Time) error { return nil }
func (o *orchestrator) CancelRun(_ context.Context, workflowID, runID string) error {
	if o.down {
		return errors.New("connection refused")
	}
	o.cancelled = append(o.cancelled, workflowID+" "+runID)
	return nil
}

// bundle is the API as the gateway reaches it.
type bundle struct {
	ctx          context.Context
	orchestrator *orchestrator
	engine       *peertest.Engine
	api          orchestrationv1.OrchestrationServiceClient
	internal     orchestrationv1.OrchestrationInternalServiceClient
	schedules    orchestrationv1.ScheduleInternalServiceClient
}

func setup(t *testing.T) *bundle {
	t.Helper()
	network := rpctest.New(t)
	b := &bundle{
		orchestrator: &orchestrator{}, engine: peertest.NewEngine(peertest.Groups(1, 1), nil),
		ctx: tenant.With(t.Context(), tenant.Call{Tenant: "msp-1", Actor: tenant.Actor{ID: "u", Type: "user"}}),
	}
	runs := peers.NewRuns(b.engine.Client(t, network), b.engine.Tickets(t, network))
	start := orchestration.NewStart(runs, b.orchestrator)
	server := rpc.New(rpc.UseCases{
		Start:    start,
		Discover: orchestration.NewDiscover(start, b.orchestrator, peers.NewDiscoveries((&peertest.Discovery{}).Client(t, network))),
		Describe: orchestration.NewDescribe(b.orchestrator), Schedule: orchestration.NewDescribeSchedule(b.orchestrator),
		Cancel: orchestration.NewCancel(runs, b.orchestrator),
	})
	address := network.Serve("worker", func(r grpc.ServiceRegistrar) {
		orchestrationv1.RegisterOrchestrationServiceServer(r, server)
		orchestrationv1.RegisterOrchestrationInternalServiceServer(r, server)
		orchestrationv1.RegisterScheduleInternalServiceServer(r, server)
	})
	conn := network.Dial("gateway", "worker", address)
	b.api = orchestrationv1.NewOrchestrationServiceClient(conn)
	b.internal = orchestrationv1.NewOrchestrationInternalServiceClient(conn)
	b.schedules = orchestrationv1.NewScheduleInternalServiceClient(conn)
	return b
}

func TestCancelRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.api.StartSync(b.ctx, &orchestrationv1.StartSyncRequest{Scope: "all-tenants"})
	require.NoError(t, err)
	dry, err := b.api.StartPreflight(b.ctx, &orchestrationv1.StartPreflightRequest{Scope: "all-tenants"})
	require.NoError(t, err)
	for range 2 {
		res, err := b.api.CancelRun(b.ctx, &orchestrationv1.CancelRunRequest{RunId: first.GetRunId()})
		require.NoError(t, err)
		require.Equal(t, "cancelled", res.GetState())
	}
	require.Equal(t, first.GetWorkflowId()+" "+first.GetRunId(), b.orchestrator.cancelled[0])
	require.Equal(t, "cancelled", b.engine.Run(first.GetRunId()).State)
	require.Equal(t, "queued", b.engine.Run(dry.GetRunId()).State, "no other run")
	b.orchestrator.down = true
	_, err = b.api.CancelRun(b.ctx, &orchestrationv1.CancelRunRequest{RunId: dry.GetRunId()})
	require.NoError(t, err, "rounds stop at what the database says")
	require.Equal(t, "cancelled", b.engine.Run(dry.GetRunId()).State)
}

func TestStartPreflight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sync, err := b.api.StartSync(b.ctx, &orchestrationv1.StartSyncRequest{Scope: "all-tenants"})
	require.NoError(t, err)
	dry, err := b.api.StartPreflight(b.ctx, &orchestrationv1.StartPreflightRequest{Scope: "all-tenants"})
	require.NoError(t, err)
	require.Equal(t, sync.GetWorkflowId()+":preflight", dry.GetWorkflowId())
	require.NotEqual(t, sync.GetRunId(), dry.GetRunId())
	require.False(t, dry.GetJoined(), "a dry run joins no sync")
	again, err := b.api.StartPreflight(b.ctx, &orchestrationv1.StartPreflightRequest{Scope: "all-tenants"})
	require.NoError(t, err)
	require.True(t, again.GetJoined())
	_, err = b.api.StartPreflight(b.ctx, &orchestrationv1.StartPreflightRequest{Scope: "single-client"})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
}

func TestStartSync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	clientID := "c0"
	res, err := b.api.StartSync(b.ctx, &orchestrationv1.StartSyncRequest{Scope: "single-client", ClientId: &clientID})
	require.NoError(t, err)
	require.Equal(t, "entra-client-sync:msp-1:c0", res.GetWorkflowId())
	require.False(t, res.GetJoined())
	require.Equal(t, []orchestration.Job{{
		Kind: orchestration.ClientSync, TenantID: "msp-1", RunID: res.GetRunId(), WorkflowID: res.GetWorkflowId(), ClientID: "c0", Ticket: peertest.TicketOf("msp-1", res.GetRunId()),
		Urgency: orchestration.Awaited,
	}}, b.orchestrator.jobs)
	again, err := b.api.StartSync(b.ctx, &orchestrationv1.StartSyncRequest{Scope: "single-client", ClientId: &clientID})
	require.NoError(t, err)
	require.True(t, again.GetJoined())
	require.Equal(t, res.GetRunId(), again.GetRunId())

	for name, req := range map[string]*orchestrationv1.StartSyncRequest{
		"no scope": {}, "unknown scope": {Scope: "universe"}, "no target": {Scope: "single-client"},
		"a target too many": {Scope: "initial", ClientId: &clientID},
	} {
		_, err := b.api.StartSync(b.ctx, req)
		require.Equal(t, "request_invalid", errs.ReasonOf(err), name)
	}
	_, err = b.api.StartSync(t.Context(), &orchestrationv1.StartSyncRequest{Scope: "initial"})
	require.Equal(t, errs.Unauthenticated, errs.KindOf(err))
}

func TestStartSyncWithoutAnOrchestrator(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.orchestrator.down = true
	_, err := b.api.StartSync(b.ctx, &orchestrationv1.StartSyncRequest{Scope: "initial"})
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	require.Equal(t, "orchestrator_unavailable", errs.ReasonOf(err))
	b.orchestrator.down = false
	res, err := b.api.StartSync(b.ctx, &orchestrationv1.StartSyncRequest{Scope: "initial"})
	require.NoError(t, err)
	require.False(t, res.GetJoined(), "the run that was not taken is closed")
}

func TestStartDiscovery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.orchestrator.found = orchestration.Found{State: "completed", Discovered: 12}
	res, err := b.api.StartDiscovery(b.ctx, &orchestrationv1.StartDiscoveryRequest{})
	require.NoError(t, err)
	require.Equal(t, "completed", res.GetState())
	require.EqualValues(t, 12, res.GetDiscoveredTenantCount())
	require.Equal(t, "Contoso", res.GetUnreadable()[0].GetDisplayName())
	require.Equal(t, "consent_missing", res.GetUnreadable()[0].GetCode())

	b.orchestrator.found = orchestration.Found{State: "failed", Code: "not_connected"}
	res, err = b.api.StartDiscovery(b.ctx, &orchestrationv1.StartDiscoveryRequest{})
	require.NoError(t, err)
	require.Equal(t, "failed", res.GetState())
	require.Equal(t, "not_connected", res.GetError().GetCode())
	require.NotEmpty(t, res.GetError().GetMessage())
	require.Nil(t, res.DiscoveredTenantCount)
}

func TestDescribeWorkflow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.internal.DescribeWorkflow(b.ctx, &orchestrationv1.DescribeWorkflowRequest{WorkflowId: "entra-discovery:msp-1"})
	require.NoError(t, err)
	require.Equal(t, "running", res.GetState())
	require.NotNil(t, res.GetStartedAt())
	require.Nil(t, res.GetClosedAt())
	_, err = b.internal.DescribeWorkflow(b.ctx, &orchestrationv1.DescribeWorkflowRequest{WorkflowId: "entra-discovery:msp-2"})
	require.Equal(t, errs.NotFound, errs.KindOf(err))
	b.orchestrator.down = true
	_, err = b.internal.DescribeWorkflow(b.ctx, &orchestrationv1.DescribeWorkflowRequest{WorkflowId: "entra-discovery:msp-1"})
	require.Equal(t, "orchestrator_unavailable", errs.ReasonOf(err))
}

func TestDescribeSchedule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.schedules.DescribeSchedule(b.ctx, &orchestrationv1.DescribeScheduleRequest{})
	require.NoError(t, err)
	require.True(t, res.GetExists())
	require.EqualValues(t, 60, res.GetIntervalMinutes())
	require.Equal(t, "quarantined", res.GetPausedReason())
	require.EqualValues(t, 1_700_000_000, res.GetNextRunAt().GetSeconds())
	b.orchestrator.down = true
	_, err = b.schedules.DescribeSchedule(b.ctx, &orchestrationv1.DescribeScheduleRequest{})
	require.Equal(t, "orchestrator_unavailable", errs.ReasonOf(err))
}
