package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// scheduleKey is the order key of effects on the tenant's schedule.
const scheduleKey = "schedule"

var errMalformedID = errs.Of(reason.IDMalformed)

// Settings reads the tenant's settings and makes them where they are missing.
func (s *Store) Settings(ctx context.Context, now time.Time) (settings syncengine.Settings, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		settings, err = ensureSettings(ctx, q, tenantID, now)
		return err
	})
	return settings, err
}

// RoundSettings implements syncengine.RoundStore.
func (s *Store) RoundSettings(ctx context.Context, managedTenantID string, now time.Time) (settings syncengine.Settings, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		if settings, err = ensureSettings(ctx, q, tenantID, now); err != nil {
			return err
		}
		own, err := ownState(ctx, q, managedTenantID)
		settings = settings.With(own.Stated)
		return err
	})
	return settings, err
}

// SettingsState implements syncengine.SettingsReader.
func (s *Store) SettingsState(ctx context.Context, managedTenantID string, now time.Time) (state syncengine.SettingsState, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		if managedTenantID != "" {
			state, err = ownState(ctx, q, managedTenantID)
			return err
		}
		if err := q.EnsureSettings(ctx, sqlc.EnsureSettingsParams{TenantID: tenantID, Now: now}); err != nil {
			return err
		}
		state, err = tenantState(ctx, q)
		return err
	})
	return state, err
}

// ChangeSettings implements syncengine.SettingsWriter.
func (s *Store) ChangeSettings(
	ctx context.Context, managedTenantID string, now time.Time, decide func(syncengine.SettingsState) (*syncengine.ChangedSettings, error),
) (after syncengine.SettingsState, effects []string, err error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return after, nil, err
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if after, err = lockedState(ctx, q, call.Tenant.String(), managedTenantID, now); err != nil {
			return err
		}
		changed, err := decide(after)
		if err != nil || changed == nil {
			return err
		}
		change := changed.Change
		after = syncengine.SettingsState{
			ManagedTenantID: managedTenantID, Stated: change.After, Version: change.Version, UpdatedAt: &change.At, UpdatedBy: change.By,
		}
		if err := writeState(ctx, q, after); err != nil {
			return err
		}
		if err := addChange(ctx, q, call.Tenant.String(), change); err != nil {
			return err
		}
		if !changed.Schedule {
			return nil
		}
		effect := outbox.Effect{
			ID: uuid.NewString(), ActorID: call.Actor.ID, Kind: effectkind.ScheduleChanged, OrderKey: outbox.Key(scheduleKey), CreatedAt: now,
		}
		effects = []string{effect.ID}
		return outbox.Add(ctx, tx, effect)
	})
	return after, effects, err
}

// SettingsChanges implements syncengine.SettingsHistory.
func (s *Store) SettingsChanges(ctx context.Context, managedTenantID, after string, limit int) (changes []syncengine.SettingsChange, err error) {
	var behind *uuid.UUID
	if after != "" {
		id, err := parse(after, page.ErrToken)
		if err != nil {
			return nil, err
		}
		behind = &id
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := listChanges(ctx, q, managedTenantID, behind, limit)
		if err != nil {
			return err
		}
		changes = make([]syncengine.SettingsChange, len(rows))
		for i, row := range rows {
			c := syncengine.SettingsChange{
				ID: row.ID.String(), ManagedTenantID: row.ManagedTenantID, Version: row.Version, At: row.ChangedAt, By: row.ChangedBy, Fields: row.Fields,
			}
			if err := json.Unmarshal(row.Before, &c.Before); err != nil {
				return err
			}
			if err := json.Unmarshal(row.After, &c.After); err != nil {
				return err
			}
			changes[i] = c
		}
		return nil
	}, pg.ReadOnly())
	return changes, err
}

func listChanges(ctx context.Context, q *sqlc.Queries, managedTenantID string, after *uuid.UUID, limit int) ([]sqlc.ListSettingsChangesRow, error) {
	if managedTenantID == "" {
		return q.ListSettingsChanges(ctx, sqlc.ListSettingsChangesParams{After: after, Size: int32(limit)})
	}
	rows, err := q.ListManagedTenantSettingsChanges(ctx, sqlc.ListManagedTenantSettingsChangesParams{
		ManagedTenantID: managedTenantID, After: after, Size: int32(limit),
	})
	out := make([]sqlc.ListSettingsChangesRow, len(rows))
	for i, row := range rows {
		out[i] = sqlc.ListSettingsChangesRow(row)
	}
	return out, err
}

func ensureSettings(ctx context.Context, q *sqlc.Queries, tenantID string, now time.Time) (syncengine.Settings, error) {
	row, err := q.GetSettings(ctx)
	if pg.NoRows(err) {
		if err := q.EnsureSettings(ctx, sqlc.EnsureSettingsParams{TenantID: tenantID, Now: now}); err != nil {
			return syncengine.Settings{}, err
		}
		row, err = q.GetSettings(ctx)
	}
	if err != nil {
		return syncengine.Settings{}, err
	}
	settings := settingsOf(row)
	settings.Lifted = int(row.Lifted)
	settings.Erased, err = withKey(ctx, q, row.Erased)
	return settings, err
}

func settingsOf(row sqlc.GetSettingsRow) syncengine.Settings {
	return syncengine.Settings{
		AutomaticSync: row.AutomaticSync, IntervalMinutes: int(row.IntervalMinutes), FilterGuests: row.FilterGuests,
		FilterUnlicensed: row.FilterUnlicensed, FilterServiceAccounts: row.FilterServiceAccounts, CustomPatterns: row.CustomPatterns,
		Groups: row.FilterGroups, AlwaysInclude: row.AlwaysInclude, NeverInclude: row.NeverInclude,
		FieldDisplayName: row.FieldDisplayName, FieldEmail: row.FieldEmail, FieldPhone: row.FieldPhone, FieldRole: row.FieldRole,
		FieldUPN: row.FieldUpn, MarkInactiveWhenDisabled: row.MarkInactiveWhenDisabled,
		AllowSameEmailAcrossClients: row.AllowSameEmailAcrossClients, GuardMinCount: int(row.GuardMinCount), GuardPercent: int(row.GuardPercent),
	}
}

// enableAutomaticSync switches automatic sync on where the run is the first initial one that got through. It
// is a change like those that people make.
func enableAutomaticSync(ctx context.Context, q *sqlc.Queries, tenantID string, runID uuid.UUID, now time.Time) error {
	if err := q.EnsureSettings(ctx, sqlc.EnsureSettingsParams{TenantID: tenantID, Now: now}); err != nil {
		return err
	}
	enabled, err := q.EnableAutomaticSync(ctx, sqlc.EnableAutomaticSyncParams{Now: now, RunID: runID})
	if err != nil || enabled == 0 {
		return err
	}
	after, err := tenantState(ctx, q)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	was := syncengine.Stated{AutomaticSync: new(bool)}
	return addChange(ctx, q, tenantID, syncengine.SettingsChange{
		ID: id.String(), Version: after.Version, At: now, Fields: was.Fields(), Before: was.Over(after.Stated), After: after.Stated,
	})
}

// lockedState reads settings that are about to be changed; others who change them
// wait.
func lockedState(ctx context.Context, q *sqlc.Queries, tenantID, managedTenantID string, now time.Time) (syncengine.SettingsState, error) {
	if managedTenantID == "" {
		if err := q.EnsureSettings(ctx, sqlc.EnsureSettingsParams{TenantID: tenantID, Now: now}); err != nil {
			return syncengine.SettingsState{}, err
		}
		if err := q.LockSettings(ctx); err != nil {
			return syncengine.SettingsState{}, err
		}
		return tenantState(ctx, q)
	}
	err := q.EnsureManagedTenantSettings(ctx, sqlc.EnsureManagedTenantSettingsParams{TenantID: tenantID, ManagedTenantID: managedTenantID, Now: now})
	if err != nil {
		return syncengine.SettingsState{}, err
	}
	if err := q.LockManagedTenantSettings(ctx, managedTenantID); err != nil {
		return syncengine.SettingsState{}, err
	}
	return ownState(ctx, q, managedTenantID)
}

func tenantState(ctx context.Context, q *sqlc.Queries) (syncengine.SettingsState, error) {
	row, err := q.GetSettings(ctx)
	return syncengine.SettingsState{
		Stated: settingsOf(row).State(), Version: row.Version, UpdatedAt: &row.UpdatedAt, UpdatedBy: row.UpdatedBy,
	}, err
}

// ownState is empty, version 0, for a managed tenant that has nothing of its own.
func ownState(ctx context.Context, q *sqlc.Queries, managedTenantID string) (syncengine.SettingsState, error) {
	state := syncengine.SettingsState{ManagedTenantID: managedTenantID}
	row, err := q.GetManagedTenantSettings(ctx, managedTenantID)
	if pg.NoRows(err) {
		return state, nil
	}
	if err != nil {
		return state, err
	}
	state.Stated = syncengine.Stated{
		Guests: row.FilterGuests, Unlicensed: row.FilterUnlicensed, ServiceAccounts: row.FilterServiceAccounts,
		CustomPatterns: ownList(row.CustomPatterns), Groups: ownList(row.FilterGroups), AlwaysInclude: ownList(row.AlwaysInclude),
		NeverInclude: ownList(row.NeverInclude), DisplayName: row.FieldDisplayName, Email: row.FieldEmail, Phone: row.FieldPhone,
		Role: row.FieldRole, UPN: row.FieldUpn,
	}
	state.Version = row.Version
	if row.Version > 0 {
		state.UpdatedAt, state.UpdatedBy = &row.UpdatedAt, row.UpdatedBy
	}
	return state, nil
}

// ownList is nil for a column that is null.
func ownList(column []string) *[]string {
	if column == nil {
		return nil
	}
	return &column
}

func columnOf(list *[]string) []string {
	switch {
	case list == nil:
		return nil
	case *list == nil:
		return []string{}
	}
	return *list
}

// writeState writes settings that were locked.
func writeState(ctx context.Context, q *sqlc.Queries, state syncengine.SettingsState) error {
	s := state.Stated
	if state.ManagedTenantID != "" {
		return q.UpdateManagedTenantSettings(ctx, sqlc.UpdateManagedTenantSettingsParams{
			FilterGuests: s.Guests, FilterUnlicensed: s.Unlicensed, FilterServiceAccounts: s.ServiceAccounts,
			CustomPatterns: columnOf(s.CustomPatterns), FilterGroups: columnOf(s.Groups), AlwaysInclude: columnOf(s.AlwaysInclude),
			NeverInclude: columnOf(s.NeverInclude), FieldDisplayName: s.DisplayName, FieldEmail: s.Email, FieldPhone: s.Phone,
			FieldRole: s.Role, FieldUpn: s.UPN, Version: state.Version, UpdatedAt: *state.UpdatedAt, UpdatedBy: state.UpdatedBy,
			ManagedTenantID: state.ManagedTenantID,
		})
	}
	return q.UpdateSettings(ctx, sqlc.UpdateSettingsParams{
		AutomaticSync: *s.AutomaticSync, IntervalMinutes: int32(*s.IntervalMinutes), FilterGuests: *s.Guests, FilterUnlicensed: *s.Unlicensed,
		FilterServiceAccounts: *s.ServiceAccounts, CustomPatterns: columnOf(s.CustomPatterns), FilterGroups: columnOf(s.Groups),
		AlwaysInclude: columnOf(s.AlwaysInclude), NeverInclude: columnOf(s.NeverInclude), FieldDisplayName: *s.DisplayName, FieldEmail: *s.Email,
		FieldPhone: *s.Phone, FieldRole: *s.Role, FieldUpn: *s.UPN, MarkInactiveWhenDisabled: *s.MarkInactiveWhenDisabled,
		AllowSameEmailAcrossClients: *s.AllowSameEmailAcrossClients, GuardMinCount: int32(*s.GuardMinCount), GuardPercent: int32(*s.GuardPercent),
		Version: state.Version, UpdatedAt: *state.UpdatedAt, UpdatedBy: state.UpdatedBy,
	})
}

func addChange(ctx context.Context, q *sqlc.Queries, tenantID string, change syncengine.SettingsChange) error {
	id, err := parse(change.ID, errMalformedID)
	if err != nil {
		return err
	}
	before, err := json.Marshal(change.Before)
	if err != nil {
		return err
	}
	after, err := json.Marshal(change.After)
	if err != nil {
		return err
	}
	return q.AddSettingsChange(ctx, sqlc.AddSettingsChangeParams{
		TenantID: tenantID, ID: id, ManagedTenantID: change.ManagedTenantID, Version: change.Version, ChangedAt: change.At, ChangedBy: change.By,
		Fields: change.Fields, Before: before, After: after,
	})
}
