package postgres

import (
	"encoding/json"
	"fmt"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func runOf(r sqlc.GetRunRow) syncengine.Run {
	run := syncengine.Run{
		ID: r.ID.String(), WorkflowID: r.WorkflowID, Type: syncengine.RunType(r.Type), State: syncengine.State(r.State), DryRun: r.DryRun, Trigger: r.Trigger,
		InitiatedBy: r.InitiatedBy, ClientID: pg.ID(r.ClientID), CreatedAt: r.CreatedAt, StartedAt: r.StartedAt,
		CompletedAt: r.CompletedAt, Problem: problemOf(r.ErrorCode, r.ErrorMessage, r.ErrorRemedy),
	}
	if r.ApprovesRunID != nil {
		run.Approves = &syncengine.Approval{RunID: r.ApprovesRunID.String(), ManagedTenantID: pg.Text(r.ManagedTenantID), Reason: pg.Text(r.ApprovesReason)}
	}
	if r.DiscoveredTenants != nil {
		n := int(*r.DiscoveredTenants)
		run.DiscoveredTenants = &n
	}
	return run
}

// totalsOf are the totals of a run in a state. Rounds that have not stopped when it is cancelled
// count as cancelled then, and not when they stop: what has ended does not change.
func totalsOf(s sqlc.SumRunTenantsRow, state syncengine.State) syncengine.Totals {
	if state == syncengine.StateCancelled {
		s.Cancelled, s.Processed = s.Cancelled+s.Tenants-s.Processed, s.Tenants
	}
	return syncengine.Totals{
		Tenants: int(s.Tenants), Processed: int(s.Processed), Succeeded: int(s.Succeeded), Failed: int(s.FailedTenants), Held: int(s.Held),
		Partial: int(s.Partial), Cancelled: int(s.Cancelled),
		Counters: syncengine.Counters{
			Created: int(s.Created), Linked: int(s.Linked), Updated: int(s.Updated), Unchanged: int(s.Unchanged), Ambiguous: int(s.Ambiguous),
			Inactivated: int(s.Inactivated), Reactivated: int(s.Reactivated), Filtered: int(s.Filtered), Failed: int(s.Failed),
		},
	}
}

func managedTenantOf(r sqlc.GetRunTenantRow) (syncengine.ManagedTenant, error) {
	t := syncengine.ManagedTenant{
		RunID: r.RunID.String(), ManagedTenantID: r.ManagedTenantID, EntraTenantID: r.EntraTenantID, ClientID: r.ClientID.String(),
		MappingRevision: r.MappingRevision, Group: int(r.GroupNo), Position: int(r.Position), State: syncengine.State(r.State),
		Counters: syncengine.Counters{
			Created: int(r.Created), Linked: int(r.Linked), Updated: int(r.Updated), Unchanged: int(r.Unchanged), Ambiguous: int(r.Ambiguous),
			Inactivated: int(r.Inactivated), Reactivated: int(r.Reactivated), Filtered: int(r.Filtered), Failed: int(r.Failed),
		},
		Problem: problemOf(r.ErrorCode, r.ErrorMessage, r.ErrorRemedy), StartedAt: r.StartedAt, CompletedAt: r.CompletedAt,
	}
	if r.HeldReason != nil {
		t.Held = &syncengine.Held{Reason: *r.HeldReason, Digest: pg.Text(r.HeldDigest)}
		if r.HeldCount != nil {
			t.Held.Count = int(*r.HeldCount)
		}
	}
	for _, column := range []struct {
		text []byte
		into any
	}{{r.FilteredReasons, &t.Filtered}, {r.AmbiguousReasons, &t.Ambiguous}, {r.Failures, &t.Failures}} {
		if err := json.Unmarshal(column.text, column.into); err != nil {
			return t, fmt.Errorf("reading a tenant's result: %w", err)
		}
	}
	return t, nil
}

func problemOf(code, message, remedy *string) *syncengine.Problem {
	if code == nil {
		return nil
	}
	return &syncengine.Problem{Code: *code, Message: pg.Text(message), Remedy: pg.Text(remedy)}
}

func problemColumns(p *syncengine.Problem) (code, message, remedy *string) {
	if p == nil {
		return nil, nil, nil
	}
	return &p.Code, pg.TextOrNil(clean(p.Message)), pg.TextOrNil(clean(p.Remedy))
}
