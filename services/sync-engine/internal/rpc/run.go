package rpc

import (
	"context"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/rpc/wire"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

type runServer struct {
	syncenginev1.UnimplementedRunServiceServer
	cases UseCases
}

func (s *runServer) ListRuns(ctx context.Context, req *syncenginev1.ListRunsRequest) (*syncenginev1.ListRunsResponse, error) {
	asked := syncengine.RunPage{
		Filter: syncengine.RunFilter{Type: syncengine.RunType(req.GetType()), State: syncengine.State(req.GetState()), ClientID: req.GetClientId()},
		Size:   sizeOf(req.GetPageSize(), req.GetAsCsv()),
	}
	filters := []string{"runs", req.GetType(), req.GetState(), req.GetClientId(), ""}
	if req.GetSince() != nil {
		since := req.GetSince().AsTime()
		asked.Filter.Since, filters[4] = &since, since.Format(time.RFC3339Nano)
	}
	after, err := positionOf(req.GetPageToken(), filters...)
	if err != nil {
		return nil, err
	}
	if after != nil {
		asked.After = after.ID
	}
	runs, last, total, err := s.cases.Runs.Do(ctx, asked)
	if err != nil {
		return nil, err
	}
	next := ""
	if last != "" {
		next = page.Cursor{ID: last}.Token(filters...)
	}
	answer := &syncenginev1.ListRunsResponse{NextPageToken: next, TotalSizeIsMinimum: total > mostCounted, TotalSize: totalOf(min(total, mostCounted))}
	if req.GetAsCsv() {
		text := runsCSV(runs)
		answer.Csv = &text
		return answer, nil
	}
	answer.Runs = make([]*syncenginev1.Run, len(runs))
	for i := range runs {
		answer.Runs[i] = runMessage(&runs[i])
	}
	return answer, nil
}

func (s *runServer) GetRun(ctx context.Context, req *syncenginev1.GetRunRequest) (*syncenginev1.GetRunResponse, error) {
	run, tenants, err := s.cases.ShowRun.Do(ctx, req.GetRunId())
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.GetRunResponse{Run: runMessage(&run), TenantResults: make([]*syncenginev1.TenantResult, len(tenants))}
	for i := range tenants {
		answer.TenantResults[i] = tenantMessage(&tenants[i])
	}
	return answer, nil
}

func runMessage(r *syncengine.Run) *syncenginev1.Run {
	m := &syncenginev1.Run{
		RunId: r.ID, WorkflowId: r.WorkflowID, Type: string(r.Type), State: string(r.State), DryRun: r.DryRun, InitiatedBy: r.InitiatedBy,
		StartedAt: wire.Timestamp(r.StartedAt), CompletedAt: wire.Timestamp(r.CompletedAt),
		TotalTenants: count(r.Totals.Tenants), ProcessedTenants: count(r.Totals.Processed), SucceededTenants: count(r.Totals.Succeeded),
		FailedTenants: count(r.Totals.Failed), Counters: countersMessage(r.Totals.Counters), Error: problemMessage(r.Problem),
	}
	if r.StartedAt == nil {
		m.StartedAt = timestamppb.New(r.CreatedAt)
	}
	if r.Approves != nil {
		m.ApprovesRunId, m.ManagedTenantId = &r.Approves.RunID, &r.Approves.ManagedTenantID
	}
	if r.ClientID != "" {
		m.ClientId = &r.ClientID
	}
	return m
}

func tenantMessage(t *syncengine.ManagedTenant) *syncenginev1.TenantResult {
	m := &syncenginev1.TenantResult{
		ManagedTenantId: t.ManagedTenantID, EntraTenantId: t.EntraTenantID, ClientId: t.MappedClient(), State: string(t.State),
		Counters: countersMessage(t.Counters), Filtered: countsMessage(t.Filtered), Ambiguous: countsMessage(t.Ambiguous),
		Error: problemMessage(t.Problem), StartedAt: wire.Timestamp(t.StartedAt), CompletedAt: wire.Timestamp(t.CompletedAt),
		Held: heldMessage(t.Held),
	}
	for _, f := range t.Failures {
		m.Failures = append(m.Failures, &syncenginev1.Failure{EntraObjectId: f.ObjectID, Reason: f.Reason})
	}
	return m
}

func countersMessage(c syncengine.Counters) *syncenginev1.Counters {
	return &syncenginev1.Counters{
		Created: count(c.Created), Linked: count(c.Linked), Updated: count(c.Updated), Unchanged: count(c.Unchanged), Ambiguous: count(c.Ambiguous),
		Inactivated: count(c.Inactivated), Reactivated: count(c.Reactivated), Filtered: count(c.Filtered), Failed: count(c.Failed),
	}
}

func countsMessage(counts map[string]int) map[string]int32 {
	out := make(map[string]int32, len(counts))
	for reason, n := range counts {
		out[reason] = count(n)
	}
	return out
}

func problemMessage(p *syncengine.Problem) *syncenginev1.RunProblem {
	if p == nil {
		return nil
	}
	return &syncenginev1.RunProblem{Code: p.Code, Message: p.Message, Remedy: p.Remedy}
}

func problemOf(m *syncenginev1.RunProblem) *syncengine.Problem {
	if m == nil {
		return nil
	}
	return &syncengine.Problem{Code: m.GetCode(), Message: m.GetMessage(), Remedy: m.GetRemedy()}
}

// count is a count as the contract has it.
func count(n int) int32 { return int32(min(n, math.MaxInt32)) } // bounded

// totalOf leaves out what was not counted.
func totalOf(n int) *int32 {
	if n < 0 {
		return nil
	}
	total := count(n)
	return &total
}
