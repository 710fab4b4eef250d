package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// FailTenant closes a tenant that has no result yet.
func (s *Store) FailTenant(ctx context.Context, runID, managedTenantID string, state syncengine.State, problem *syncengine.Problem, now time.Time) error {
	parsed, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return err
	}
	params := sqlc.FailTenantParams{State: string(state), Now: now, RunID: parsed, ManagedTenantID: managedTenantID}
	params.ErrorCode, params.ErrorMessage, params.ErrorRemedy = problemColumns(problem)
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		held, err := q.HoldRun(ctx, parsed)
		if pg.NoRows(err) {
			return syncengine.ErrUnknownRun
		}
		if err != nil {
			return err
		}
		if syncengine.State(held) == syncengine.StateCancelled { // its totals are those that it ended with
			params.State, params.ErrorCode, params.ErrorMessage, params.ErrorRemedy = held, nil, nil, nil
		}
		return q.FailTenant(ctx, params)
	})
}

// FinishRun closes the run and what of it is open.
func (s *Store) FinishRun(ctx context.Context, end syncengine.RunEnd, derive func(syncengine.Run) syncengine.Ending) (run syncengine.Run, err error) {
	id, err := parse(end.RunID, syncengine.ErrUnknownRun)
	if err != nil {
		return run, err
	}
	tenantID, err := tenant.IDFrom(ctx)
	if err != nil {
		return run, err
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		locked, err := q.LockRun(ctx, id)
		if pg.NoRows(err) {
			return syncengine.ErrUnknownRun
		}
		if err != nil {
			return err
		}
		state := syncengine.State(locked)
		closing := sqlc.CloseTenantsParams{State: string(end.OpenTenants), Now: end.Now, RunID: id}
		closing.ErrorCode, closing.ErrorMessage, closing.ErrorRemedy = problemColumns(end.OpenProblem)
		if syncengine.IsTerminal(state) {
			// It was cancelled while rounds were under way, which left no result.
			closing.State, closing.ErrorCode, closing.ErrorMessage, closing.ErrorRemedy = string(syncengine.StateCancelled), nil, nil, nil
		}
		if err := q.CloseTenants(ctx, closing); err != nil {
			return err
		}
		if !syncengine.IsTerminal(state) {
			if err := finish(ctx, tx, id, end, derive, tenantID.String()); err != nil {
				return err
			}
		}
		run, err = getRun(ctx, q, id)
		return err
	})
	return run, err
}

func finish(ctx context.Context, tx pgx.Tx, id uuid.UUID, end syncengine.RunEnd, derive func(syncengine.Run) syncengine.Ending, tenantID string) error {
	q := sqlc.New(tx)
	run, err := getRun(ctx, q, id)
	if err != nil {
		return err
	}
	ending := derive(run)
	params := sqlc.FinishRunParams{State: string(ending.State), Now: end.Now, ID: id}
	params.ErrorCode, params.ErrorMessage, params.ErrorRemedy = problemColumns(end.Problem)
	if end.DiscoveredTenants != nil {
		n := int32(*end.DiscoveredTenants)
		params.DiscoveredTenants = &n
	}
	if err := q.FinishRun(ctx, params); err != nil {
		return err
	}
	if err := addStatistics(ctx, q, id); err != nil {
		return err
	}
	if err := recordEnd(ctx, tx, tenantID, run, ending.State, end.Now); err != nil {
		return err
	}
	if !ending.AutomaticSync {
		return nil
	}
	return enableAutomaticSync(ctx, q, tenantID, id, end.Now)
}

// CancelRuns closes open runs of the tenant and what of them has not begun.
func (s *Store) CancelRuns(ctx context.Context, which syncengine.Cancellation, now time.Time) (workflowIDs []string, err error) {
	params := sqlc.CancelRunsParams{Now: now, CreatedBefore: which.CreatedBefore}
	if which.RunID != "" {
		id, err := parse(which.RunID, syncengine.ErrUnknownRun)
		if err != nil {
			return nil, err
		}
		params.ID = &id
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		var err error
		workflowIDs, err = q.ListCancelledWorkflows(ctx, sqlc.ListCancelledWorkflowsParams{ID: params.ID, CreatedBefore: params.CreatedBefore})
		if err != nil {
			return err
		}
		rows, err := q.CancelRuns(ctx, params)
		if err != nil {
			return err
		}
		ids := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			ids[i] = row.ID
			workflowIDs = append(workflowIDs, row.WorkflowID)
		}
		if err := q.CancelQueuedTenants(ctx, sqlc.CancelQueuedTenantsParams{Now: now, RunIds: ids}); err != nil {
			return err
		}
		return addStatistics(ctx, q, ids...)
	})
	return workflowIDs, err
}

// Runs reads one page, newest first.
func (s *Store) Runs(ctx context.Context, page syncengine.RunPage) (runs []syncengine.Run, err error) {
	before := uuid.Max
	if page.After != "" {
		if before, err = uuid.Parse(page.After); err != nil {
			return nil, errBadPage
		}
	}
	client, ok := clientFilter(page.Filter)
	if !ok {
		return nil, nil
	}
	params := sqlc.ListRunsParams{
		Before: before, Type: pg.TextOrNil(string(page.Filter.Type)), State: pg.TextOrNil(string(page.Filter.State)), Since: page.Filter.Since, ClientID: client,
		Size: int32(page.Size), // a few hundred
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListRuns(ctx, params)
		if err != nil {
			return err
		}
		runs = make([]syncengine.Run, len(rows))
		ids := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			runs[i], ids[i] = runOf(sqlc.GetRunRow(row)), row.ID
		}
		return addTotals(ctx, q, runs, ids)
	}, pg.ReadOnly())
	return runs, err
}

// CountRuns counts what a list would hold.
func (s *Store) CountRuns(ctx context.Context, f syncengine.RunFilter, most int) (count int, err error) {
	client, ok := clientFilter(f)
	if !ok {
		return 0, nil
	}
	params := sqlc.CountRunsParams{Type: pg.TextOrNil(string(f.Type)), State: pg.TextOrNil(string(f.State)), Since: f.Since, ClientID: client, Most: int32(most)} // some thousand
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		n, err := q.CountRuns(ctx, params)
		count = int(n)
		return err
	}, pg.ReadOnly())
	return count, err
}

// clientFilter reports false for a client that cannot exist.
func clientFilter(f syncengine.RunFilter) (*uuid.UUID, bool) {
	if f.ClientID == "" {
		return nil, true
	}
	id, err := uuid.Parse(f.ClientID)
	return &id, err == nil
}

// Status reads what the status shows of syncing.
func (s *Store) Status(ctx context.Context, now time.Time) (status syncengine.SyncStatus, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		if status.Settings, err = ensureSettings(ctx, q, tenantID, now); err != nil {
			return err
		}
		last, err := q.LastRun(ctx)
		if err != nil || len(last) == 0 {
			return err
		}
		run, err := getRun(ctx, q, last[0])
		status.LastRun = &run
		return err
	})
	return status, err
}
