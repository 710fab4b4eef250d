package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlatformFlags(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ensure := func() []any {
		res := b.platform("POST", "/api/v1/platform-feature-flags", `{"__action":"ensure_entra_phase1_flags"}`)
		require.Equal(t, 200, res.status, res.body)
		require.Len(t, res.json(t)["flags"], 5)
		return res.json(t)["created"].([]any)
	}
	require.Len(t, ensure(), 5)
	require.Empty(t, ensure())
	flag := func(token, key string) bool {
		for _, f := range b.as(token, "GET", "/api/feature-flags", "").json(t)["flags"].([]any) {
			if f.(map[string]any)["key"] == key {
				return f.(map[string]any)["enabled"].(bool)
			}
		}
		require.Fail(t, "no flag "+key)
		return false
	}
	require.False(t, flag(b.reader("t1"), "entra-integration-ui"))
	b.target("entra-integration-ui", "t1", "add")
	b.target("entra-integration-ui", "t1", "add")
	require.True(t, flag(b.reader("t1"), "entra-integration-ui"))
	require.False(t, flag(b.reader("t2"), "entra-integration-ui"))
	require.False(t, flag(b.reader("t1"), "entra-integration-field-sync"))

	list := b.platform("GET", "/api/v1/platform-feature-flags", "").json(t)["flags"].([]any)
	byKey := map[string]map[string]any{}
	for _, f := range list {
		byKey[f.(map[string]any)["key"].(string)] = f.(map[string]any)
	}
	require.Equal(t, []any{"t1"}, byKey["entra-integration-ui"]["tenantIds"])
	b.target(byKey["entra-integration-ui"]["id"].(string), "t1", "remove") // by id
	require.False(t, flag(b.reader("t1"), "entra-integration-ui"))

	for body, code := range map[string]string{
		`{"key":"entra-integration-ui"}`: "flag_exists",
		`{"__action":"something_else"}`:  "invalid_argument",
		`{}`:                             "invalid_argument",
		`{"key":"Upper"}`:                "invalid_argument",
	} {
		require.Equal(t, code, b.platform("POST", "/api/v1/platform-feature-flags", body).problem(t).Code, body)
	}
	res := b.platform("POST", "/api/v1/platform-feature-flags", `{"key":"another-flag","description":"For a test."}`)
	require.Equal(t, 200, res.status, res.body)
	require.Equal(t, "flag_unknown", b.platform("POST", "/api/v1/platform-feature-flags/nothing/tenants", `{"__action":"add","tenantId":"t1"}`).problem(t).Code)
	require.Equal(t, "invalid_argument", b.platform("POST", "/api/v1/platform-feature-flags/another-flag/tenants", `{"__action":"toggle","tenantId":"t1"}`).problem(t).Code)
	require.Equal(t, "invalid_argument", b.platform("POST", "/api/v1/platform-feature-flags/another-flag/tenants", `{"__action":"add","tenantId":"a b"}`).problem(t).Code)

	// The platform's POSTs may be repeated too, though they belong to no tenant.
	create := func() answer {
		return b.do("POST", "/api/v1/platform-feature-flags", `{"key":"once"}`, "X-Api-Key", platformKey, "Idempotency-Key", "p1")
	}
	require.Equal(t, 200, create().status)
	repeated := create()
	require.Equal(t, 200, repeated.status, repeated.body)
	require.Equal(t, "true", repeated.header.Get("Idempotency-Replayed"))
}

func TestAudit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.as(b.admin("t1"), "POST", syncPath, `{"scope":"initial"}`, "X-Request-Id", "req-1")
	b.as(b.reader("t1"), "POST", syncPath, `{"scope":"initial"}`, "X-Request-Id", "req-2")
	b.as(b.reader("t1"), "GET", "/api/clients", "")
	page := b.as(b.reader("t1"), "GET", "/api/audit?pageSize=1", "").json(t)
	event := page["events"].([]any)[0].(map[string]any)
	require.Equal(t, "entrasync.orchestration.v1.OrchestrationService/StartSync", event["action"])
	require.Equal(t, "permission_denied", event["outcome"])
	require.Equal(t, "reader", event["actorId"])
	require.Equal(t, "user", event["actorType"])
	require.Equal(t, "req-2", event["requestId"])
	require.Equal(t, "127.0.0.1", event["remoteAddr"])
	page = b.as(b.reader("t1"), "GET", "/api/audit?pageSize=1&pageToken="+page["nextPageToken"].(string), "").json(t)
	require.Equal(t, "ok", page["events"].([]any)[0].(map[string]any)["outcome"])
	require.Empty(t, page["nextPageToken"])
	require.Empty(t, b.as(b.reader("t2"), "GET", "/api/audit", "").json(t)["events"])
	require.Equal(t, 400, b.as(b.reader("t1"), "GET", "/api/audit?pageToken=rubbish", "").status)

	b.do("GET", "/api/v1/platform-feature-flags", "", "X-Api-Key", "wrong", "X-Request-Id", "req-3")
	b.settle()
	var outcome string
	var attempts int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(),
		`SELECT outcome, attempts FROM audit_events WHERE tenant_id IS NULL AND actor_id = 'unknown'`).Scan(&outcome, &attempts))
	require.Equal(t, "unauthenticated", outcome)
	require.Equal(t, 1, attempts)
	var changes int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(),
		`SELECT count(*) FROM audit_events WHERE tenant_id IS NULL AND actor_id = 'platform' AND outcome = 'ok'`).Scan(&changes))
	require.Equal(t, 1+5, changes, "the flags were made, and each was turned on")
}
