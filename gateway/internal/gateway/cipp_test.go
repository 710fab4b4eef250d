package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
)

// unoffered are the methods that only a switch mounts.
func unoffered(t *testing.T) []access.Method {
	t.Helper()
	offered := map[string]bool{}
	for _, m := range access.Offered(methods(t)) {
		offered[m.Procedure] = true
	}
	var out []access.Method
	for _, m := range methods(t) {
		if !offered[m.Procedure] {
			out = append(out, m)
		}
	}
	require.Len(t, out, 2, "SaveCipp and ValidateCipp, and nothing else")
	return out
}

// TestCIPPIsNotThere: without the switch its routes are as unknown as any other,
// whatever the flags of the tenant say and whoever asks.
func TestCIPPIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *gateway.Parts) { p.CIPP = false })
	for _, on := range []bool{false, true} {
		if on {
			b.allOn("t1")
		}
		for _, m := range unoffered(t) {
			for _, verb := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
				for _, headers := range [][]string{nil, {"Authorization", "Bearer " + b.admin("t1")}, {"X-Api-Key", platformKey}} {
					unknown := b.do(verb, "/api/integrations/entra/nothing", `{}`, headers...)
					for _, path := range []string{m.Path, m.Procedure} {
						got := b.do(verb, path, `{}`, headers...)
						require.Equal(t, http.StatusNotFound, got.status, verb+" "+path)
						require.Equal(t, unknown.problem(t).Code, got.problem(t).Code, verb+" "+path)
						require.Empty(t, got.header.Get("Allow"))
					}
				}
			}
		}
	}
	require.Zero(t, b.backends.count())
	require.NotContains(t, strings.ToLower(b.do("GET", "/openapi.json", "").body), "cipp")
}

// TestCIPPIsThereByTheSwitch: with it, each of its flags is needed.
func TestCIPPIsThereByTheSwitch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	const body = `{"baseUrl":"https://cipp.example","tenantId":"contoso.example","clientId":"app","clientSecret":"s"}`
	save := func() answer { return b.as(b.admin("t1"), "PUT", "/api/integrations/entra/cipp", body) }
	require.Equal(t, 200, save().status, save().body)
	require.Len(t, b.backends.of("/entrasync.connection.v1.CippService/SaveCipp"), 2)
	b.target("entra-integration-cipp", "t1", "remove")
	require.Equal(t, "feature_disabled", save().problem(t).Code)
	require.Equal(t, "feature_disabled", b.as(b.admin("t1"), "POST", "/api/integrations/entra/validate-cipp", `{}`).problem(t).Code)
	res := b.as(b.admin("t1"), "PUT", "/api/integrations/entra/cipp", `{"baseUrl":"https://cipp.example","tenantId":"../x","clientId":"app"}`)
	require.NotEqual(t, 200, res.status)
}
