package postgres

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Settings reads the tenant's settings and makes them where they are missing.
func (s *Store) Settings(ctx context.Context, now time.Time) (settings syncengine.Settings, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		settings, err = ensureSettings(ctx, q, tenantID, now)
		return err
	})
	return settings, err
}

func ensureSettings(ctx context.Context, q *sqlc.Queries, tenantID string, now time.Time) (syncengine.Settings, error) {
	if err := q.EnsureSettings(ctx, sqlc.EnsureSettingsParams{TenantID: tenantID, Now: now}); err != nil {
		return syncengine.Settings{}, err
	}
	row, err := q.GetSettings(ctx)
	if err != nil {
		return syncengine.Settings{}, err
	}
	return syncengine.Settings{
		AutomaticSync: row.AutomaticSync, IntervalMinutes: int(row.IntervalMinutes), FilterGuests: row.FilterGuests,
		FilterUnlicensed: row.FilterUnlicensed, FilterServiceAccounts: row.FilterServiceAccounts, CustomPatterns: row.CustomPatterns,
		FieldDisplayName: row.FieldDisplayName, FieldEmail: row.FieldEmail, FieldPhone: row.FieldPhone, FieldRole: row.FieldRole,
		FieldUPN: row.FieldUpn, MarkInactiveWhenDisabled: row.MarkInactiveWhenDisabled,
		AllowSameEmailAcrossClients: row.AllowSameEmailAcrossClients, GuardMinCount: int(row.GuardMinCount), GuardPercent: int(row.GuardPercent),
	}, nil
}
