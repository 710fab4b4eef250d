package servicetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// change changes settings and expects it to be accepted.
func (b *bundle) change(ctx context.Context, t *testing.T, req *syncenginev1.UpdateSettingsRequest) *syncenginev1.Settings {
	t.Helper()
	answer, err := b.settings.UpdateSettings(ctx, req)
	require.NoError(t, err)
	return answer.GetSettings()
}

func (b *bundle) current(ctx context.Context, t *testing.T, managedTenantID string) *syncenginev1.Settings {
	t.Helper()
	answer, err := b.settings.GetSettings(ctx, &syncenginev1.GetSettingsRequest{ManagedTenantId: managedTenantID})
	require.NoError(t, err)
	return answer.GetSettings()
}

func violationsOf(t *testing.T, err error) map[string]string {
	t.Helper()
	e, ok := errors.AsType[*errs.Error](err)
	require.True(t, ok, err)
	found := map[string]string{}
	for _, v := range e.Violations() {
		found[v.Field] = v.Message
	}
	return found
}

func TestEveryTenantHasSettingsFromItsFirstCall(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	s := b.current(ctx, t, "")
	require.False(t, s.GetAutomaticSync())
	require.NotNil(t, s.AutomaticSync, "of a tenant everything is said")
	require.Equal(t, int32(1440), s.GetIntervalMinutes())
	require.True(t, s.GetFilters().GetServiceAccounts())
	require.False(t, s.GetFilters().GetGuests())
	require.NotNil(t, s.GetFieldRules().Upn)
	require.True(t, s.GetMarkInactiveWhenDisabled())
	require.True(t, s.GetAllowSameEmailAcrossClients())
	require.Equal(t, int32(4), s.GetGuard().GetMinCount())
	require.Equal(t, int32(20), s.GetGuard().GetPercent())
	require.Equal(t, int64(1), s.GetVersion())
	require.Empty(t, s.GetUpdatedBy())
}

func TestAChangeSaysWhatItChangesAndNothingElse(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	s := b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{
		Filters: &syncenginev1.Filters{Guests: ptr(true), CustomPatterns: []string{"^test", "^test"}, NeverInclude: []string{" Info@Corp.Example "}},
		Version: ptr(int64(1)),
	}})
	require.True(t, s.GetFilters().GetGuests())
	require.True(t, s.GetFilters().GetServiceAccounts(), "not named")
	require.Equal(t, []string{"^test"}, s.GetFilters().GetCustomPatterns())
	require.Equal(t, []string{"info@corp.example"}, s.GetFilters().GetNeverInclude())
	require.Equal(t, int64(2), s.GetVersion())
	require.Equal(t, "user-7", s.GetUpdatedBy())
	require.Equal(t, "settled", s.GetEffects(), "the schedule is not concerned")

	same := b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{Filters: &syncenginev1.Filters{Guests: ptr(true)}}})
	require.Equal(t, int64(2), same.GetVersion(), "what changes nothing is no change")

	_, err := b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{
		AllowSameEmailAcrossClients: ptr(false), Version: ptr(int64(1)),
	}})
	require.Equal(t, "stale_version", errs.ReasonOf(err))
	require.Equal(t, errs.Conflict, errs.KindOf(err))
	require.Contains(t, violationsOf(t, err)["version"], "is 2 now: user-7 changed the settings at ")
	require.True(t, b.current(ctx, t, "").GetAllowSameEmailAcrossClients())

	empty := b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{
		Settings: &syncenginev1.SettingsPatch{}, Fields: &policyv1.BodyFields{Given: []string{"filters.customPatterns"}},
	})
	require.Empty(t, empty.GetFilters().GetCustomPatterns())
	require.Len(t, empty.GetFilters().GetNeverInclude(), 1, "an absent list stays")

	history, err := b.settings.ListSettingsChanges(ctx, &syncenginev1.ListSettingsChangesRequest{PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, []string{"filters.customPatterns"}, history.GetChanges()[0].GetFields())
	require.Equal(t, []string{"^test"}, history.GetChanges()[0].GetBefore().GetFilters().GetCustomPatterns())
	require.Empty(t, history.GetChanges()[0].GetAfter().GetFilters().GetCustomPatterns())
	require.Equal(t, int64(3), history.GetChanges()[0].GetVersion())
	older, err := b.settings.ListSettingsChanges(ctx, &syncenginev1.ListSettingsChangesRequest{PageSize: 1, PageToken: history.GetNextPageToken()})
	require.NoError(t, err)
	require.Equal(t, "user-7", older.GetChanges()[0].GetChangedBy())
	require.Equal(t, []string{"filters.guests", "filters.customPatterns", "filters.neverInclude"}, older.GetChanges()[0].GetFields())
	require.Empty(t, older.GetNextPageToken())
}

func TestAManagedTenantHasItsOwnAndGivesItBack(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	require.Empty(t, b.current(ctx, t, managed).GetOwnFields())
	own := b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{
		ManagedTenantId: managed, Fields: &policyv1.BodyFields{Given: []string{"filters.customPatterns"}},
		Settings: &syncenginev1.SettingsPatch{
			Filters: &syncenginev1.Filters{Guests: ptr(true)}, FieldRules: &syncenginev1.FieldRules{Phone: ptr(true)}, Version: ptr(int64(0)),
		},
	})
	require.Equal(t, []string{"filters.guests", "filters.customPatterns", "fieldRules.phone"}, own.GetOwnFields(), "an own list may be empty")
	require.Nil(t, own.GetFilters().Unlicensed, "what is the tenant's is absent")
	require.Nil(t, own.AutomaticSync)
	require.False(t, b.current(ctx, t, "").GetFilters().GetGuests())

	own = b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{
		ManagedTenantId: managed, Settings: &syncenginev1.SettingsPatch{}, Fields: &policyv1.BodyFields{Null: []string{"filters", "fieldRules.upn"}},
	})
	require.Equal(t, []string{"fieldRules.phone"}, own.GetOwnFields())
	require.Equal(t, int64(2), own.GetVersion())
	history, err := b.settings.ListSettingsChanges(ctx, &syncenginev1.ListSettingsChangesRequest{ManagedTenantId: managed})
	require.NoError(t, err)
	require.Len(t, history.GetChanges(), 2)
	require.Equal(t, []string{"filters.guests", "filters.customPatterns", "fieldRules.phone"}, history.GetChanges()[0].GetBefore().GetOwnFields())

	_, err = b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{
		ManagedTenantId: managed, Settings: &syncenginev1.SettingsPatch{IntervalMinutes: ptr(int32(15))}, Fields: &policyv1.BodyFields{Null: []string{"guard"}},
	})
	require.Contains(t, violationsOf(t, err), "intervalMinutes")
	require.Contains(t, violationsOf(t, err), "guard")
	_, err = b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{
		Settings: &syncenginev1.SettingsPatch{}, Fields: &policyv1.BodyFields{Null: []string{"filters.guests"}},
	})
	require.Contains(t, violationsOf(t, err), "filters.guests", "the tenant has nothing above it")
	for _, call := range []func() error{
		func() error {
			_, err := b.settings.GetSettings(ctx, &syncenginev1.GetSettingsRequest{ManagedTenantId: "unknown"})
			return err
		},
		func() error {
			_, err := b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{
				ManagedTenantId: "unknown", Settings: &syncenginev1.SettingsPatch{Filters: &syncenginev1.Filters{Guests: ptr(true)}},
			})
			return err
		},
	} {
		err := call()
		require.Equal(t, "not_mapped", errs.ReasonOf(err))
		require.Equal(t, errs.NotFound, errs.KindOf(err))
	}
}

func TestSettingsAreRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	_, err := b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{
		Filters: &syncenginev1.Filters{
			CustomPatterns: []string{"^ok", "a[b", "x{2,1}"}, Groups: []string{"Everybody"},
			AlwaysInclude: []string{"no address"}, NeverInclude: []string{"a@b@c"},
		},
	}})
	require.Equal(t, "invalid_pattern", errs.ReasonOf(err))
	found := violationsOf(t, err)
	require.Equal(t, "missing closing ] at position 2", found["filters.customPatterns[1]"])
	require.Contains(t, found, "filters.customPatterns[2]")
	require.Contains(t, found, "filters.groups[0]")
	require.Contains(t, found, "filters.alwaysInclude[0]")
	require.Contains(t, found, "filters.neverInclude[0]")
	require.Len(t, found, 5)
	_, err = b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{IntervalMinutes: ptr(int32(14))}})
	require.Contains(t, violationsOf(t, err), "settings.intervalMinutes")
	b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{
		Filters: &syncenginev1.Filters{AlwaysInclude: []string{"ann@corp.example"}},
	}})
	_, err = b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{
		Filters: &syncenginev1.Filters{NeverInclude: []string{"ANN@corp.example"}},
	}})
	require.Contains(t, violationsOf(t, err), "filters.neverInclude[0]", "included and left out")
	require.Equal(t, int64(2), b.current(ctx, t, "").GetVersion(), "what is refused changes nothing")
}

// TestTheBoundsOfSettingsAreAllowed: the least and the most that the contract names.
func TestTheBoundsOfSettingsAreAllowed(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	for _, bound := range []struct{ interval, count, percent int32 }{{15, 1, 0}, {10080, 1_000_000, 100}} {
		b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{
			IntervalMinutes: &bound.interval, Guard: &syncenginev1.Guard{MinCount: &bound.count, Percent: &bound.percent},
		}})
		now := b.current(ctx, t, "")
		require.Equal(t, bound.interval, now.GetIntervalMinutes())
		require.Equal(t, bound.count, now.GetGuard().GetMinCount())
		require.Equal(t, bound.percent, now.GetGuard().GetPercent())
	}
}

// TestTheScheduleIsToldOfItsSettings: the effect is there with the change, and the
// answer waits for it.
func TestTheScheduleIsToldOfItsSettings(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	changed := make(chan *syncenginev1.Settings, 1)
	go func() {
		answer, err := b.settings.UpdateSettings(ctx, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{IntervalMinutes: ptr(int32(60))}})
		if err == nil {
			changed <- answer.GetSettings()
		}
		close(changed)
	}()
	pulled, err := b.effects.PullEffects(t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10, WaitSeconds: 25})
	require.NoError(t, err)
	require.Len(t, pulled.GetEffects(), 1)
	effect := pulled.GetEffects()[0]
	require.Equal(t, "schedule_changed", effect.GetKind())
	require.Equal(t, "msp", effect.GetTenantId())
	require.Equal(t, "user-7", effect.GetActorId())
	_, err = b.effects.AckEffect(ctx, &orchestrationv1.AckEffectRequest{EffectId: effect.GetEffectId(), Outcome: "done"})
	require.NoError(t, err)
	answer, ok := <-changed
	require.True(t, ok)
	require.Contains(t, []string{"settled", "pending"}, answer.GetEffects()) // pending where the machine is slow
	require.Equal(t, int32(60), answer.GetIntervalMinutes())
}
