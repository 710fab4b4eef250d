package rpc

import (
	"context"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/sheet"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// mostCounted is up to how many entries a list is counted.
const mostCounted = 10_000

// defaultDays is how many days statistics are of where nothing is said.
const defaultDays = 30

func (s *reportServer) ListTenantResults(ctx context.Context, req *syncenginev1.ListTenantResultsRequest) (*syncenginev1.ListTenantResultsResponse, error) {
	asked := syncengine.TenantResultPage{
		RunID: req.GetRunId(), Size: sizeOf(req.GetPageSize(), req.GetAsCsv()),
		Filter: syncengine.TenantResultFilter{State: syncengine.State(req.GetState()), Q: req.GetQ()},
	}
	filters := []string{"tenant results", req.GetRunId(), req.GetState(), req.GetQ()}
	after, err := page.Parse(req.GetPageToken(), filters...)
	if err != nil {
		return nil, err
	}
	if after != nil {
		if asked.AfterGroup, asked.AfterPosition, err = resultPlace(after); err != nil {
			return nil, err
		}
	}
	results, more, total, err := s.cases.TenantResults.Do(ctx, asked)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListTenantResultsResponse{TotalSize: totalOf(total)}
	if more {
		last := results[len(results)-1]
		answer.NextPageToken = page.Cursor{Key: strconv.Itoa(last.Group), ID: strconv.Itoa(last.Position)}.Token(filters...)
	}
	if req.GetAsCsv() {
		text := tenantResultsCSV(results)
		answer.Csv = &text
		return answer, nil
	}
	answer.TenantResults = make([]*syncenginev1.TenantResult, len(results))
	for i := range results {
		answer.TenantResults[i] = tenantMessage(&results[i])
	}
	return answer, nil
}

func resultPlace(after *page.Cursor) (group, position int, err error) {
	g, err := strconv.ParseInt(after.Key, 10, 32)
	if err != nil {
		return 0, 0, page.ErrToken
	}
	p, err := strconv.ParseInt(after.ID, 10, 32)
	if err != nil {
		return 0, 0, page.ErrToken
	}
	return int(g), int(p), nil
}

func (s *reportServer) GetSyncStatistics(ctx context.Context, req *syncenginev1.GetSyncStatisticsRequest) (*syncenginev1.GetSyncStatisticsResponse, error) {
	days := int(req.GetDays())
	if days == 0 {
		days = defaultDays
	}
	found, err := s.cases.Statistics.Do(ctx, days)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.GetSyncStatisticsResponse{Days: make([]*syncenginev1.DayStatistics, len(found))}
	for i := range found {
		d := &found[i]
		answer.Days[i] = &syncenginev1.DayStatistics{
			Day: d.Day, Runs: count(d.Runs()), Completed: count(d.Completed), Partial: count(d.Partial), Failed: count(d.Failed),
			Cancelled: count(d.Cancelled), Held: count(d.Held), AverageSeconds: count(d.Seconds / max(d.Runs(), 1)),
			LongestSeconds: count(d.LongestSeconds), Tenants: count(d.Tenants), FailedTenants: count(d.FailedTenants),
			HeldTenants: count(d.HeldTenants), Counters: countersMessage(d.Counters), Failures: countsMessage(d.Failures),
		}
	}
	return answer, nil
}

var counterColumns = []string{"created", "linked", "updated", "unchanged", "ambiguous", "inactivated", "reactivated", "filtered", "failed"}

func counterCells(c syncengine.Counters) []string {
	cells := make([]string, 0, len(counterColumns))
	for _, n := range []int{c.Created, c.Linked, c.Updated, c.Unchanged, c.Ambiguous, c.Inactivated, c.Reactivated, c.Filtered, c.Failed} {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// timeCell is a time as RFC 3339 says; empty for none.
func timeCell(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func problemCell(p *syncengine.Problem) string {
	if p == nil {
		return ""
	}
	return p.Code
}

func runsCSV(runs []syncengine.Run) string {
	columns := append([]string{
		"run_id", "type", "state", "dry_run", "initiated_by", "created_at", "started_at", "completed_at", "client_id", "total_tenants",
		"processed_tenants", "succeeded_tenants", "failed_tenants", "error",
	}, counterColumns...)
	lines := make([][]string, len(runs))
	for i := range runs {
		r := &runs[i]
		lines[i] = append([]string{
			r.ID, string(r.Type), string(r.State), strconv.FormatBool(r.DryRun), sheet.Shown(r.InitiatedBy), timeCell(&r.CreatedAt), timeCell(r.StartedAt),
			timeCell(r.CompletedAt), r.ClientID, strconv.Itoa(r.Totals.Tenants), strconv.Itoa(r.Totals.Processed), strconv.Itoa(r.Totals.Succeeded),
			strconv.Itoa(r.Totals.Failed), problemCell(r.Problem),
		}, counterCells(r.Totals.Counters)...)
	}
	return sheet.Write(columns, lines, append([]string{
		"run_id", "dry_run", "created_at", "started_at", "completed_at", "client_id", "total_tenants", "processed_tenants", "succeeded_tenants",
		"failed_tenants",
	}, counterColumns...)...)
}

func tenantResultsCSV(results []syncengine.ManagedTenant) string {
	columns := append([]string{
		"managed_tenant_id", "entra_tenant_id", "client_id", "state", "started_at", "completed_at", "held", "held_count", "error", "message",
	}, counterColumns...)
	lines := make([][]string, len(results))
	for i := range results {
		t := &results[i]
		held, heldCount, message := "", "", ""
		if t.Held != nil {
			held, heldCount = t.Held.Reason, strconv.Itoa(t.Held.Count)
		}
		if t.Problem != nil {
			message = sheet.Shown(t.Problem.Message)
		}
		lines[i] = append([]string{
			t.ManagedTenantID, t.EntraTenantID, t.MappedClient(), string(t.State), timeCell(t.StartedAt), timeCell(t.CompletedAt), held, heldCount,
			problemCell(t.Problem), message,
		}, counterCells(t.Counters)...)
	}
	return sheet.Write(columns, lines, append([]string{
		"managed_tenant_id", "entra_tenant_id", "client_id", "started_at", "completed_at", "held_count",
	}, counterColumns...)...)
}
