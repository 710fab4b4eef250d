// Package peers calls the services that store runs and discoveries.
package peers

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/tenant"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// Runs calls the sync engine's methods about runs.
type Runs struct {
	engine  syncenginev1.SyncEngineInternalServiceClient
	tickets syncenginev1.TicketInternalServiceClient
}

// NewRuns returns Runs on clients that sign each call's tenant and actor.
func NewRuns(engine syncenginev1.SyncEngineInternalServiceClient, tickets syncenginev1.TicketInternalServiceClient) *Runs {
	return &Runs{engine: engine, tickets: tickets}
}

// Create makes or joins a run; see orchestration.Runs.
func (r *Runs) Create(ctx context.Context, run orchestration.NewRun) (orchestration.Run, error) {
	res, err := r.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{
		Type: string(run.Kind), ClientId: run.ClientID, ManagedTenantId: run.ManagedTenantID, Trigger: run.Trigger,
		RunId: run.ID, DryRun: run.DryRun,
	})
	if err != nil {
		return orchestration.Run{}, err
	}
	return orchestration.Run{
		ID: res.GetRunId(), WorkflowID: res.GetWorkflowId(), ClientID: res.GetClientId(), Joined: res.GetJoined(), State: res.GetState(), Ticket: res.GetTicket(),
	}, nil
}

// Fail closes a run as failed; see orchestration.Runs.
func (r *Runs) Fail(ctx context.Context, runID string, problem orchestration.Problem) error {
	issued, err := r.tickets.IssueTicket(ctx, &syncenginev1.IssueTicketRequest{RunId: runID})
	if err != nil {
		return err
	}
	_, err = r.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{
		RunId: runID, State: orchestration.StateFailed, Ticket: issued.GetTicket(),
		Error: &syncenginev1.RunProblem{Code: problem.Code, Message: problem.Message, Remedy: problem.Remedy},
	})
	return err
}

// Cancel closes runs of the tenant; see orchestration.Runs.
func (r *Runs) Cancel(ctx context.Context, before time.Time) ([]string, error) {
	res, err := r.engine.CancelRuns(ctx, &syncenginev1.CancelRunsRequest{CreatedBefore: timestamppb.New(before)})
	return res.GetWorkflowIds(), err
}

// CancelOne closes an open run; see orchestration.CancelRuns.
func (r *Runs) CancelOne(ctx context.Context, runID string) ([]string, error) {
	res, err := r.engine.CancelRuns(ctx, &syncenginev1.CancelRunsRequest{RunId: runID})
	return res.GetWorkflowIds(), err
}

// Open lists runs that have not ended; see orchestration.Runs.
func (r *Runs) Open(ctx context.Context, before time.Time, after string, limit int) ([]orchestration.OpenRun, error) {
	res, err := r.engine.ListOpenRuns(ctx, &syncenginev1.ListOpenRunsRequest{
		Before: timestamppb.New(before), AfterRunId: after, PageSize: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	runs := make([]orchestration.OpenRun, 0, len(res.GetRuns()))
	for _, run := range res.GetRuns() {
		runs = append(runs, orchestration.OpenRun{TenantID: run.GetTenantId(), RunID: run.GetRunId(), WorkflowID: run.GetWorkflowId()})
	}
	return runs, nil
}

// Discoveries calls discovery for what it found.
type Discoveries struct {
	discovery discoveryv1.DiscoveryInternalServiceClient
}

// NewDiscoveries returns Discoveries on a client that signs each call's tenant
// and actor.
func NewDiscoveries(discovery discoveryv1.DiscoveryInternalServiceClient) *Discoveries {
	return &Discoveries{discovery: discovery}
}

// Unreadable lists what could not be read; see orchestration.Discoveries.
func (d *Discoveries) Unreadable(ctx context.Context) ([]orchestration.Unreadable, error) {
	res, err := d.discovery.GetDiscoverySummary(ctx, &discoveryv1.GetDiscoverySummaryRequest{})
	if err != nil {
		return nil, err
	}
	unreadable := make([]orchestration.Unreadable, 0, len(res.GetUnreadable()))
	for _, u := range res.GetUnreadable() {
		unreadable = append(unreadable, orchestration.Unreadable{
			ManagedTenantID: u.GetManagedTenantId(), EntraTenantID: u.GetEntraTenantId(), DisplayName: u.GetDisplayName(),
			Problem: orchestration.Problem{
				Code: u.GetProblem().GetCode(), Message: u.GetProblem().GetMessage(), Remedy: u.GetProblem().GetRemedy(),
			},
		})
	}
	return unreadable, nil
}

// EnterTenant returns the context of the system's own work for a tenant.
func EnterTenant(ctx context.Context, tenantID string) (context.Context, error) {
	id, err := tenant.Parse(tenantID)
	if err != nil {
		return nil, err
	}
	return tenant.With(ctx, tenant.Call{Tenant: id, Actor: tenant.Actor{Type: "system"}}), nil
}
