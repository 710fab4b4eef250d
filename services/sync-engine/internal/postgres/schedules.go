package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Schedule reads how the tenant wants to be synced by itself.
func (s *Store) Schedule(ctx context.Context, now time.Time) (schedule syncengine.Schedule, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		settings, err := ensureSettings(ctx, q, tenantID, now)
		if err != nil {
			return err
		}
		rows, err := q.GetSchedule(ctx)
		if err != nil {
			return err
		}
		schedule = syncengine.Schedule{AutomaticSync: settings.AutomaticSync, IntervalMinutes: settings.IntervalMinutes}
		for _, row := range rows {
			schedule.FleetHistory = fleetHistory(sqlc.LockScheduleRow(row))
		}
		return nil
	})
	return schedule, err
}

// ScheduledTenants names tenants whose first sync got through.
func (s *Store) ScheduledTenants(ctx context.Context, after string, limit int) (tenants []string, err error) {
	err = pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		tenants, err = sqlc.New(tx).ScheduledTenants(ctx, sqlc.ScheduledTenantsParams{After: after, Size: int32(limit)}) // at most 1,000
		return err
	})
	return tenants, err
}

// recordEnd adds the end of a run to the tenant's history.
func recordEnd(ctx context.Context, q *sqlc.Queries, tenantID string, run syncengine.Run, ended syncengine.State, now time.Time) error {
	rows, err := q.LockSchedule(ctx)
	if err != nil {
		return err
	}
	var before syncengine.FleetHistory
	for _, row := range rows {
		before = fleetHistory(row)
	}
	after := before.After(run, ended, now)
	if after == before {
		return nil
	}
	return q.PutSchedule(ctx, sqlc.PutScheduleParams{
		TenantID: tenantID, FirstSyncedAt: after.FirstSyncedAt, FailedRuns: int32(after.FailedRuns), QuarantinedAt: after.QuarantinedAt,
	})
}

func fleetHistory(row sqlc.LockScheduleRow) syncengine.FleetHistory {
	return syncengine.FleetHistory{FirstSyncedAt: row.FirstSyncedAt, FailedRuns: int(row.FailedRuns), QuarantinedAt: row.QuarantinedAt}
}
