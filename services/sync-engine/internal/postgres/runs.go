package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// openTries bounds how often opening a run is tried while others end between
// our insert and our look.
const openTries = 5

var (
	errBadPage = errs.New(errs.Invalid, reason.InvalidArgument, "The page token is not valid.",
		errs.WithViolation("pageToken", "is not valid"))
	errRunChanging = errs.Of(reason.RunChanging)
)

// OpenRun inserts the run or joins: the one that has its id, else the open one of
// the same type and scope. Unique indexes decide.
func (s *Store) OpenRun(ctx context.Context, run syncengine.Run) (open syncengine.Run, joined bool, err error) {
	id, err := parse(run.ID, syncengine.ErrUnknownRun)
	if err != nil {
		return open, false, err
	}
	params := sqlc.InsertRunParams{
		ID: id, Type: string(run.Type), Scope: run.ClientID, DryRun: run.DryRun, Trigger: run.Trigger, WorkflowID: run.WorkflowID,
		InitiatedBy: run.InitiatedBy, CreatedAt: run.CreatedAt,
	}
	if run.ClientID != "" {
		client, err := parse(run.ClientID, round.ErrUnknownClient)
		if err != nil {
			return open, false, err
		}
		params.ClientID, params.Scope = &client, client.String()
	}
	for range openTries {
		found := false
		err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
			params.TenantID = tenantID
			inserted, err := q.InsertRun(ctx, params)
			if err != nil {
				return err
			}
			joined = inserted == 0
			open, err = getRun(ctx, q, id)
			if joined && errors.Is(err, syncengine.ErrUnknownRun) {
				wanted, err := q.FindOpenRun(ctx, sqlc.FindOpenRunParams{Type: params.Type, Scope: params.Scope, DryRun: params.DryRun})
				if pg.NoRows(err) {
					return nil // it ended in this moment: insert again
				}
				if err != nil {
					return err
				}
				open, err = getRun(ctx, q, wanted)
				found = err == nil
				return err
			}
			found = err == nil
			return err
		})
		if err != nil || found {
			return open, joined, err
		}
	}
	return open, false, errRunChanging
}

// Run reads a run with its totals.
func (s *Store) Run(ctx context.Context, id string) (run syncengine.Run, err error) {
	parsed, err := parse(id, syncengine.ErrUnknownRun)
	if err != nil {
		return run, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		run, err = getRun(ctx, q, parsed)
		return err
	}, pg.ReadOnly())
	return run, err
}

func getRun(ctx context.Context, q *sqlc.Queries, id uuid.UUID) (syncengine.Run, error) {
	row, err := q.GetRun(ctx, id)
	if pg.NoRows(err) {
		return syncengine.Run{}, syncengine.ErrUnknownRun
	}
	if err != nil {
		return syncengine.Run{}, err
	}
	runs := []syncengine.Run{runOf(row)}
	err = addTotals(ctx, q, runs, []uuid.UUID{id})
	return runs[0], err
}

// addTotals sums the results of the runs' tenants.
func addTotals(ctx context.Context, q *sqlc.Queries, runs []syncengine.Run, ids []uuid.UUID) error {
	sums, err := q.SumRunTenants(ctx, ids)
	if err != nil {
		return err
	}
	byID := make(map[string]sqlc.SumRunTenantsRow, len(sums))
	for _, sum := range sums {
		byID[sum.RunID.String()] = sum
	}
	for i := range runs {
		if sum, ok := byID[runs[i].ID]; ok {
			runs[i].Totals = totalsOf(sum, runs[i].State)
		} else if n := runs[i].DiscoveredTenants; n != nil {
			runs[i].Totals = syncengine.Totals{Tenants: *n, Processed: *n, Succeeded: *n}
		}
	}
	return nil
}

// StartRun marks an open run as running and adds the tenants that it lacks.
func (s *Store) StartRun(ctx context.Context, id string, tenants []syncengine.ManagedTenant, out *syncengine.LeaveOut, now time.Time) (state syncengine.State, total int, err error) {
	parsed, err := parse(id, syncengine.ErrUnknownRun)
	if err != nil {
		return "", 0, err
	}
	params := sqlc.InsertRunTenantsParams{RunID: parsed}
	for _, t := range tenants {
		client, err := parse(t.ClientID, round.ErrUnknownClient)
		if err != nil {
			return "", 0, err
		}
		params.ManagedTenantIds = append(params.ManagedTenantIds, t.ManagedTenantID)
		params.EntraTenantIds = append(params.EntraTenantIds, t.EntraTenantID)
		params.ClientIds = append(params.ClientIds, client)
		params.MappingRevisions = append(params.MappingRevisions, t.MappingRevision)
		params.Groups = append(params.Groups, int32(t.Group))
		params.Positions = append(params.Positions, int32(t.Position))
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		locked, err := q.LockRun(ctx, parsed)
		if pg.NoRows(err) {
			return syncengine.ErrUnknownRun
		}
		if err != nil {
			return err
		}
		if syncengine.State(locked) == syncengine.StateQueued {
			if err := q.StartRun(ctx, sqlc.StartRunParams{Now: &now, ID: parsed}); err != nil {
				return err
			}
			params.TenantID = tenantID
			if err := q.InsertRunTenants(ctx, params); err != nil {
				return err
			}
			if err := setAside(ctx, q, parsed, out, now); err != nil {
				return err
			}
		}
		run, err := getRun(ctx, q, parsed)
		state, total = run.State, run.Totals.Tenants
		return err
	})
	return state, total, err
}

// ManagedTenant reads a run and one of its tenants.
func (s *Store) ManagedTenant(ctx context.Context, runID, managedTenantID string) (run syncengine.Run, rt syncengine.ManagedTenant, err error) {
	parsed, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return run, rt, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		of, err := q.GetRun(ctx, parsed) // the sums over its tenants are nothing to a round of one
		if pg.NoRows(err) {
			return syncengine.ErrUnknownRun
		}
		if err != nil {
			return err
		}
		run = runOf(of)
		row, err := q.GetRunTenant(ctx, sqlc.GetRunTenantParams{RunID: parsed, ManagedTenantID: managedTenantID})
		if pg.NoRows(err) {
			return errs.New(errs.NotFound, reason.NotFound, "The run does not cover this managed tenant.")
		}
		if err != nil {
			return err
		}
		rt, err = managedTenantOf(row)
		rt.DryRun = run.DryRun
		return err
	}, pg.ReadOnly())
	return run, rt, err
}

// TenantStates gives the state of each of a run's managed tenants.
func (s *Store) TenantStates(ctx context.Context, runID string) (states map[string]syncengine.State, err error) {
	parsed, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return nil, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListTenantStates(ctx, parsed)
		states = make(map[string]syncengine.State, len(rows))
		for _, row := range rows {
			states[row.ManagedTenantID] = syncengine.State(row.State)
		}
		return err
	}, pg.ReadOnly())
	return states, err
}

// RunTenants lists results of a run's tenants, what needs a person first.
func (s *Store) RunTenants(ctx context.Context, runID string, most int) (tenants []syncengine.ManagedTenant, err error) {
	parsed, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return nil, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListRunTenants(ctx, sqlc.ListRunTenantsParams{RunID: parsed, Size: int32(most)}) // some hundred
		if err != nil {
			return err
		}
		tenants = make([]syncengine.ManagedTenant, len(rows))
		for i, row := range rows {
			if tenants[i], err = managedTenantOf(sqlc.GetRunTenantRow(row)); err != nil {
				return err
			}
		}
		return addDecisions(ctx, q, parsed, tenants)
	}, pg.ReadOnly())
	return tenants, err
}

// OpenTenants lists the tenants of the next groups that have no result yet.
func (s *Store) OpenTenants(ctx context.Context, runID string, afterGroup, limit int) (groups []syncengine.ClientTenants, err error) {
	parsed, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return nil, err
	}
	params := sqlc.ListOpenTenantsParams{RunID: parsed, AfterGroup: int32(afterGroup), Groups: int32(limit), QuickIdentities: syncengine.QuickIdentities}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListOpenTenants(ctx, params)
		if err != nil {
			return err
		}
		groups = nil
		for _, row := range rows {
			if n := len(groups); n == 0 || groups[n-1].Group != int(row.GroupNo) {
				groups = append(groups, syncengine.ClientTenants{Group: int(row.GroupNo), ClientID: row.ClientID.String(), Quick: true})
			}
			last := &groups[len(groups)-1]
			last.Quick = last.Quick && row.Quick
			last.ManagedTenantIDs = append(last.ManagedTenantIDs, row.ManagedTenantID)
		}
		return nil
	}, pg.ReadOnly())
	return groups, err
}

// OpenRuns names open runs of all tenants behind a run, oldest first.
func (s *Store) OpenRuns(ctx context.Context, before time.Time, after string, limit int) (runs []syncengine.OpenRun, err error) {
	behind := uuid.Nil
	if after != "" {
		if behind, err = parse(after, errBadPage); err != nil {
			return nil, err
		}
	}
	err = pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).OpenRuns(ctx, sqlc.OpenRunsParams{Before: before, After: behind, Size: int32(limit)}) // at most 1,000
		runs = make([]syncengine.OpenRun, len(rows))
		for i, row := range rows {
			runs[i] = syncengine.OpenRun{Tenant: row.TenantID, RunID: row.ID.String(), WorkflowID: row.WorkflowID}
		}
		return err
	})
	return runs, err
}
