package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
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

// recordEnd adds the end of a run to the tenant's history, and those of its managed tenants to
// theirs. Where that changes the schedule, an effect lets the worker know.
func recordEnd(ctx context.Context, tx pgx.Tx, tenantID string, run syncengine.Run, ended syncengine.State, now time.Time) error {
	q := sqlc.New(tx)
	if err := recordTenants(ctx, q, run, ended, now); err != nil {
		return err
	}
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
	err = q.PutSchedule(ctx, sqlc.PutScheduleParams{
		TenantID: tenantID, FirstSyncedAt: after.FirstSyncedAt, FailedRuns: int32(after.FailedRuns), QuarantinedAt: after.QuarantinedAt,
	})
	if err != nil || after.FirstSyncedAt == before.FirstSyncedAt && after.QuarantinedAt == before.QuarantinedAt {
		return err
	}
	return outbox.Add(ctx, tx, outbox.Effect{
		ID: uuid.NewString(), Kind: effectkind.ScheduleChanged, OrderKey: outbox.Key(scheduleKey), CreatedAt: now,
	})
}

// recordTenants counts the failures of managed tenants. A run that failed as a whole says nothing
// of one of them, and neither does a dry run.
func recordTenants(ctx context.Context, q *sqlc.Queries, run syncengine.Run, ended syncengine.State, now time.Time) error {
	parsed, err := parse(run.ID, syncengine.ErrUnknownRun)
	if err != nil || run.DryRun || ended == syncengine.StateFailed || ended == syncengine.StateCancelled {
		return err
	}
	if err := q.ForgetFailures(ctx, parsed); err != nil {
		return err
	}
	return q.CountFailures(ctx, sqlc.CountFailuresParams{
		Now: now, RunID: parsed, Quarantined: reason.TenantQuarantined, NotProcessed: reason.NotProcessed, Most: syncengine.QuarantineRuns,
	})
}

// setAside closes what the run leaves out.
func setAside(ctx context.Context, q *sqlc.Queries, runID uuid.UUID, out *syncengine.LeaveOut, now time.Time) error {
	if out == nil {
		return nil
	}
	return q.LeaveOutFailing(ctx, sqlc.LeaveOutFailingParams{
		RunID: runID, TriedAfter: out.TriedAfter, Code: out.Problem.Code, Message: out.Problem.Message, Remedy: out.Problem.Remedy, Now: now,
	})
}

// QuarantinedTenants lists managed tenants in quarantine.
func (s *Store) QuarantinedTenants(ctx context.Context, limit int) (tenants []syncengine.QuarantinedTenant, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.QuarantinedTenants(ctx, int32(limit)) // some hundred
		tenants = make([]syncengine.QuarantinedTenant, len(rows))
		for i, row := range rows {
			tenants[i] = syncengine.QuarantinedTenant{
				ManagedTenantID: row.ManagedTenantID, Since: *row.QuarantinedAt, FailedRuns: int(row.FailedRuns), Code: row.Code,
			}
		}
		return err
	}, pg.ReadOnly())
	return tenants, err
}

func fleetHistory(row sqlc.LockScheduleRow) syncengine.FleetHistory {
	return syncengine.FleetHistory{FirstSyncedAt: row.FirstSyncedAt, FailedRuns: int(row.FailedRuns), QuarantinedAt: row.QuarantinedAt}
}
