package gateway_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/access"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/gateway/internal/progress"
	"github.com/entrasync/entrasync/pkg/errs"
	contracts "github.com/entrasync/entrasync/proto"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

const (
	findFlow = "/entrasync.connection.v1.ConnectionInternalService/FindFlow"
	complete = "/entrasync.connection.v1.ConnectionInternalService/CompleteCallback"
)

func TestCallbackAlwaysRedirects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.backends.on(complete, func(_ context.Context, r proto.Message) (proto.Message, error) {
		if r.(*connectionv1.CompleteCallbackRequest).GetState() == "broken" {
			return nil, errs.New(errs.Internal, "internal", "secret")
		}
		return &connectionv1.CompleteCallbackResponse{RedirectUrl: "https://host.example/done?entra_status=pending"}, nil
	})
	// What nobody started ends at the look-up.
	res := b.do("GET", gwhttp.CallbackPath+"?state=s&code=c", "")
	require.Equal(t, "http://localhost:8080/integrations/entra/result?entra_status=failure&error=invalid_state", res.header.Get("Location"))
	require.Empty(t, b.backends.of(complete), "an unknown state is not for the flags")
	b.backends.on(findFlow, func(context.Context, proto.Message) (proto.Message, error) {
		return &connectionv1.FindFlowResponse{TenantId: "t0"}, nil
	})
	b.allOn("t0")
	b.backends.forget()
	res = b.do("HEAD", gwhttp.CallbackPath+"?state=s&code=c", "")
	require.Equal(t, 405, res.status, "a HEAD must not complete anything")
	require.Equal(t, "GET", res.header.Get("Allow"))
	require.Zero(t, b.backends.count())
	require.Equal(t, 200, b.do("HEAD", "/healthz", "").status)
	res = b.do("GET", gwhttp.CallbackPath+"?state=s&code=c", "")
	require.Equal(t, 302, res.status, res.body)
	require.Equal(t, "https://host.example/done?entra_status=pending", res.header.Get("Location"))
	require.Equal(t, "no-referrer", res.header.Get("Referrer-Policy"))
	require.Equal(t, "no-store", res.header.Get("Cache-Control"))
	calls := b.backends.of(complete)
	require.Len(t, calls, 1)
	require.Empty(t, calls[0].call.Tenant)
	require.Equal(t, "c", calls[0].request.(*connectionv1.CompleteCallbackRequest).GetCode())
	require.Empty(t, calls[0].request.(*connectionv1.CompleteCallbackRequest).GetRefusal())
	require.False(t, calls[0].request.(*connectionv1.CompleteCallbackRequest).GetAdminConsent())
	for word, consent := range map[string]bool{"True": true, "true": true, "False": false, "1": false} {
		require.Equal(t, 302, b.do("GET", gwhttp.CallbackPath+"?state=s&tenant=x&admin_consent="+word, "").status)
		calls = b.backends.of(complete)
		require.Equal(t, consent, calls[len(calls)-1].request.(*connectionv1.CompleteCallbackRequest).GetAdminConsent(), word)
	}
	// The flag of the flow's tenant, as of this request.
	b.backends.on(findFlow, func(context.Context, proto.Message) (proto.Message, error) {
		return &connectionv1.FindFlowResponse{TenantId: "t1"}, nil
	})
	refusal := func() string {
		require.Equal(t, 302, b.do("GET", gwhttp.CallbackPath+"?state=s&code=c", "").status)
		calls := b.backends.of(complete)
		return calls[len(calls)-1].request.(*connectionv1.CompleteCallbackRequest).GetRefusal()
	}
	require.Equal(t, "feature_disabled", refusal())
	b.allOn("t1")
	require.Empty(t, refusal())
	b.target("entra-integration-ui", "t1", "remove")
	require.Equal(t, "feature_disabled", refusal())

	for _, query := range []string{"?state=broken&code=c", ""} {
		res = b.do("GET", gwhttp.CallbackPath+query, "")
		require.Equal(t, 302, res.status)
		require.Equal(t, "no-referrer", res.header.Get("Referrer-Policy"))
		require.Equal(t, "no-store", res.header.Get("Cache-Control"))
	}
	res = b.do("GET", gwhttp.CallbackPath+"?state=broken&code=c", "")
	require.Equal(t, "http://localhost:8080/integrations/entra/result?entra_status=failure&error=internal", res.header.Get("Location"))
}

func TestResultPageShowsNothingUnescaped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res := b.do("GET", gwhttp.ResultPath+"?entra_status=pending&completion_code=%3Cscript%3E", "")
	require.Equal(t, 200, res.status)
	require.NotContains(t, res.body, "<script>")
	require.Contains(t, res.body, "&lt;script&gt;")
	require.Contains(t, b.do("GET", gwhttp.ResultPath+"?entra_status=failure&error=consent_missing", "").body, "consent")
	require.Contains(t, b.do("GET", gwhttp.ResultPath+"?entra_status=success", "").body, "Connected")
}

func TestDescriptions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res := b.do("GET", "/openapi.json", "")
	require.Equal(t, 200, res.status)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(res.body))
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	total := 0
	for _, item := range doc.Paths.Map() {
		total += len(item.Operations())
	}
	require.Len(t, access.Offered(methods(t)), total-1, "every route that is offered, the events of a run, and nothing else")
	require.NotContains(t, res.body, "InternalService")
	require.NotContains(t, strings.ToLower(res.body), "cipp", "also where it is mounted")
	require.NotNil(t, doc.Paths.Value("/api/integrations/entra/sync").Post.Responses.Value("202"))
	require.NotContains(t, strings.ToLower(string(contracts.OpenAPI)), "cipp", "the generated description")
}

func TestThePageOfTheInterfaceLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.do("GET", "/docs", "")
	require.Equal(t, 200, page.status)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; connect-src 'self'")
	require.Contains(t, page.body, `src="/docs/redoc.js"`)
	require.NotContains(t, page.body, "http://")
	require.NotContains(t, page.body, "https://")
	script := b.do("GET", "/docs/redoc.js", "")
	require.Equal(t, 200, script.status)
	require.Equal(t, "text/javascript; charset=utf-8", script.header.Get("Content-Type"))
	require.Greater(t, len(script.body), 500_000)
	require.False(t, strings.Contains(script.body, "https://cdn."), "see redoc/README.md") // the whole script is no message
}

// What the contracts demand of fields stands in the description, so that clients
// made from it refuse what the gateway would.
func TestTheDescriptionHoldsTheContractsRules(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(b.do("GET", "/openapi.json", "").body))
	require.NoError(t, err)
	require.Equal(t, "3.1.0", doc.OpenAPI)
	schema := func(name string) *openapi3.Schema {
		require.Contains(t, doc.Components.Schemas, name)
		return doc.Components.Schemas[name].Value
	}
	decision := schema("MappingDecision")
	require.Equal(t, []any{"map", "skip", "review", "create_new"}, decision.Properties["decision"].Value.Enum, "and no delete")
	require.Equal(t, []string{"decision", "managedTenantId"}, decision.Required)
	require.Equal(t, []string{"decisions"}, schema("ConfirmMappingsRequest").Required)
	require.EqualValues(t, 64, *decision.Properties["managedTenantId"].Value.MaxLength)
	require.Contains(t, schema("ListContactsResponse").Required, "contacts", "an empty list is written too")
	require.Contains(t, schema("Contact").Required, "fullName")
	require.NotContains(t, schema("Contact").Required, "externalId", "what may be absent")
	for _, p := range doc.Paths.Value("/api/clients").Get.Parameters {
		if p.Value.Name == "pageSize" {
			require.EqualValues(t, 200, *p.Value.Schema.Value.Max)
		}
	}
	sync := doc.Paths.Value("/api/integrations/entra/sync").Post
	require.Contains(t, *sync.Responses.Value("403").Value.Description, "csrf_token_invalid")
	require.Contains(t, *sync.Responses.Value("409").Value.Description, "idempotency_key_reused")
	require.Contains(t, sync.Responses.Value("429").Value.Headers, "Retry-After")
	require.Contains(t, sync.Responses.Value("202").Value.Headers, "RateLimit-Remaining")
	require.NotNil(t, doc.Paths.Value(progress.Path).Get.Responses.Value("200").Value.Content["text/event-stream"])
}

// Nobody has to guess what a field, a parameter, a group or a route is.
func TestEveryPublicFieldIsDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var doc struct {
		Tags       []struct{ Name, Description string }
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
		Paths map[string]map[string]struct {
			Summary    string
			Tags       []string
			Parameters []struct{ Name, Description string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(b.do("GET", "/openapi.json", "").body), &doc))
	groups := map[string]bool{}
	for _, tag := range doc.Tags {
		require.NotEmpty(t, tag.Description, tag.Name)
		groups[tag.Name] = true
	}
	require.Greater(t, len(doc.Components.Schemas), 50)
	for name, schema := range doc.Components.Schemas {
		for field, property := range schema.Properties {
			require.NotEmpty(t, property.Description, "give %s.%s a comment in its contract", name, field)
		}
	}
	for path, operations := range doc.Paths {
		for verb, operation := range operations {
			require.NotEmpty(t, operation.Summary, verb+" "+path)
			require.Len(t, operation.Tags, 1, verb+" "+path)
			require.True(t, groups[operation.Tags[0]], operation.Tags[0])
			for _, p := range operation.Parameters {
				require.NotEmpty(t, p.Description, "%s %s: %s", verb, path, p.Name)
			}
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 200, b.do("GET", "/healthz", "").status)
	require.Equal(t, 200, b.do("HEAD", "/healthz", "").status)
	require.Equal(t, 200, b.do("GET", "/readyz", "").status)
	b.db.Pool("gateway").Close()
	res := b.do("GET", "/readyz", "")
	require.Equal(t, 503, res.status)
	require.Equal(t, "not_ready", res.problem(t).Code)
	require.Equal(t, 200, b.do("GET", "/healthz", "").status)
}
