package wire_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/limit"
	"github.com/entrasync/entrasync/gateway/internal/policy"
	"github.com/entrasync/entrasync/gateway/internal/wire"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

const (
	startSync   = "/entrasync.orchestration.v1.OrchestrationService/StartSync"
	listClients = "/entrasync.mapping.v1.ClientService/ListClients"
	getClient   = "/entrasync.mapping.v1.ClientService/GetClient"
	batch       = "/entrasync.mapping.v1.ClientService/BatchUpsertClients"
	syncPath    = "/api/integrations/entra/sync"
)

// reason reads the ErrorInfo of a Connect error.
func reason(t *testing.T, body string) string {
	t.Helper()
	var e struct {
		Details []struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"details"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &e), body)
	for _, d := range e.Details {
		if d.Type == "google.rpc.ErrorInfo" {
			raw, err := base64.RawStdEncoding.DecodeString(d.Value)
			require.NoError(t, err)
			var info errdetails.ErrorInfo
			require.NoError(t, proto.Unmarshal(raw, &info))
			require.Equal(t, rpc.Domain, info.GetDomain())
			return info.GetReason()
		}
	}
	return ""
}

func TestTheSameCallOverEveryProtocol(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.backends.on(getClient, func(_ context.Context, r proto.Message) (proto.Message, error) {
		if r.(*mappingv1.GetClientRequest).GetId() == "c1" {
			return &mappingv1.GetClientResponse{Client: &mappingv1.Client{Id: "c1", Name: "Contoso"}}, nil
		}
		return nil, errs.New(errs.NotFound, "client_unknown", "There is no such client.", errs.WithMetadata("id", "c2"))
	})
	token := b.admin("t1")
	rest := b.as(token, "GET", "/api/clients/c1", "", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	require.Equal(t, 200, rest.status, rest.body)
	require.Equal(t, "Contoso", rest.json(t)["name"])
	require.Equal(t, []any{}, rest.json(t)["emailDomains"], "empty lists are present")
	require.Equal(t, false, rest.json(t)["deleted"])
	connected := b.as(token, "POST", getClient, `{"id":"c1"}`)
	require.Equal(t, 200, connected.status, connected.body)
	require.Equal(t, compact(t, rest.body), compact(t, `{`+strings.TrimSuffix(strings.TrimPrefix(compact(t, connected.body), `{"client":{`), `}`)))

	conn, err := grpc.NewClient(strings.TrimPrefix(b.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	client := mappingv1.NewClientServiceClient(conn)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token,
		"entrasync-context", "forged", "x-tenant", "t2") // a client's headers never become ours
	over, err := client.GetClient(ctx, &mappingv1.GetClientRequest{Id: "c1"})
	require.NoError(t, err)
	require.Equal(t, "Contoso", over.GetClient().GetName())
	calls := b.backends.of(getClient)
	require.Len(t, calls, 3)
	for _, c := range calls {
		require.Equal(t, "t1", string(c.call.Tenant))
		require.Equal(t, "admin", c.call.Actor.ID)
		require.Equal(t, "user", c.call.Actor.Type)
	}

	// The same error.
	p := b.as(token, "GET", "/api/clients/c2", "").problem(t)
	require.Equal(t, "client_unknown", p.Code)
	require.Equal(t, 404, p.Status)
	require.Equal(t, "There is no such client.", p.Detail)
	require.Equal(t, "/api/clients/c2", p.Instance)
	require.Equal(t, "client_unknown", reason(t, b.as(token, "POST", getClient, `{"id":"c2"}`).body))
	_, err = client.GetClient(ctx, &mappingv1.GetClientRequest{Id: "c2"})
	require.Equal(t, "client_unknown", errs.ReasonOf(rpc.FromStatus(err)))
	require.Equal(t, "There is no such client.", status.Convert(err).Message())
	_, err = client.GetClient(t.Context(), &mappingv1.GetClientRequest{Id: "c1"})
	require.Equal(t, "unauthenticated", errs.ReasonOf(rpc.FromStatus(err)))

	// gRPC-Web, in its own framing.
	raw, err := proto.Marshal(&mappingv1.GetClientRequest{Id: "c1"})
	require.NoError(t, err)
	frame := append([]byte{0, 0, 0, 0, byte(len(raw))}, raw...)
	web := b.as(token, "POST", getClient, string(frame), "Content-Type", "application/grpc-web+proto")
	require.Equal(t, 200, web.status)
	require.Contains(t, web.body, "Contoso")
	require.Contains(t, web.body, "grpc-status: 0")
}

func TestTheFirstCheckThatFailsIsTheAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	bad := `{"scope":"single-client","unknown":1}`
	code := func(token, body string) string { return b.as(token, "POST", syncPath, body).problem(t).Code }
	b.target("entra-integration-ui", "t1", "remove")
	b.target("entra-integration-client-sync-action", "t1", "remove")
	require.Equal(t, "unauthenticated", b.do("POST", syncPath, bad).problem(t).Code)
	require.Equal(t, "client_user_denied", code(b.issuer.token(t, b.clock.now(), claims{"tenant_id": "t1", "user_type": "client"}), bad))
	require.Equal(t, "permission_denied", code(b.reader("t1"), bad))
	require.Equal(t, "feature_disabled", code(b.admin("t1"), bad))
	b.target("entra-integration-ui", "t1", "add")
	require.Equal(t, "invalid_argument", code(b.admin("t1"), bad), "what cannot be decoded has no scope to ask a flag for")
	// The flag of the body's scope comes before validation: the client is missing too.
	res := b.as(b.admin("t1"), "POST", syncPath, `{"scope":"single-client"}`)
	require.Equal(t, 404, res.status)
	require.Equal(t, "feature_disabled", res.problem(t).Code)
	b.target("entra-integration-client-sync-action", "t1", "add")
	require.Equal(t, "invalid_argument", code(b.admin("t1"), `{"scope":"single-client"}`))
	require.Zero(t, b.backends.count())
}

func TestInvalidRequestsNameEveryField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	token := b.admin("t1")
	fields := func(res answer) []string {
		p := res.problem(t)
		require.Equal(t, "invalid_argument", p.Code, res.body)
		require.Equal(t, 400, res.status)
		var out []string
		for _, v := range p.Violations {
			require.NotEmpty(t, v.Message)
			out = append(out, v.Field)
		}
		return out
	}
	confirm := "/api/integrations/entra/mappings/confirm"
	require.ElementsMatch(t, []string{"decisions[0].managedTenantId", "decisions[0].decision", "decisions[1].decision"},
		fields(b.as(token, "POST", confirm, `{"decisions":[{"decision":"no"},{"managedTenantId":"m","decision":"maybe"}]}`)))
	require.Equal(t, []string{"surprise"}, fields(b.as(token, "POST", syncPath, `{"scope":"initial","surprise":true}`)))
	require.Equal(t, []string{"scope"}, fields(b.as(token, "POST", syncPath, `{"scope":7}`)))
	require.Empty(t, fields(b.as(token, "POST", syncPath, `{"scope":"initial"} trailing`)))
	require.Empty(t, fields(b.as(token, "POST", syncPath, `[]`)))
	require.Equal(t, []string{"page_sice"}, fields(b.as(token, "GET", "/api/clients?page_sice=3", "")))
	require.Equal(t, []string{"pageSize"}, fields(b.as(token, "GET", "/api/clients?pageSize=999", "")))
	require.Equal(t, []string{"pageSize"}, fields(b.as(token, "GET", "/api/clients?pageSize=many", "")))
	require.Equal(t, []string{"verbose"}, fields(b.as(token, "GET", "/api/clients/x?verbose=1", "")))
	require.Equal(t, []string{"scope"}, fields(b.as(token, "POST", syncPath+"?scope=initial", `{"scope":"initial"}`)))

	over := b.as(token, "POST", startSync, `{"scope":"initial","surprise":true}`)
	require.Equal(t, 400, over.status)
	require.Equal(t, "invalid_argument", reason(t, over.body))
	require.Contains(t, over.body, "google.rpc.BadRequest")
	require.Zero(t, b.backends.count())
}

func TestSuccessStatusOfTheRule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		return &orchestrationv1.StartSyncResponse{RunId: "r1", WorkflowId: "w1"}, nil
	})
	res := b.as(b.admin("t1"), "POST", syncPath, `{"scope":"initial"}`)
	require.Equal(t, 202, res.status)
	require.JSONEq(t, `{"runId":"r1","workflowId":"w1","joined":false}`, res.body)
	require.Equal(t, "application/json", res.header.Get("Content-Type"))
}

func TestBackendInternalsNeverLeak(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.admin("t1")
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"plain":        {errors.New("secret pq: relation"), 500, "internal"},
		"internal":     {errs.New(errs.Internal, "secret_reason", "secret text"), 500, "internal"},
		"database":     {errs.New(errs.Unavailable, "database_overloaded", "secret text"), 503, "unavailable"},
		"context":      {errs.New(errs.Unauthenticated, "context_expired", "secret text"), 500, "internal"},
		"panic":        {nil, 500, "internal"},
		"precondition": {errs.New(errs.Precondition, "no_confirmed_mapping", "Confirm first."), 409, "no_confirmed_mapping"},
		"gone":         {errs.New(errs.Precondition, "cursor_expired", "Start again."), 410, "cursor_expired"},
		"busy":         {errs.New(errs.Unavailable, "orchestrator_unavailable", "Later.", errs.WithRetryAfter(3*time.Second)), 503, "orchestrator_unavailable"},
	} {
		b.backends.on(listClients, func(context.Context, proto.Message) (proto.Message, error) {
			if c.err == nil {
				panic("secret")
			}
			return nil, c.err
		})
		res := b.as(token, "GET", "/api/clients", "")
		require.Equal(t, c.status, res.status, name)
		require.Equal(t, c.code, res.problem(t).Code, name)
		require.NotContains(t, res.body, "secret", name)
		over := b.as(token, "POST", listClients, `{}`)
		require.Equal(t, c.code, reason(t, over.body), name)
		require.NotContains(t, over.body, "secret", name)
		if name == "busy" {
			require.Equal(t, "3", res.header.Get("Retry-After"))
		}
	}
}

func TestABatchOfFiveThousandFitsAndMoreThanTheLimitDoesNot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var records []string
	for range 5000 {
		records = append(records, `{"externalId":"`+strings.Repeat("e", 60)+`","name":"`+strings.Repeat("n", 200)+`","website":"https://example.com/"}`)
	}
	res := b.as(b.admin("t1"), "PUT", "/api/clients:batch", `{"clients":[`+strings.Join(records, ",")+`]}`)
	require.Equal(t, 200, res.status, res.body[:min(len(res.body), 300)])
	require.Len(t, b.backends.of(batch)[0].request.(*mappingv1.BatchUpsertClientsRequest).GetClients(), 5000)
	res = b.as(b.admin("t1"), "PUT", "/api/clients:batch", `{"clients":[{"name":"`+strings.Repeat("x", 17<<20)+`"}]}`)
	require.Equal(t, 413, res.status)
	require.Equal(t, "request_too_large", res.problem(t).Code)
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.allOn("t2")
	runs := 0
	var fail error
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		runs++
		if fail != nil {
			return nil, fail
		}
		return &orchestrationv1.StartSyncResponse{RunId: "run", WorkflowId: strings.Repeat("w", runs)}, nil
	})
	post := func(token, key, body string) answer {
		return b.as(token, "POST", syncPath, body, "Idempotency-Key", key)
	}
	first := post(b.admin("t1"), "k1", `{"scope":"initial"}`)
	require.Equal(t, 202, first.status, first.body)
	again := post(b.admin("t1"), "k1", `{ "scope" : "initial" }`)
	require.Equal(t, 202, again.status)
	require.Equal(t, compact(t, first.body), compact(t, again.body))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, 1, runs)
	over := b.as(b.admin("t1"), "POST", startSync, `{"scope":"initial"}`, "Idempotency-Key", "k1")
	require.Equal(t, compact(t, first.body), compact(t, over.body), "the same answer over Connect")
	require.Equal(t, 1, runs)

	other := post(b.admin("t1"), "k1", `{"scope":"all-tenants"}`)
	require.Equal(t, 409, other.status)
	require.Equal(t, "idempotency_key_reused", other.problem(t).Code)

	post(b.admin("t2"), "k1", `{"scope":"initial"}`)
	require.Equal(t, 2, runs, "another tenant's key is another key")
	someone := b.issuer.token(t, b.clock.now(), claims{"tenant_id": "t1", "sub": "someone", "permissions": policy.Update})
	post(someone, "k1", `{"scope":"initial"}`)
	require.Equal(t, 3, runs, "another user's key is another key")

	// A failure on our side leaves the key free; a refusal is kept.
	fail = errs.New(errs.Unavailable, "orchestrator_unavailable", "Later.")
	require.Equal(t, 503, post(b.admin("t1"), "k2", `{"scope":"initial"}`).status)
	fail = errs.New(errs.Precondition, "no_confirmed_mapping", "Confirm first.")
	require.Equal(t, 409, post(b.admin("t1"), "k2", `{"scope":"initial"}`).status)
	fail = nil
	kept := post(b.admin("t1"), "k2", `{"scope":"initial"}`)
	require.Equal(t, "no_confirmed_mapping", kept.problem(t).Code)
	require.Equal(t, "Confirm first.", kept.problem(t).Detail)
	require.Equal(t, 5, runs)

	b.clock.move(24*time.Hour + time.Second)
	require.Equal(t, 202, post(b.admin("t1"), "k2", `{"scope":"initial"}`).status, "forgotten after a day")
	require.Equal(t, 400, post(b.admin("t1"), strings.Repeat("k", 256), `{"scope":"initial"}`).status)

	var stored [][]byte
	rows, err := b.db.Admin.Query(t.Context(), `SELECT answer FROM idempotency_keys WHERE answer IS NOT NULL`)
	require.NoError(t, err)
	for rows.Next() {
		var raw []byte
		require.NoError(t, rows.Scan(&raw))
		stored = append(stored, raw)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, stored)
	require.NotContains(t, string(bytes.Join(stored, nil)), "run", "stored encrypted")
}

func TestARequestThatStillRunsKeepsItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		entered <- struct{}{}
		<-leave
		return &orchestrationv1.StartSyncResponse{RunId: "run"}, nil
	})
	token := b.admin("t1")
	post := func() answer { return b.as(token, "POST", syncPath, `{"scope":"initial"}`, "Idempotency-Key", "k") }
	done := make(chan answer, 2)
	go func() { done <- post() }()
	<-entered
	running := post()
	require.Equal(t, 409, running.status)
	require.Equal(t, "idempotency_in_progress", running.problem(t).Code)
	require.Equal(t, "60", running.header.Get("Retry-After"))
	b.clock.move(time.Minute) // the first is taken for dead
	go func() { done <- post() }()
	<-entered
	close(leave)
	require.Equal(t, 202, (<-done).status)
	require.Equal(t, 202, (<-done).status)
	require.Equal(t, 202, post().status)
	require.Len(t, b.backends.of(startSync), 2)
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *wire.Parts) { p.UserRate = limit.Rate{PerSecond: 0.5, Burst: 2} })
	token := b.admin("t1")
	first := b.as(token, "GET", "/api/feature-flags", "")
	require.Equal(t, 200, first.status)
	require.Equal(t, "2", first.header.Get("RateLimit-Limit"))
	require.Equal(t, "1", first.header.Get("RateLimit-Remaining"))
	require.Equal(t, "2", first.header.Get("RateLimit-Reset"))
	require.Equal(t, 200, b.as(token, "GET", "/api/feature-flags", "").status)
	res := b.as(token, "GET", "/api/feature-flags", "")
	require.Equal(t, 429, res.status)
	require.Equal(t, "rate_limited", res.problem(t).Code)
	require.Equal(t, "2", res.header.Get("Retry-After"))
	require.Equal(t, 200, b.as(b.reader("t1"), "GET", "/api/feature-flags", "").status, "another user")
	b.clock.move(2 * time.Second)
	require.Equal(t, 200, b.as(token, "GET", "/api/feature-flags", "").status)
}

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
	var actor, outcome string
	require.NoError(t, b.db.Admin.QueryRow(t.Context(),
		`SELECT actor_id, outcome FROM audit_events WHERE tenant_id IS NULL AND request_id = 'req-3'`).Scan(&actor, &outcome))
	require.Equal(t, "unknown", actor)
	require.Equal(t, "unauthenticated", outcome)
	var changes int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(),
		`SELECT count(*) FROM audit_events WHERE tenant_id IS NULL AND actor_id = 'platform' AND outcome = 'ok'`).Scan(&changes))
	require.Equal(t, 5, changes)
}

func TestStatusSurvivesAPartThatIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on("/entrasync.connection.v1.ConnectionInternalService/GetConnection", func(context.Context, proto.Message) (proto.Message, error) {
		return &connectionv1.GetConnectionResponse{Status: "connected", ConnectionType: "direct", AvailableConnectionTypes: []string{"direct"}}, nil
	})
	b.backends.on("/entrasync.mapping.v1.MappingInternalService/GetMappingSummary", func(context.Context, proto.Message) (proto.Message, error) {
		return &mappingv1.GetMappingSummaryResponse{Summary: &mappingv1.MappingSummary{Mapped: 3, Undecided: 2}}, nil
	})
	b.backends.on("/entrasync.reconciliation.v1.ReconciliationInternalService/CountItems", func(context.Context, proto.Message) (proto.Message, error) {
		return nil, errs.New(errs.Unavailable, "database_unavailable", "")
	})
	got := b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)
	require.Equal(t, "connected", got["status"])
	require.Equal(t, []any{"direct"}, got["availableConnectionTypes"])
	summary := got["mappingSummary"].(map[string]any)
	require.InEpsilon(t, 3, summary["mapped"], 0)
	require.InDelta(t, 0, summary["skipped"], 0)
	attention := got["attention"].([]any)
	require.Len(t, attention, 1)
	require.Equal(t, "part_unavailable", attention[0].(map[string]any)["code"])
	b.backends.on("/entrasync.connection.v1.ConnectionInternalService/GetConnection", func(context.Context, proto.Message) (proto.Message, error) {
		return nil, errs.New(errs.Unavailable, "database_unavailable", "")
	})
	require.Equal(t, http.StatusServiceUnavailable, b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").status)
}

func TestReflectionIsASetting(t *testing.T) {
	t.Parallel()
	const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	off := setup(t)
	require.Equal(t, 404, off.do("POST", path, `{}`).status)
	on := setup(t, func(p *wire.Parts) { p.Reflection = true })
	require.NotEqual(t, 404, on.do("POST", path, `{}`).status)
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/api/clients", "/nothing", "/healthz", "/docs"} {
		res := b.do("GET", path, "", "X-Request-Id", "mine-1")
		require.Equal(t, "mine-1", res.header.Get("X-Request-Id"), path)
		require.Equal(t, "nosniff", res.header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", res.header.Get("X-Frame-Options"), path)
		require.Contains(t, res.header.Get("Content-Security-Policy"), "default-src 'none'", path)
	}
	odd := b.do("GET", "/healthz", "", "X-Request-Id", "no spaces allowed")
	require.NotEqual(t, "no spaces allowed", odd.header.Get("X-Request-Id"))
	require.NotEmpty(t, odd.header.Get("X-Request-Id"))
	require.Equal(t, "Bearer", b.do("GET", "/api/clients", "").header.Get("WWW-Authenticate"))
}

func TestABackendThatIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *wire.Parts) {
		conn, err := grpc.NewClient("127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				return rpc.FromStatus(invoker(ctx, method, req, reply, cc, opts...)) // as rpc.Dial does
			}))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		p.Backends.Mapping = conn
	})
	res := b.as(b.admin("t1"), "GET", "/api/clients", "")
	require.Equal(t, 503, res.status)
	require.Equal(t, "unavailable", res.problem(t).Code)
	require.NotContains(t, res.body, "127.0.0.1")
}
