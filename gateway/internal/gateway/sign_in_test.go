package gateway_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	"github.com/entrasync/entrasync/gateway/internal/identity"
)

const console = "the-console"

// provider is an identity provider with the code flow: what a code stands for is
// set by the test.
type provider struct {
	*issuer

	codes map[string]code
}

type code struct {
	challenge string
	access    string
	id        string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{issuer: newIssuer(t), codes: map[string]code{}}
	p.handle("POST /t", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		found, ok := p.codes[r.PostFormValue("code")]
		delete(p.codes, r.PostFormValue("code"))
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != found.challenge {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": found.access, "token_type": "Bearer", "id_token": found.id})
	})
	return p
}

// browser keeps cookies as a browser does that trusts this machine.
type browser struct {
	b        *bundle
	provider *provider
	cookies  map[string]string
}

// signInSetup is a gateway at which people sign in with a browser.
func signInSetup(t *testing.T, options ...option) (*bundle, *browser) {
	t.Helper()
	p := newProvider(t)
	b := setup(t, append([]option{func(parts *gateway.Parts) {
		tokens, err := identity.New(p.config(parts.Now))
		require.NoError(t, err)
		parts.Tokens = tokens
		parts.SignIn, err = identity.NewSignIn(tokens, identity.Console{ID: console, Redirect: "http://localhost:8080/auth/callback"})
		require.NoError(t, err)
	}}, options...)...)
	b.issuer = p.issuer
	return b, &browser{b: b, provider: p, cookies: map[string]string{}}
}

func (br *browser) do(verb, path, body string, headers ...string) answer {
	br.b.t.Helper()
	var list []string
	for name, value := range br.cookies {
		list = append(list, name+"="+value)
	}
	res := br.b.do(verb, path, body, append(headers, "Cookie", strings.Join(list, "; "))...)
	for _, c := range (&http.Response{Header: res.header}).Cookies() {
		require.True(br.b.t, c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "" && c.SameSite == http.SameSiteLaxMode, c.Raw)
		require.True(br.b.t, strings.HasPrefix(c.Name, "__Host-"), c.Raw)
		if br.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(br.cookies, c.Name)
		}
	}
	return res
}

// begin starts a sign-in and gives what the identity provider was asked.
func (br *browser) begin(returnTo string) url.Values {
	t := br.b.t
	t.Helper()
	res := br.do("GET", "/auth/sign-in?returnTo="+url.QueryEscape(returnTo), "")
	require.Equal(t, 302, res.status, res.body)
	target, err := url.Parse(res.header.Get("Location"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(target.String(), br.provider.URL+"/a?"), target)
	asked := target.Query()
	require.Equal(t, "code", asked.Get("response_type"))
	require.Equal(t, "S256", asked.Get("code_challenge_method"))
	require.Equal(t, console, asked.Get("client_id"))
	return asked
}

// code is what the identity provider gives for a person.
func (br *browser) code(asked url.Values, person claims, id claims) string {
	t, now := br.b.t, br.b.clock.Now()
	t.Helper()
	proof := claims{"aud": console, "nonce": asked.Get("nonce")}
	for k, v := range id {
		proof[k] = v
	}
	name := "code-" + asked.Get("state")
	br.provider.codes[name] = code{
		challenge: asked.Get("code_challenge"), access: br.provider.token(t, now, person), id: br.provider.token(t, now, proof),
	}
	return name
}

func (br *browser) callback(asked url.Values, code string) answer {
	return br.do("GET", "/auth/callback?"+url.Values{"state": {asked.Get("state")}, "code": {code}}.Encode(), "")
}

// signIn signs an administrator of t1 in.
func (br *browser) signIn() {
	br.b.t.Helper()
	asked := br.begin("/")
	res := br.callback(asked, br.code(asked, claims{"tenant_id": "t1", "permissions": []string{access.Read, access.Update}}, nil))
	require.Equal(br.b.t, 302, res.status, res.body)
}

func (br *browser) session() map[string]any {
	br.b.t.Helper()
	res := br.do("GET", "/auth/session", "")
	require.Equal(br.b.t, 200, res.status, res.body)
	return res.json(br.b.t)
}

func TestAPersonSignsInWithABrowser(t *testing.T) {
	t.Parallel()
	b, br := signInSetup(t)
	b.allOn("t1")
	require.Equal(t, 401, br.do("GET", "/auth/session", "").status)
	require.Equal(t, true, br.do("GET", "/auth/config", "").json(t)["signIn"])
	asked := br.begin("/clients/7?tab=contacts")
	res := br.callback(asked, br.code(asked, claims{"tenant_id": "t1", "permissions": []string{access.Read, access.Update}}, nil))
	require.Equal(t, 302, res.status, res.body)
	require.Equal(t, "/clients/7?tab=contacts", res.header.Get("Location"))
	require.Len(t, br.cookies, 1, "the cookie of the sign-in is gone")

	me := br.session()
	require.Equal(t, "t1", me["tenantId"])
	require.Equal(t, "admin", me["userId"])
	require.Equal(t, "Ada", me["name"])
	require.Equal(t, "internal", me["userType"])
	require.Equal(t, []any{access.Read, access.Update}, me["permissions"])
	require.Equal(t, true, me["flags"].(map[string]any)["entra-integration-ui"])
	require.NotEmpty(t, me["csrfToken"])
	require.Equal(t, 200, br.do("GET", "/api/clients", "").status)

	var tokens, trail int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE position(convert_to($1, 'UTF8') IN token_hash || sealed) > 0`,
		br.cookies[identity.SessionCookie]).Scan(&tokens))
	require.Zero(t, tokens, "the token itself is nowhere")
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action = 'session.sign_in' AND outcome = 'ok'`).Scan(&trail))
	require.Equal(t, 1, trail)

	// A code, and the answer to a sign-in, count once.
	require.Equal(t, 404, br.callback(asked, "code").status)
}

func TestASignInEndsInItsOwnBrowser(t *testing.T) {
	t.Parallel()
	b, br := signInSetup(t)
	person := claims{"tenant_id": "t1", "permissions": access.Read}
	other := &browser{b: b, provider: br.provider, cookies: map[string]string{}}
	asked := br.begin("/")
	require.Equal(t, 404, other.callback(asked, br.code(asked, person, nil)).status, "another browser")
	for name, refused := range map[string]struct {
		person, id claims
		status     int
	}{
		"another nonce":    {person, claims{"nonce": "another"}, 401},
		"another client":   {person, claims{"aud": "another"}, 401},
		"another person":   {person, claims{"sub": "somebody"}, 401},
		"expired":          {person, claims{"exp": b.clock.Now().Add(-time.Minute).Unix()}, 401},
		"another audience": {claims{"tenant_id": "t1", "aud": "another"}, nil, 401},
		"no tenant":        {claims{}, nil, 401},
	} {
		asked := br.begin("/")
		res := br.callback(asked, br.code(asked, refused.person, refused.id))
		require.Equal(t, refused.status, res.status, name)
		require.Contains(t, res.body, "Not signed in", name)
		require.NotContains(t, br.cookies, identity.SessionCookie, name)
	}
	asked = br.begin("/")
	found := br.provider.codes[br.code(asked, person, nil)]
	found.challenge = "another"
	br.provider.codes["wrong"] = found
	require.Equal(t, 401, br.callback(asked, "wrong").status, "another verifier")
	asked = br.begin("/")
	b.clock.Advance(11 * time.Minute)
	require.Equal(t, 404, br.callback(asked, br.code(asked, person, nil)).status, "too late")
	asked = br.begin("/")
	res := br.do("GET", "/auth/callback?error=access_denied&state="+asked.Get("state"), "")
	require.Equal(t, 401, res.status)
	require.Contains(t, res.body, "sign_in_refused")
	for _, elsewhere := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "evil", "/auth/sign-in", "/\tx"} {
		asked := br.begin(elsewhere)
		require.Equal(t, "/", br.callback(asked, br.code(asked, person, nil)).header.Get("Location"), elsewhere)
	}
}

func TestAUnsafeCallOfASessionNeedsItsPage(t *testing.T) {
	t.Parallel()
	b, br := signInSetup(t)
	b.allOn("t1")
	br.signIn()
	csrf := br.session()["csrfToken"].(string)
	const path = "/api/integrations/entra/disconnect"
	connect := "/entrasync.connection.v1.ConnectionService/Disconnect"
	before := b.backends.count()
	for name, headers := range map[string][]string{
		"no token":      nil,
		"another token": {"X-CSRF-Token", "another"},
		"another site":  {"X-CSRF-Token", csrf, "Sec-Fetch-Site", "cross-site"},
		"another host":  {"X-CSRF-Token", csrf, "Sec-Fetch-Site", "same-site"},
		"its origin":    {"X-CSRF-Token", csrf, "Origin", "https://evil.example"},
		"no origin":     {"X-CSRF-Token", csrf, "Origin", "null"},
	} {
		for _, path := range []string{path, connect} {
			res := br.do("POST", path, "{}", headers...)
			require.Equal(t, 403, res.status, name+path+res.body)
			require.Contains(t, res.body, "csrf_token_invalid", name)
		}
		require.Equal(t, 403, br.do("POST", "/auth/sign-out", "", headers...).status, name)
	}
	require.Equal(t, before, b.backends.count())
	for _, headers := range [][]string{
		{"X-CSRF-Token", csrf}, {"X-CSRF-Token", csrf, "Sec-Fetch-Site", "same-origin"}, {"X-CSRF-Token", csrf, "Origin", "http://localhost:8080"},
	} {
		require.Equal(t, 200, br.do("POST", path, "{}", headers...).status)
		require.Equal(t, 200, br.do("POST", connect, "{}", headers...).status)
	}
	calls := b.backends.of(connect)
	require.NotEmpty(t, calls[0].call.Session)
	require.Equal(t, "admin", calls[0].call.Actor.ID)
	// A bearer token needs none, and has no session.
	require.Equal(t, 200, b.as(b.admin("t1"), "POST", path, "{}").status)
	calls = b.backends.of(connect)
	require.Empty(t, calls[len(calls)-1].call.Session)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	b, br := signInSetup(t)
	b.allOn("t1")
	alive := func() int { return br.do("GET", "/api/clients", "").status }
	out := func(of *browser, body string) answer {
		return of.do("POST", "/auth/sign-out", body, "X-CSRF-Token", of.session()["csrfToken"].(string))
	}
	br.signIn()
	kept := br.cookies[identity.SessionCookie]
	res := out(br, "")
	require.Equal(t, 200, res.status, res.body)
	require.Empty(t, br.cookies)
	br.cookies[identity.SessionCookie] = kept
	require.Equal(t, 401, alive(), "the token is worth nothing any more")
	require.Equal(t, 200, br.do("POST", "/auth/sign-out", "").status, "nothing is left to end")

	second := &browser{b: b, provider: br.provider, cookies: map[string]string{}}
	br.signIn()
	second.signIn()
	require.Equal(t, 200, out(second, `{"everywhere":true}`).status)
	require.Equal(t, 401, alive(), "of another browser")

	br.signIn()
	b.clock.Advance(59 * time.Minute)
	require.Equal(t, 200, alive())
	b.clock.Advance(59 * time.Minute)
	require.Equal(t, 200, alive(), "used in between")
	b.clock.Advance(61 * time.Minute)
	require.Equal(t, 401, alive(), "idle for too long")

	br.signIn()
	for range 23 {
		b.clock.Advance(30 * time.Minute)
		require.Equal(t, 200, alive())
	}
	b.clock.Advance(31 * time.Minute)
	require.Equal(t, 401, alive(), "too old, however much it is used")
	br.signIn()
	var rows int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM sessions`).Scan(&rows))
	require.Equal(t, 1, rows, "what has ended is gone")
}

// TestASignInEndsTheSessionBeforeIt: the browser forgets that cookie, so nobody could end it.
func TestASignInEndsTheSessionBeforeIt(t *testing.T) {
	t.Parallel()
	b, br := signInSetup(t)
	b.allOn("t1")
	br.signIn()
	thief := &browser{b: b, provider: br.provider, cookies: maps.Clone(br.cookies)}
	require.Equal(t, 200, thief.do("GET", "/api/clients", "").status)
	asked := br.begin("/")
	require.Equal(t, 200, br.do("GET", "/api/clients", "").status, "one that only begins ends nothing")
	require.Equal(t, 302, br.callback(asked, br.code(asked, claims{"tenant_id": "t1", "sub": "reader", "permissions": access.Read}, claims{"sub": "reader"})).status)
	require.Equal(t, "reader", br.session()["userId"])
	require.Equal(t, 401, thief.do("GET", "/api/clients", "").status)
	elsewhere := &browser{b: b, provider: br.provider, cookies: map[string]string{}}
	elsewhere.signIn()
	require.Equal(t, "reader", br.session()["userId"], "sessions of other browsers stay")
}

func TestATokenIsReplaced(t *testing.T) {
	t.Parallel()
	b, br := signInSetup(t)
	b.allOn("t1")
	br.signIn()
	old := br.cookies[identity.SessionCookie]
	br.session()
	require.Equal(t, old, br.cookies[identity.SessionCookie], "a fresh one stays")
	b.clock.Advance(16 * time.Minute)
	before := br.session()
	fresh := br.cookies[identity.SessionCookie]
	require.NotEqual(t, old, fresh)
	with := func(token string) int {
		br.cookies[identity.SessionCookie] = token
		return br.do("GET", "/api/clients", "").status
	}
	require.Equal(t, 200, with(old), "requests on their way")
	b.clock.Advance(61 * time.Second)
	require.Equal(t, 401, with(old))
	require.Equal(t, 200, with(fresh))
	after := br.session()
	require.Equal(t, before["csrfToken"], after["csrfToken"], "an open page goes on")
	require.Equal(t, before["expiresAt"], after["expiresAt"])
	require.Equal(t, 200, br.do("POST", "/auth/sign-out", "", "X-CSRF-Token", after["csrfToken"].(string)).status)
	require.Equal(t, 401, with(fresh))
}

func TestTheCallbackOfMicrosoftKnowsTheSession(t *testing.T) {
	t.Parallel()
	b, br := signInSetup(t)
	b.allOn("t1")
	br.signIn()
	require.Equal(t, 302, br.do("GET", "/api/auth/microsoft/entra/callback?code=c", "").status)
	delete(br.cookies, identity.SessionCookie)
	require.Equal(t, 302, br.do("GET", "/api/auth/microsoft/entra/callback?code=c", "").status)
	calls := b.backends.of("/entrasync.connection.v1.ConnectionInternalService/CompleteCallback")
	require.Len(t, calls, 2)
	of := func(i int) string {
		m := calls[i].request.ProtoReflect()
		return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name("session"))).String()
	}
	require.NotEmpty(t, of(0))
	require.Empty(t, of(1))
}

func TestPeopleOfTheClientPortalSignInAndSeeNothing(t *testing.T) {
	t.Parallel()
	_, br := signInSetup(t)
	asked := br.begin("/")
	require.Equal(t, 302, br.callback(asked, br.code(asked, claims{"tenant_id": "t1", "user_type": "client", "permissions": []string{access.Read}}, nil)).status)
	require.Equal(t, "client", br.session()["userType"])
	res := br.do("GET", "/api/clients", "")
	require.Equal(t, "client_user_denied", res.problem(t).Code)
}

func TestTheConsoleIsServed(t *testing.T) {
	t.Parallel()
	build := fstest.MapFS{
		"index.html":               {Data: []byte("<!doctype html><title>entrasync</title>" + strings.Repeat(" ", 2000))},
		"assets/index-abc12.js":    {Data: []byte("export {}" + strings.Repeat("\n", 2000))},
		"assets/index-abc12.js.gz": {Data: []byte("by gzip")},
		"assets/index-abc12.js.br": {Data: []byte("by brotli")},
		"favicon.svg":              {Data: []byte("<svg/>")},
		".gitignore":               {Data: []byte("*")},
	}
	b := setup(t, func(p *gateway.Parts) {
		p.Console, p.Embed, p.WorkflowsURL = build, []string{"https://psa.example"}, "https://temporal.example/workflows"
	})
	page := []string{"Accept", "text/html,*/*;q=0.8"}
	for _, path := range []string{"/", "/integrations/entra", "/clients/contoso.com", "/index.html"} {
		res := b.do("GET", path, "", page...)
		require.Equal(t, 200, res.status, path)
		require.Contains(t, res.body, "<title>entrasync</title>", path)
		require.Equal(t, "no-store", res.header.Get("Cache-Control"))
		require.Contains(t, res.header.Get("Content-Security-Policy"), "frame-ancestors 'self' https://psa.example")
		require.Contains(t, res.header.Get("Content-Security-Policy"), "script-src 'self';")
		require.Empty(t, res.header.Get("X-Frame-Options"))
	}
	res := b.do("GET", "/assets/index-abc12.js", "", "Accept-Encoding", "identity")
	require.Equal(t, "public, max-age=31536000, immutable", res.header.Get("Cache-Control"))
	require.Equal(t, "text/javascript; charset=utf-8", res.header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(res.body, "export {}"))
	for accepted, sent := range map[string][2]string{
		"gzip, br":     {"br", "by brotli"},
		"br;q=0, GZIP": {"gzip", "by gzip"},
		"gzip;q=0.5":   {"gzip", "by gzip"},
		"deflate":      {"", string(build["assets/index-abc12.js"].Data)},
	} {
		res := b.do("GET", "/assets/index-abc12.js", "", "Accept-Encoding", accepted)
		require.Equal(t, sent, [2]string{res.header.Get("Content-Encoding"), res.body}, accepted)
		require.Equal(t, "text/javascript; charset=utf-8", res.header.Get("Content-Type"))
		require.Contains(t, res.header.Values("Vary"), "Accept-Encoding")
	}
	require.Equal(t, "image/svg+xml", b.do("GET", "/favicon.svg", "").header.Get("Content-Type"))
	for _, path := range []string{"/assets/gone-1.js", "/assets/index-abc12.js.br", "/api/nothing", "/.gitignore", "/assets/../.gitignore"} {
		require.NotContains(t, b.do("GET", path, "").body, "*\n", path)
		require.Equal(t, 404, b.do("GET", path, "").status, path)
	}
	require.Equal(t, 404, b.do("GET", "/assets/gone-1.js", "", page...).status, "no page in a script's place")
	require.Equal(t, 404, b.do("GET", "/wrong/address", "").status, "a program sees that the address is wrong")
	require.Equal(t, 404, b.do("POST", "/clients", "{}", page...).status)
	config := b.do("GET", "/auth/config", "").json(t)
	require.Equal(t, []any{"https://psa.example"}, config["embedOrigins"])
	require.Equal(t, "https://temporal.example/workflows", config["workflowsUrl"])

	alone := setup(t, func(p *gateway.Parts) { p.Console = build })
	res = alone.do("GET", "/", "", page...)
	require.Contains(t, res.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Equal(t, "DENY", res.header.Get("X-Frame-Options"))
	unbuilt := setup(t, func(p *gateway.Parts) { p.Console = fstest.MapFS{".gitignore": {}} })
	res = unbuilt.do("GET", "/", "", page...)
	require.Equal(t, http.StatusServiceUnavailable, res.status)
	require.Contains(t, res.body, "The console is not built")
	require.Contains(t, unbuilt.do("GET", "/auth/sign-in", "").body, "Not signed in", "it is not set up")
}

// handle adds to what an issuer serves.
func (i *issuer) handle(pattern string, f http.HandlerFunc) { i.Mux.HandleFunc(pattern, f) }
