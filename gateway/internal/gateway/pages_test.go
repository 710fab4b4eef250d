package gateway_test

import (
	"context"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/access"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
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
	require.Len(t, access.Offered(methods(t)), total, "every route that is offered, and nothing else")
	require.NotContains(t, res.body, "Internal")
	require.NotContains(t, strings.ToLower(res.body), "cipp", "also where it is mounted")
	require.NotNil(t, doc.Paths.Value("/api/integrations/entra/sync").Post.Responses.Value("202"))
	page := b.do("GET", "/docs", "")
	require.Equal(t, 200, page.status)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, strings.ToLower(page.body), "cipp")
	require.NotContains(t, strings.ToLower(string(contracts.OpenAPI)), "cipp", "the generated description")
	for _, m := range access.Offered(methods(t)) {
		if m.Path != "" && m.Body == "*" {
			require.Contains(t, page.body, m.Verb)
		}
	}
	require.Contains(t, page.body, "/api/integrations/entra/mappings/confirm")
	require.NotContains(t, page.body, "http://")
	require.NotContains(t, page.body, "https://")
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
