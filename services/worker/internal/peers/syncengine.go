package peers

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

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
		ID: res.GetRunId(), WorkflowID: res.GetWorkflowId(), ClientID: res.GetClientId(), Joined: res.GetJoined(), State: orchestration.State(res.GetState()), Ticket: res.GetTicket(),
	}, nil
}

// Fail closes a run as failed; see orchestration.Runs.
func (r *Runs) Fail(ctx context.Context, runID string, problem orchestration.Problem) error {
	issued, err := r.tickets.IssueTicket(ctx, &syncenginev1.IssueTicketRequest{RunId: runID})
	if err != nil {
		return err
	}
	_, err = r.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{
		RunId: runID, State: string(orchestration.StateFailed), Ticket: issued.GetTicket(),
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

// SyncSchedules calls the sync engine's methods about schedules.
type SyncSchedules struct {
	engine syncenginev1.ScheduleInternalServiceClient
}

// NewSyncSchedules returns SyncSchedules on a client that signs each call's tenant and actor.
func NewSyncSchedules(engine syncenginev1.ScheduleInternalServiceClient) *SyncSchedules {
	return &SyncSchedules{engine: engine}
}

// SyncSchedule implements orchestration.SyncSchedules.
func (s *SyncSchedules) SyncSchedule(ctx context.Context) (orchestration.SyncSchedule, error) {
	res, err := s.engine.GetSchedule(ctx, &syncenginev1.GetScheduleRequest{})
	if err != nil {
		return orchestration.SyncSchedule{}, err
	}
	return orchestration.SyncSchedule{
		Automatic: res.GetAutomaticSync(), Interval: time.Duration(res.GetIntervalMinutes()) * time.Minute,
		Ticket: res.GetTicket(), FirstSyncDone: res.GetFirstSyncDone(), Quarantined: res.GetQuarantinedAt() != nil,
	}, nil
}

// Synced implements orchestration.SyncSchedules.
func (s *SyncSchedules) Synced(ctx context.Context, after string, limit int) ([]string, error) {
	res, err := s.engine.ListScheduledTenants(ctx, &syncenginev1.ListScheduledTenantsRequest{AfterTenantId: after, PageSize: int32(limit)})
	return res.GetTenantIds(), err
}

// Links calls the sync engine's methods about links.
type Links struct {
	engine syncenginev1.SyncEngineInternalServiceClient
}

// NewLinks returns Links on a client that signs each call's tenant and actor.
func NewLinks(engine syncenginev1.SyncEngineInternalServiceClient) *Links {
	return &Links{engine: engine}
}

// Revise implements orchestration.Links.
func (l *Links) Revise(ctx context.Context, m orchestration.Mapping) (orphaned int, err error) {
	res, err := l.engine.ReviseMapping(ctx, &syncenginev1.ReviseMappingRequest{
		ManagedTenantId: m.ManagedTenantID, EntraTenantId: m.EntraTenantID, ClientId: m.ClientID, Revision: m.Revision,
	})
	return int(res.GetOrphanedLinks()), err
}

// Decide implements orchestration.Links.
func (l *Links) Decide(ctx context.Context, d orchestration.OrphanDecision) (orchestration.OrphanResult, error) {
	res, err := l.engine.DecideOrphans(ctx, &syncenginev1.DecideOrphansRequest{
		DecisionId: d.ID, ManagedTenantId: d.Mapping.ManagedTenantID, EntraTenantId: d.Mapping.EntraTenantID, ClientId: d.Mapping.ClientID,
		Revision: d.Mapping.Revision, Decision: d.Decision, DecidedBy: d.DecidedBy,
	})
	if err != nil {
		return orchestration.OrphanResult{}, err
	}
	return orchestration.OrphanResult{
		Relinking: int(res.GetRelinking()), Left: int(res.GetLeft()), Orphaned: int(res.GetOrphanedLinks()),
	}, nil
}

// Erasures calls the sync engine about people who are erased on request.
type Erasures struct {
	people syncenginev1.PersonInternalServiceClient
}

// NewErasures returns Erasures on a client that signs each call's tenant and actor.
func NewErasures(people syncenginev1.PersonInternalServiceClient) *Erasures {
	return &Erasures{people: people}
}

// Finish implements orchestration.Erasures.
func (e *Erasures) Finish(ctx context.Context, erasureID string) error {
	_, err := e.people.FinishErasure(ctx, &syncenginev1.FinishErasureRequest{ErasureId: erasureID})
	return err
}

// Feed calls the sync engine, which keeps the change feed.
type Feed struct {
	feed syncenginev1.FeedInternalServiceClient
}

// NewFeed returns Feed on a client that signs each call's tenant and actor.
func NewFeed(feed syncenginev1.FeedInternalServiceClient) *Feed { return &Feed{feed: feed} }

// Append implements orchestration.Feed.
func (f *Feed) Append(ctx context.Context, effectID string, entries []orchestration.FeedEntry) error {
	req := &syncenginev1.AppendChangesRequest{EffectId: effectID}
	for _, e := range entries {
		m := &syncenginev1.AppendedChange{Type: e.Type, Source: e.Source, ClientId: e.ClientID, RunId: e.RunID, Fields: e.Fields}
		if e.Client != nil {
			m.Client = &syncenginev1.ChangedClient{Id: e.Client.ID, ExternalId: e.Client.ExternalID, Name: e.Client.Name}
		}
		if e.Item != nil {
			m.Item = &syncenginev1.ChangedItem{
				Id: e.Item.ID, ManagedTenantId: e.Item.ManagedTenantID, ClientId: e.ClientID, Reason: e.Item.Reason, Status: e.Item.Status,
			}
		}
		req.Changes = append(req.Changes, m)
	}
	_, err := f.feed.AppendChanges(ctx, req)
	return err
}
