package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/gateway/internal/identity/identitytest"
	"github.com/entrasync/entrasync/gateway/internal/progress"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// route is one way to call something: a REST route, the same with CSV in
// place of JSON, or the same method over Connect.
type route struct {
	name       string
	verb, path string
	rule       *policyv1.Rule
	headers    []string
}

var variable = regexp.MustCompile(`\{[^}]+\}`)

// methods are all public methods, from the contracts.
func methods(t *testing.T) []access.Method {
	t.Helper()
	all, err := access.PublicMethods()
	require.NoError(t, err)
	require.Greater(t, len(all), 20)
	return all
}

// routes are all routes of all public methods, on both protocols, and the handlers
// that ask who calls.
func routes(t *testing.T) []route {
	t.Helper()
	out := []route{{name: "events of a run", verb: http.MethodGet, path: variable.ReplaceAllString(progress.Path, "x"), rule: progress.Rule()}}
	for _, m := range methods(t) {
		out = append(out,
			route{name: "REST " + m.Verb + " " + m.Path, verb: m.Verb, path: variable.ReplaceAllString(m.Path, "x"), rule: m.Rule},
			route{name: "Connect " + m.Procedure, verb: http.MethodPost, path: m.Procedure, rule: m.Rule})
		if access.CSVField(m.Descriptor.Input()) != nil || access.CSVField(m.Descriptor.Output()) != nil {
			out = append(out, route{
				name: "CSV " + m.Verb + " " + m.Path, verb: m.Verb, path: variable.ReplaceAllString(m.Path, "x"), rule: m.Rule,
				headers: []string{"Accept", "text/csv", "Content-Type", "text/csv"},
			})
		}
	}
	return out
}

func (r route) person() bool {
	return r.rule.GetAuth() == policyv1.Auth_AUTH_USER || r.rule.GetAuth() == policyv1.Auth_AUTH_SIGNED_IN
}

// body is rubbish: what refuses a request must do so before it is read.
func (r route) body() string {
	if r.verb == http.MethodGet || r.verb == http.MethodDelete {
		return ""
	}
	return `{"rubbish`
}

// refused sends rubbish and expects a refusal with a status and a code.
func (b *bundle) refused(t *testing.T, r route, status int, code string, headers ...string) {
	t.Helper()
	path := r.path
	if r.body() == "" {
		path += "?rubbish=1&pageSize=rubbish"
	}
	res := b.do(r.verb, path, r.body(), append(headers, r.headers...)...)
	if strings.HasPrefix(r.path, "/entrasync.") {
		require.Contains(t, res.body, `"details"`, res.body)
		require.Equal(t, code, reason(t, res.body), res.body)
		require.Equal(t, status, res.status, res.body)
		return
	}
	require.Equal(t, status, res.status, res.body)
	p := res.problem(t)
	require.Equal(t, code, p.Code)
	require.NotEmpty(t, p.RequestID)
	require.Equal(t, p.RequestID, res.header.Get("X-Request-Id"))
}

func TestEveryRouteRefusesWhoItShould(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	now := b.clock.Now()
	other := newIssuer(t)
	hmac := identitytest.Sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, b.issuer.payload(t, now, claims{"tenant_id": "t1"}))
	full := claims{"tenant_id": "t1", "permissions": []string{access.Read, access.Update, access.People}}
	with := func(over claims) string {
		all := claims{}
		for _, c := range []claims{full, over} {
			for k, v := range c {
				all[k] = v
			}
		}
		return b.issuer.token(t, now, all)
	}
	valid := b.admin("t1")
	parts := strings.Split(valid, ".")
	unauthenticated := map[string]string{
		"no token":         "",
		"not a bearer":     "Basic abc",
		"rubbish":          "Bearer rubbish",
		"expired":          "Bearer " + with(claims{"exp": now.Add(-time.Minute).Unix()}),
		"not yet valid":    "Bearer " + with(claims{"nbf": now.Add(time.Hour).Unix()}),
		"unsigned":         "Bearer " + "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"broken signature": "Bearer " + parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"HS256":            "Bearer " + hmac,
		"wrong audience":   "Bearer " + with(claims{"aud": "another"}),
		"wrong issuer":     "Bearer " + other.token(t, now, full),
		"claimed issuer":   "Bearer " + other.token(t, now, claims{"iss": b.issuer.URL, "tenant_id": "t1"}),
		"no tenant":        "Bearer " + with(claims{"tenant_id": nil}),
		"bad tenant":       "Bearer " + with(claims{"tenant_id": "../t2"}),
		"no subject":       "Bearer " + with(claims{"sub": nil}),
		"no user type":     "Bearer " + with(claims{"user_type": nil}),
		"odd user type":    "Bearer " + with(claims{"user_type": "robot"}),
	}
	before := b.backends.count()
	for _, r := range routes(t) {
		t.Run(r.name, func(t *testing.T) {
			if !r.person() {
				b.refused(t, r, 401, "unauthenticated")
				b.refused(t, r, 401, "unauthenticated", "X-Api-Key", "another-key")
				b.refused(t, r, 401, "unauthenticated", "Authorization", "Bearer "+valid)
				return
			}
			for why, authorization := range unauthenticated {
				t.Run(why, func(t *testing.T) { b.refused(t, r, 401, "unauthenticated", "Authorization", authorization) })
			}
			b.refused(t, r, 401, "unauthenticated", "X-Api-Key", platformKey)
			b.refused(t, r, 403, "client_user_denied", "Authorization", "Bearer "+b.portal("t1"))
			if r.rule.GetPermission() == access.Update {
				b.refused(t, r, 403, "permission_denied", "Authorization", "Bearer "+b.reader("t1"))
			}
			if r.rule.GetPermission() != "" {
				b.refused(t, r, 403, "permission_denied", "Authorization", "Bearer "+with(claims{"permissions": "another.permission"}))
			}
		})
	}
	require.Equal(t, before, b.backends.count(), "nothing may reach a backend")
}

func TestEveryIntegrationRouteNeedsItsFlags(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	token := "Bearer " + b.admin("t1")
	under := 0
	for _, flag := range flags.Known() {
		b.target(flag, "t1", "remove")
		for _, r := range routes(t) {
			if slices.Contains(r.rule.GetFlags(), flag) {
				under++
				b.refused(t, r, 404, "feature_disabled", "Authorization", token)
			}
		}
		b.target(flag, "t1", "add")
		for _, r := range routes(t) {
			if slices.Contains(r.rule.GetFlags(), flag) {
				require.NotContains(t, b.do(r.verb, r.path, r.body(), append(r.headers, "Authorization", token)...).body, "feature_disabled", r.name)
			}
		}
	}
	for _, r := range routes(t) {
		if strings.HasPrefix(r.path, "/api/integrations/entra") {
			require.Contains(t, r.rule.GetFlags(), flags.UI)
		}
	}
	require.Greater(t, under, 20)
}

func TestCommunityEditionServesNothingOfTheIntegration(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *gateway.Parts) { p.Enterprise = false })
	for _, r := range routes(t) {
		if !r.rule.GetEnterprise() {
			require.Equal(t, policyv1.Auth_AUTH_PLATFORM_KEY, r.rule.GetAuth(), "only the platform's routes belong to every edition")
			continue
		}
		b.refused(t, r, 501, "edition_required") // before the token is looked at
	}
	res := b.do("GET", gwhttp.CallbackPath+"?state=s&code=c", "")
	require.Equal(t, 501, res.status)
	require.Equal(t, "edition_required", res.problem(t).Code)
}

func TestEveryRouteLetsItsCallersThrough(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	for _, r := range routes(t) {
		body := ""
		if r.verb != http.MethodGet {
			body = "{}"
		}
		res := b.do(r.verb, r.path, body, append(r.headers, "Authorization", "Bearer "+b.admin("t1"), "X-Api-Key", platformKey)...)
		require.NotContains(t, []int{401, 403, 404, 405, 500, 501, 503}, res.status, r.name+": "+res.body)
	}
}

func TestHandlersAreAClosedListWithRules(t *testing.T) {
	t.Parallel()
	list := append(gwhttp.Handlers(gwhttp.Parts{}), gwhttp.SignInHandlers(gwhttp.SignInParts{})...)
	for _, h := range append(list, progress.Handler(nil, nil)) {
		require.NotEqual(t, h.Rule == nil, h.Open == "", h.Path)
		if h.Rule != nil {
			require.NoError(t, access.CheckRule(h.Path, h.Rule), h.Path)
		}
	}
}

func TestInternalMethodsAreNotMounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	public := map[string]bool{}
	for _, m := range methods(t) {
		public[m.Procedure] = true
	}
	internal := 0
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "entrasync.") {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				procedure := "/" + string(service.FullName()) + "/" + string(service.Methods().Get(j).Name())
				if public[procedure] {
					continue
				}
				internal++
				res := b.as(b.admin("t1"), "POST", procedure, `{}`, "X-Api-Key", platformKey)
				require.Equal(t, 404, res.status, procedure+": "+res.body)
			}
		}
		return true
	})
	require.Greater(t, internal, 10)
	require.Zero(t, b.backends.count())
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/", "/api", "/api/nothing", "/api/clients/a/b", "/nothing.v1.Service/Method"} {
		res := b.do("GET", path, "")
		require.Equal(t, 404, res.status, path)
		require.Equal(t, "not_found", res.problem(t).Code)
	}
	for path, allow := range map[string]string{
		"/api/clients": "GET", "/api/clients/x": "GET", "/api/clients:batch": "PUT", "/api/integrations/entra/sync": "POST",
		"/api/integrations/entra/discovery": "GET, POST", "/healthz": "GET", gwhttp.CallbackPath: "GET",
	} {
		res := b.do("DELETE", path, "")
		require.Equal(t, 405, res.status, path+res.body)
		require.Equal(t, "method_not_allowed", res.problem(t).Code)
		require.Equal(t, allow, res.header.Get("Allow"), path)
	}
	// A form or a header cannot turn one method into another.
	res := b.do("POST", "/api/clients", "a=b", "Content-Type", "application/x-www-form-urlencoded", "X-HTTP-Method-Override", "GET")
	require.Equal(t, 405, res.status)
}

// untouched is a body that notes when it is read.
type untouched struct{ read atomic.Bool }

// Read gives an endless body.
func (u *untouched) Read(p []byte) (int, error) {
	u.read.Store(true)
	return copy(p, " "), nil
}

func TestNoBodyIsReadOfWhoMayNotCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, r := range routes(t) {
		for _, authorization := range []string{"", "Bearer " + b.portal("t1")} {
			body := &untouched{}
			request := httptest.NewRequestWithContext(t.Context(), r.verb, r.path, body)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", authorization)
			for i := 0; i < len(r.headers); i += 2 {
				request.Header.Set(r.headers[i], r.headers[i+1])
			}
			res := httptest.NewRecorder()
			b.handler.ServeHTTP(res, request)
			require.Contains(t, []int{401, 403}, res.Code, r.name)
			require.False(t, body.read.Load(), r.name)
		}
	}
	require.Zero(t, b.backends.count())
}
