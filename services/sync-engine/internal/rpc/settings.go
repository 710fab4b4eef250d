package rpc

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/rpc/wire"
	"github.com/entrasync/entrasync/pkg/tenant"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// SettingsCases are what the server of settings calls.
type SettingsCases struct {
	Read    *syncengine.ReadSettings
	Changes *syncengine.ListSettingsChanges
	Change  *syncengine.ChangeSettings
	Test    *syncengine.TestFilters
}

// RegisterSettings serves the contracts of settings.
func RegisterSettings(server grpc.ServiceRegistrar, cases SettingsCases) {
	syncenginev1.RegisterSettingsServiceServer(server, &settingsServer{cases: cases})
	syncenginev1.RegisterFilterTestServiceServer(server, &filterTestServer{test: cases.Test})
}

type settingsServer struct {
	syncenginev1.UnimplementedSettingsServiceServer
	cases SettingsCases
}

func (s *settingsServer) GetSettings(ctx context.Context, req *syncenginev1.GetSettingsRequest) (*syncenginev1.GetSettingsResponse, error) {
	state, err := s.cases.Read.Do(ctx, req.GetManagedTenantId())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.GetSettingsResponse{Settings: settingsMessage(state)}, nil
}

func (s *settingsServer) UpdateSettings(ctx context.Context, req *syncenginev1.UpdateSettingsRequest) (*syncenginev1.UpdateSettingsResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	patch := req.GetSettings()
	if patch == nil {
		patch = &syncenginev1.SettingsPatch{}
	}
	state, effects, err := s.cases.Change.Do(ctx, syncengine.NewSettings{
		ManagedTenantID: req.GetManagedTenantId(), Change: statedOf(patch, req.GetFields()), Null: nullOf(req.GetFields()),
		Version: patch.Version, By: call.Actor.ID, // absent differs from 0
	})
	if err != nil {
		return nil, err
	}
	message := settingsMessage(state)
	message.Effects = &effects
	return &syncenginev1.UpdateSettingsResponse{Settings: message}, nil
}

func (s *settingsServer) ListSettingsChanges(
	ctx context.Context, req *syncenginev1.ListSettingsChangesRequest,
) (*syncenginev1.ListSettingsChangesResponse, error) {
	filters := []string{"settings", req.GetManagedTenantId()}
	cursor, err := page.Parse(req.GetPageToken(), filters...)
	if err != nil {
		return nil, err
	}
	after := ""
	if cursor != nil {
		after = cursor.ID
	}
	changes, next, err := s.cases.Changes.Do(ctx, req.GetManagedTenantId(), after, pageSize(req.GetPageSize()))
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListSettingsChangesResponse{Changes: make([]*syncenginev1.SettingsChange, len(changes))}
	for i := range changes {
		answer.Changes[i] = settingsChangeMessage(&changes[i])
	}
	if next != "" {
		answer.NextPageToken = page.Cursor{ID: next}.Token(filters...)
	}
	return answer, nil
}

func settingsChangeMessage(c *syncengine.SettingsChange) *syncenginev1.SettingsChange {
	side := func(stated syncengine.Stated) *syncenginev1.Settings {
		m := statedMessage(stated)
		if c.ManagedTenantID != "" {
			m.OwnFields = stated.Fields()
		}
		return m
	}
	m := &syncenginev1.SettingsChange{
		ChangeId: c.ID, ManagedTenantId: wire.Optional(c.ManagedTenantID), Version: c.Version, ChangedAt: timestamppb.New(c.At), ChangedBy: c.By,
		Fields: c.Fields, Before: side(c.Before), After: side(c.After),
	}
	m.Before.Version, m.After.Version = c.Version-1, c.Version
	return m
}

func settingsMessage(state syncengine.SettingsState) *syncenginev1.Settings {
	m := statedMessage(state.Stated)
	m.Version, m.UpdatedAt, m.UpdatedBy = state.Version, wire.Timestamp(state.UpdatedAt), state.UpdatedBy
	if state.ManagedTenantID != "" {
		m.OwnFields = state.Stated.Fields()
	}
	return m
}

// statedMessage leaves out what is not said.
func statedMessage(s syncengine.Stated) *syncenginev1.Settings {
	return &syncenginev1.Settings{
		AutomaticSync: s.AutomaticSync, IntervalMinutes: int32Of(s.IntervalMinutes), MarkInactiveWhenDisabled: s.MarkInactiveWhenDisabled,
		AllowSameEmailAcrossClients: s.AllowSameEmailAcrossClients,
		Filters: &syncenginev1.Filters{
			Guests: s.Guests, Unlicensed: s.Unlicensed, ServiceAccounts: s.ServiceAccounts, CustomPatterns: listOf(s.CustomPatterns),
			Groups: listOf(s.Groups), AlwaysInclude: listOf(s.AlwaysInclude), NeverInclude: listOf(s.NeverInclude),
		},
		FieldRules: &syncenginev1.FieldRules{DisplayName: s.DisplayName, Email: s.Email, Phone: s.Phone, Role: s.Role, Upn: s.UPN},
		Guard:      &syncenginev1.Guard{MinCount: int32Of(s.GuardMinCount), Percent: int32Of(s.GuardPercent)},
	}
}

// statedOf reads what a change says: what is set, and the lists that are given
// empty.
func statedOf(patch *syncenginev1.SettingsPatch, fields *policyv1.BodyFields) syncengine.Stated {
	list := func(values []string, path string) *[]string {
		if len(values) == 0 && !slices.Contains(fields.GetGiven(), path) {
			return nil
		}
		return &values
	}
	filters, rules := patch.GetFilters(), patch.GetFieldRules()
	stated := syncengine.Stated{
		CustomPatterns: list(filters.GetCustomPatterns(), "filters.customPatterns"), Groups: list(filters.GetGroups(), "filters.groups"),
		AlwaysInclude: list(filters.GetAlwaysInclude(), "filters.alwaysInclude"), NeverInclude: list(filters.GetNeverInclude(), "filters.neverInclude"),
		AutomaticSync: patch.AutomaticSync, IntervalMinutes: intOf(patch.IntervalMinutes), // absent differs from false
		MarkInactiveWhenDisabled: patch.MarkInactiveWhenDisabled, AllowSameEmailAcrossClients: patch.AllowSameEmailAcrossClients,
	}
	if filters != nil {
		stated.Guests, stated.Unlicensed, stated.ServiceAccounts = filters.Guests, filters.Unlicensed, filters.ServiceAccounts
	}
	if rules != nil {
		stated.DisplayName, stated.Email, stated.Phone, stated.Role, stated.UPN = rules.DisplayName, rules.Email, rules.Phone, rules.Role, rules.Upn
	}
	if guard := patch.GetGuard(); guard != nil {
		stated.GuardMinCount, stated.GuardPercent = intOf(guard.MinCount), intOf(guard.Percent)
	}
	return stated
}

// nullOf are the paths that are null; the version is then one that was not read.
func nullOf(fields *policyv1.BodyFields) []string {
	return slices.DeleteFunc(slices.Clone(fields.GetNull()), func(path string) bool { return path == "version" })
}

func listOf(list *[]string) []string {
	if list == nil {
		return nil
	}
	return *list
}

func intOf(n *int32) *int {
	if n == nil {
		return nil
	}
	wide := int(*n)
	return &wide
}

func int32Of(n *int) *int32 {
	if n == nil {
		return nil
	}
	narrow := int32(*n) // settings are small
	return &narrow
}
