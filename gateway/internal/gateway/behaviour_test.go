package gateway_test

import (
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

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
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
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", calls[0].trace, "the caller's trace goes on")
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
	require.Equal(t, map[string]string{"id": "c2"}, p.Metadata)
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
	require.Equal(t, "client_user_denied", code(b.issuer.token(t, b.clock.Now(), claims{"tenant_id": "t1", "user_type": "client"}), bad))
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
		"database":     {errs.New(errs.Unavailable, "database_overloaded", "secret text", errs.WithRetryAfter(2*time.Second)), 503, "unavailable"},
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
		require.Equal(t, map[string]string{"busy": "3", "database": "2"}[name], res.header.Get("Retry-After"), name)
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

func TestRateLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *gateway.Parts) { p.UserRate = access.Rate{PerSecond: 0.5, Burst: 2} })
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
	b.clock.Advance(2 * time.Second)
	require.Equal(t, 200, b.as(token, "GET", "/api/feature-flags", "").status)
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

func TestStatusTellsOfEffectsThatWereSetAside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	dead := int32(2)
	b.backends.on(orchestrationv1.EffectService_CountDeadEffects_FullMethodName, func(context.Context, proto.Message) (proto.Message, error) {
		return &orchestrationv1.CountDeadEffectsResponse{Dead: dead}, nil
	})
	attention := func() []any {
		list, _ := b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)["attention"].([]any)
		return list
	}
	require.Len(t, attention(), 1)
	entry := attention()[0].(map[string]any)
	require.Equal(t, "effects_dead", entry["code"])
	require.InEpsilon(t, 8, entry["count"], 0, "of the four services that have an outbox")
	dead = 0
	require.Empty(t, attention())
}

func TestReflectionIsASetting(t *testing.T) {
	t.Parallel()
	const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	off := setup(t)
	require.Equal(t, 404, off.do("POST", path, `{}`).status)
	on := setup(t, func(p *gateway.Parts) { p.Reflection = true })
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
	b := setup(t, func(p *gateway.Parts) {
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

func TestAUserOverTheLimitSpendsNothingOfTheTenants(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *gateway.Parts) {
		p.UserRate = access.Rate{PerSecond: 0.5, Burst: 2}
		p.TenantRate = access.Rate{PerSecond: 0.25, Burst: 3}
	})
	sync := func(token string) answer { return b.as(token, "POST", syncPath, `{"scope":"initial"}`) }
	for range 2 {
		res := sync(b.admin("t1"))
		require.Equal(t, "feature_disabled", res.problem(t).Code)
		require.Equal(t, "2", res.header.Get("RateLimit-Limit"), "the user's bucket")
	}
	for range 5 {
		require.Equal(t, "rate_limited", sync(b.admin("t1")).problem(t).Code)
	}
	require.Equal(t, "permission_denied", sync(b.reader("t1")).problem(t).Code, "another user of the tenant")
	res := sync(b.reader("t1"))
	require.Equal(t, "rate_limited", res.problem(t).Code)
	require.Equal(t, "3", res.header.Get("RateLimit-Limit"), "the tenant's bucket")
	require.Equal(t, "4", res.header.Get("Retry-After"))
	require.Equal(t, "feature_disabled", sync(b.admin("t2")).problem(t).Code, "another tenant")

	var rows int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE tenant_id = 't1'`).Scan(&rows))
	require.Equal(t, 3, rows, "what is refused for its rate writes nothing")
}

// TestTheStatusTellsOfRunsThatNeedAPerson: of one that a guard held, of one that failed,
// and of managed tenants that failed in a run that went on.
func TestTheStatusTellsOfRunsThatNeedAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	for state, want := range map[string]any{"held": "run_held", "failed": "run_failed", "partial": "tenants_failed", "completed": nil} {
		b.backends.on("/entrasync.syncengine.v1.SyncEngineInternalService/GetSyncStatus", func(context.Context, proto.Message) (proto.Message, error) {
			return &syncenginev1.GetSyncStatusResponse{LastRun: &syncenginev1.Run{State: state, FailedTenants: 2}}, nil
		})
		var found any
		var count any
		for _, entry := range b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)["attention"].([]any) {
			entry := entry.(map[string]any)
			if code := entry["code"].(string); strings.HasPrefix(code, "run_") || code == "tenants_failed" {
				found, count = code, entry["count"]
				require.NotEmpty(t, entry["remedy"])
			}
		}
		require.Equal(t, want, found, state)
		if state == "partial" {
			require.InDelta(t, 2, count, 0)
		}
	}
}
