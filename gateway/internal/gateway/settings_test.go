package gateway_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

const (
	settingsPath = "/api/integrations/entra/settings"
	settingsCall = "/entrasync.syncengine.v1.SettingsService/UpdateSettings"
)

// TestAPatchTellsWhatItsBodyGives: an empty list, null and what is absent are three
// things.
func TestAPatchTellsWhatItsBodyGives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on(settingsCall, func(context.Context, proto.Message) (proto.Message, error) {
		return &syncenginev1.UpdateSettingsResponse{Settings: &syncenginev1.Settings{Version: 7, Effects: proto.String("settled")}}, nil
	})
	patch := func(query, body string) answer {
		return b.as(b.admin("t1"), http.MethodPatch, settingsPath+query, body)
	}
	res := patch("?managedTenantId=m1", `{"version":"6","filters":{"guests":true,"customPatterns":[],"groups":null,"unlicensed":null},"fieldRules":null}`)
	require.Equal(t, http.StatusOK, res.status, res.body)
	require.Equal(t, "7", res.json(t)["version"], "the answer is the settings themselves")
	require.Equal(t, "settled", res.json(t)["effects"])
	got := b.backends.of(settingsCall)[0].request.(*syncenginev1.UpdateSettingsRequest)
	require.Equal(t, "m1", got.GetManagedTenantId())
	require.Equal(t, int64(6), got.GetSettings().GetVersion())
	require.True(t, got.GetSettings().GetFilters().GetGuests())
	require.Nil(t, got.GetSettings().GetFilters().ServiceAccounts)
	require.Equal(t, []string{"filters.guests", "filters.customPatterns", "version"}, got.GetFields().GetGiven())
	require.Equal(t, []string{"filters.unlicensed", "filters.groups", "fieldRules"}, got.GetFields().GetNull())

	for query, body := range map[string]string{
		"":                            `{"filters":{"guest":true}}`,
		"?fields.null=filters":        `{}`,
		"?settings.automaticSync=on":  `{}`,
		"?managedTenant=m1":           `{}`,
		"?managedTenantId=m1&x=1":     `{}`,
		"?managedTenantId=m1&fields=": `[]`,
	} {
		res := patch(query, body)
		require.Equal(t, http.StatusBadRequest, res.status, query+body+res.body)
	}
	res = patch("", `{"intervalMinutes":14}`)
	require.Equal(t, http.StatusBadRequest, res.status, res.body)
	require.Equal(t, "intervalMinutes", res.problem(t).Violations[0].Field, "as the body names it")
	b.backends.on(settingsCall, func(context.Context, proto.Message) (proto.Message, error) {
		return nil, errs.New(errs.Conflict, "stale_version", "Changed.", errs.WithViolation("version", "is 9 now"))
	})
	res = patch("", `{"version":8,"automaticSync":true}`)
	require.Equal(t, http.StatusConflict, res.status)
	require.Equal(t, "is 9 now", res.problem(t).Violations[0].Message)
}

// TestFiltersAreTriedByWhoMayRead, and an empty list is told from an absent one.
func TestFiltersAreTriedByWhoMayRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	const call = "/entrasync.syncengine.v1.FilterTestService/TestFilters"
	b.backends.on(call, func(context.Context, proto.Message) (proto.Message, error) {
		return &syncenginev1.TestFiltersResponse{Total: 1}, nil
	})
	res := b.as(b.reader("t1"), http.MethodPost, settingsPath+"/test-filters",
		`{"identities":[{"userPrincipalName":"a@b.example"}],"filters":{"customPatterns":[],"guests":true}}`)
	require.Equal(t, http.StatusOK, res.status, res.body)
	require.InDelta(t, 1, res.json(t)["total"], 0)
	got := b.backends.of(call)[0].request.(*syncenginev1.TestFiltersRequest)
	require.Equal(t, []string{"filters.guests", "filters.customPatterns", "identities"}, got.GetFields().GetGiven())
	require.Len(t, got.GetIdentities(), 1)
}

// TestFieldRulesNeedTheirFlag, also where they are taken back.
func TestFieldRulesNeedTheirFlag(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.target("entra-integration-field-sync", "t1", "remove")
	b.backends.on(settingsCall, func(context.Context, proto.Message) (proto.Message, error) {
		return &syncenginev1.UpdateSettingsResponse{Settings: &syncenginev1.Settings{}}, nil
	})
	for _, body := range []string{`{"fieldRules":{"email":true}}`, `{"fieldRules":{}}`, `{"fieldRules":null}`, `{"fieldRules":{"email":null}}`} {
		res := b.as(b.admin("t1"), http.MethodPatch, settingsPath+"?managedTenantId=m1", body)
		require.Equal(t, http.StatusNotFound, res.status, body)
		require.Equal(t, "feature_disabled", res.problem(t).Code)
	}
	res := b.as(b.admin("t1"), http.MethodPost, settingsCall, `{"settings":{},"managedTenantId":"m1","fields":{"null":["fieldRules"]}}`)
	require.Equal(t, http.StatusNotFound, res.status, res.body)
	require.Empty(t, b.backends.of(settingsCall))
	res = b.as(b.admin("t1"), http.MethodPatch, settingsPath, `{"filters":{"guests":true}}`)
	require.Equal(t, http.StatusOK, res.status, res.body)
	res = b.as(b.reader("t1"), http.MethodPatch, settingsPath, `{"filters":{"guests":true}}`)
	require.Equal(t, http.StatusForbidden, res.status, res.body)
}

// TestAPersonIsExplainedToWhoMayChange: it tells of one person, so that it needs more
// than reading, and stands in the audit trail.
func TestAPersonIsExplainedToWhoMayChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	const call = "/entrasync.syncengine.v1.ExplainService/Explain"
	b.backends.on(call, func(context.Context, proto.Message) (proto.Message, error) {
		return &syncenginev1.ExplainResponse{
			Outcome: "created", Steps: []*syncenginev1.ExplainStep{{Name: "guest", Result: "skipped", Text: "Switched off."}},
			Fetched: &syncenginev1.FetchedPerson{Mail: "mail@b.example", LicenceCount: proto.Int32(0)},
		}, nil
	})
	const path, body = "/api/integrations/entra/explain", `{"managedTenantId":"m1","userPrincipalName":"a@b.example"}`
	require.Equal(t, http.StatusForbidden, b.as(b.reader("t1"), http.MethodPost, path, body).status)
	res := b.as(b.admin("t1"), http.MethodPost, path, body)
	require.Equal(t, http.StatusOK, res.status, res.body)
	require.Equal(t, "created", res.json(t)["outcome"])
	fetched := res.json(t)["fetched"].(map[string]any)
	require.Equal(t, "mail@b.example", fetched["mail"])
	require.EqualValues(t, 0, fetched["licenceCount"], "none is known, unlike what is absent")
	require.NotContains(t, fetched, "accountEnabled")
	require.Equal(t, "m1", b.backends.of(call)[0].request.(*syncenginev1.ExplainRequest).GetManagedTenantId())
	require.Equal(t, http.StatusBadRequest, b.as(b.admin("t1"), http.MethodPost, path, `{"managedTenantId":"m1"}`).status)
	trail := b.as(b.admin("t1"), http.MethodGet, "/api/audit", "")
	require.Contains(t, trail.body, "Explain")
	require.NotContains(t, trail.body, "a@b.example")
	require.NotContains(t, trail.body, "mail@b.example")
}
