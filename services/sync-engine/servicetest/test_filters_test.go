package servicetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// changes are what became of whom, by display name.
func changes(answer *syncenginev1.TestFiltersResponse) map[string]string {
	found := map[string]string{}
	for _, id := range answer.GetIdentities() {
		found[id.GetDisplayName()] = id.GetChange() + " " + id.GetNow().GetReason() + ">" + id.GetThen().GetReason()
		if id.GetThen().GetPattern() != "" {
			found[id.GetDisplayName()] += " " + id.GetThen().GetPattern()
		}
	}
	return found
}

// synced does a sync of the one directory.
func (b *bundle) synced(ctx context.Context, t *testing.T) {
	t.Helper()
	run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual"})
	require.NoError(t, err)
	_, err = b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(t, err)
	_, err = b.sync(ctx, run)
	require.NoError(t, err)
	_, err = b.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(t, err)
}

func TestFiltersAreTriedOnASample(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{
		Filters: &syncenginev1.Filters{Guests: ptr(true), CustomPatterns: []string{"^old"}},
	}})
	sample := []*syncenginev1.SampleIdentity{
		{UserPrincipalName: "ann@corp.example", DisplayName: "Ann Lee"},
		{UserPrincipalName: "room5@corp.example", DisplayName: "Room 5"},
		{UserPrincipalName: "gil_home.example#EXT#@corp.example", DisplayName: "Gil Fox", UserType: "Guest", OtherMails: []string{"gil@home.example"}},
		{UserPrincipalName: "hal_home.example#EXT#@corp.example", DisplayName: "Hal Fox", UserType: "Guest"},
		{UserPrincipalName: "old@corp.example", DisplayName: "Old One"},
		{UserPrincipalName: "off@corp.example", DisplayName: "Ola Off", AccountEnabled: ptr(false)},
		{UserPrincipalName: "svc-scan@corp.example", DisplayName: "Scanner"},
		{DisplayName: "Nobody"},
	}
	answer, err := b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{
		Identities: sample, Filters: &syncenginev1.Filters{Guests: ptr(false), CustomPatterns: []string{"^room "}},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"Room 5": "dropped >tenant_custom_pattern ^room ", "Gil Fox": "added guest>", "Hal Fox": "left_out guest>no_address", "Old One": "added tenant_custom_pattern>",
		"Ola Off": "left_out account_disabled>account_disabled", "Scanner": "left_out service_account>service_account svc…",
		"Nobody": "left_out missing_id>missing_id",
	}, changes(answer))
	require.Equal(t, "dropped", answer.GetIdentities()[0].GetChange(), "who would be dropped comes first")
	require.Equal(t, "svc…", answer.GetIdentities()[5].GetNow().GetPattern())
	require.Equal(t, []int32{8, 1, 2, 4}, []int32{answer.GetTotal(), answer.GetDropped(), answer.GetAdded(), answer.GetLeftOut()})
	require.Equal(t, map[string]int32{"tenant_custom_pattern": 1, "account_disabled": 1, "service_account": 1, "missing_id": 1, "no_address": 1}, answer.GetFiltered())

	answer, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{
		Identities: sample, Filters: &syncenginev1.Filters{}, Fields: &policyv1.BodyFields{Given: []string{"filters.customPatterns"}},
	})
	require.NoError(t, err)
	require.Equal(t, "added tenant_custom_pattern>", changes(answer)["Old One"], "an empty list is tried too")
	require.Equal(t, int64(2), b.current(ctx, t, "").GetVersion(), "nothing is saved")

	_, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{
		Identities: sample, Filters: &syncenginev1.Filters{CustomPatterns: []string{"a", "b("}},
	})
	require.Contains(t, violationsOf(t, err), "filters.customPatterns[1]")
	_, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{Filters: &syncenginev1.Filters{Groups: []string{staff}}})
	require.Contains(t, violationsOf(t, err), "managedTenantId")
	_, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{ManagedTenantId: "unknown"})
	require.Equal(t, "not_mapped", errs.ReasonOf(err))
}

func TestFiltersAreTriedOnTheDirectory(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	b.connection.events = []*connectionv1.ListUsersResponse{page(user("ann", "ann@corp.example"), user("bob", "bob@corp.example")), completed}
	b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{
		ManagedTenantId: managed, Settings: &syncenginev1.SettingsPatch{Filters: &syncenginev1.Filters{NeverInclude: []string{"ann@corp.example"}}},
	})
	answer, err := b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{ManagedTenantId: managed, Filters: &syncenginev1.Filters{Groups: []string{staff}}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"Name of ann": "left_out never_included>never_included ann@corp.example", "Name of bob": "dropped >group_scope",
	}, changes(answer))

	b.synced(ctx, t)
	answer, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{ManagedTenantId: managed, Filters: &syncenginev1.Filters{Groups: []string{staff}}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Name of ann": "left_out never_included>never_included ann@corp.example"}, changes(answer), "who is linked stays linked")
	require.Equal(t, []int32{2, 1, 0, 1}, []int32{answer.GetTotal(), answer.GetLinked(), answer.GetDropped(), answer.GetLeftOut()})
	require.Equal(t, map[string]int32{"never_included": 1}, answer.GetFiltered())

	b.connection.events = b.connection.events[:1]
	_, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{ManagedTenantId: managed})
	require.Equal(t, "listing_broke_off", errs.ReasonOf(err))

	var many []*connectionv1.DirectoryUser
	for range 1001 {
		many = append(many, user("eve", "eve@corp.example"))
	}
	b.connection.events = nil
	for range 10 {
		b.connection.events = append(b.connection.events, page(many...))
	}
	answer, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{ManagedTenantId: managed, Filters: &syncenginev1.Filters{Groups: []string{staff}}})
	require.NoError(t, err)
	require.True(t, answer.GetMoreUsers())
	require.Equal(t, int32(10_000), answer.GetTotal())
	require.Equal(t, int32(10_000), answer.GetDropped())
	require.Len(t, answer.GetIdentities(), 1000)
}

// TestFiltersAreTriedOnTheLastListing: without Microsoft, on whom filters decide about.
func TestFiltersAreTriedOnTheLastListing(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	guest, twin, other := user("gil", "gil@corp.example"), user("t1", "twin@corp.example"), user("t2", "twin@corp.example")
	guest.UserType = ptr("Guest")
	other.DisplayName = ptr("Room 5")
	b.connection.events = []*connectionv1.ListUsersResponse{
		page(user("ann", "ann@corp.example"), guest, twin, other, user("svc-scan", "svc-scan@corp.example"), user("", "nobody@corp.example")), completed,
	}
	b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{Filters: &syncenginev1.Filters{Guests: ptr(true)}}})
	b.synced(ctx, t)
	b.connection.events = nil
	answer, err := b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{
		ManagedTenantId: managed, LastListing: true, Filters: &syncenginev1.Filters{Guests: ptr(false), CustomPatterns: []string{"^room "}},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"Name of gil": "added guest>", "Room 5": "dropped >tenant_custom_pattern ^room ", "Name of svc-scan": "left_out service_account>service_account svc…",
	}, changes(answer))
	require.Equal(t, int32(4), answer.GetTotal(), "who is linked stays linked, and who could not be read stays out")
	require.False(t, answer.GetMoreUsers())

	_, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{
		ManagedTenantId: managed, LastListing: true, Identities: []*syncenginev1.SampleIdentity{{UserPrincipalName: "ann@corp.example"}},
	})
	require.Contains(t, violationsOf(t, err), "lastListing")
	_, err = b.filters.TestFilters(ctx, &syncenginev1.TestFiltersRequest{LastListing: true})
	require.Contains(t, violationsOf(t, err), "managedTenantId")
}
