package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
	"github.com/entrasync/entrasync/pkg/clocktest"
)

const (
	clientID     = "5e11aa00-0000-4000-8000-000000000001"
	clientSecret = "the-secret-of-the-app"
	cippID       = "c1bb0000-0000-4000-8000-000000000001"
	cippSecret   = "the-secret-of-cipp"
	redirectURI  = "http://localhost:8080/api/auth/microsoft/entra/callback"
	verifier     = "a-verifier-of-forty-three-characters-at-least-0123"
	partnerScope = "offline_access openid profile https://graph.microsoft.com/User.Read https://graph.microsoft.com/Directory.Read.All https://graph.microsoft.com/DelegatedAdminRelationship.Read.All https://graph.microsoft.com/ManagedTenants.Read.All"
	graphDefault = "https://graph.microsoft.com/.default"
)

// bundle is a simulator and what a test needs to talk to it.
type bundle struct {
	t      *testing.T
	fleet  *fleet.Fleet
	server *server.Server
	clock  *clocktest.Clock
	base   string
	http   *http.Client
}

func setup(t *testing.T, size fleet.Size) *bundle {
	t.Helper()
	return setupWith(t, size, "", true)
}

// keys are shared by the simulators of all tests.
var keys server.Keys

func setupWith(t *testing.T, size fleet.Size, state string, autoConsent bool) *bundle {
	t.Helper()
	f, err := fleet.New(fleet.Config{Size: size, Seed: 1, Year: 2026})
	require.NoError(t, err)
	clk := clocktest.At(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	s, err := server.New(server.Config{
		Fleet: f, AutoConsent: autoConsent, StateFile: state, Keys: &keys, Now: clk.Now,
		Apps: []server.App{{ID: clientID, Name: "entrasync", Secret: clientSecret, RedirectURIs: []string{redirectURI}}},
		CIPP: server.App{ID: cippID, Name: "CIPP-API", Secret: cippSecret},
	})
	require.NoError(t, err)
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		require.NoError(t, s.Close())
	})
	return &bundle{t: t, fleet: f, server: s, clock: clk, base: web.URL, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	raw    []byte
	json   map[string]any
}

func (a answer) rows(t *testing.T) []map[string]any {
	t.Helper()
	list, ok := a.json["value"].([]any)
	require.True(t, ok, "no value array in %s", a.raw)
	rows := make([]map[string]any, 0, len(list))
	for _, row := range list {
		rows = append(rows, row.(map[string]any))
	}
	return rows
}

func (b *bundle) do(r *http.Request) answer {
	b.t.Helper()
	res, err := b.http.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	a := answer{status: res.StatusCode, header: res.Header, raw: raw}
	if !bytes.HasPrefix(raw, []byte("[")) { // a list is for the test to read
		_ = json.Unmarshal(raw, &a.json)
	}
	return a
}

func (b *bundle) request(method, target string, body io.Reader, headers ...string) *http.Request {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.base + target
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, target, body)
	require.NoError(b.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// get asks Graph with a token.
func (b *bundle) get(token, target string, headers ...string) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, strings.ReplaceAll(target, " ", "%20"), nil, append([]string{"Authorization", "Bearer " + token}, headers...)...))
}

func (b *bundle) admin(method, path string, body any) answer {
	b.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(b.t, err)
	a := b.do(b.request(method, "/admin"+path, bytes.NewReader(raw)))
	require.Less(b.t, a.status, 300, "%s", a.raw)
	return a
}

func (b *bundle) apply(c fleet.Change) []string {
	b.t.Helper()
	ids, err := b.fleet.Apply(c)
	require.NoError(b.t, err)
	return ids
}

func challenge(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func authorizeQuery(scope string) url.Values {
	return url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "redirect_uri": {redirectURI}, "response_mode": {"query"},
		"scope": {scope}, "state": {"state-1"}, "code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "prompt": {"select_account"},
	}
}

// authorize returns where the simulator redirected to.
func (b *bundle) authorize(authority string, q url.Values) url.Values {
	b.t.Helper()
	a := b.do(b.request(http.MethodGet, "/"+authority+"/oauth2/v2.0/authorize?"+q.Encode(), nil))
	require.Equal(b.t, http.StatusFound, a.status, "%s", a.raw)
	to, err := url.Parse(a.header.Get("Location"))
	require.NoError(b.t, err)
	require.True(b.t, strings.HasPrefix(to.String(), redirectURI))
	return to.Query()
}

func (b *bundle) code(scope string) string {
	b.t.Helper()
	q := b.authorize("organizations", authorizeQuery(scope))
	require.Equal(b.t, "state-1", q.Get("state"))
	require.NotEmpty(b.t, q.Get("code"))
	return q.Get("code")
}

func (b *bundle) token(authority string, form url.Values) answer {
	b.t.Helper()
	if !form.Has("client_id") {
		form.Set("client_id", clientID)
	}
	if !form.Has("client_secret") {
		form.Set("client_secret", clientSecret)
	}
	return b.postToken(authority, form)
}

// postToken sends a form to the token endpoint as it is.
func (b *bundle) postToken(authority string, form url.Values) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodPost, "/"+authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded"))
}

func codeForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}, "scope": {partnerScope}}
}

// connect signs the partner in.
func (b *bundle) connect() (access, refresh string) {
	b.t.Helper()
	a := b.token("organizations", codeForm(b.code(partnerScope)))
	require.Equal(b.t, http.StatusOK, a.status, "%s", a.raw)
	return a.json["access_token"].(string), a.json["refresh_token"].(string)
}

func refreshForm(token, scope string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "scope": {scope}}
}

// customer returns a token for a customer's directory.
func (b *bundle) customer(t fleet.Tenant) string {
	b.t.Helper()
	_, refresh := b.connect()
	a := b.token(t.ID, refreshForm(refresh, graphDefault))
	require.Equal(b.t, http.StatusOK, a.status, "%s", a.raw)
	return a.json["access_token"].(string)
}

// all follows a listing to its end.
func (b *bundle) all(token, target string, headers ...string) (rows []map[string]any, pages int, last answer) {
	b.t.Helper()
	for target != "" {
		last = b.get(token, target, headers...)
		require.Equal(b.t, http.StatusOK, last.status, "%s", last.raw)
		rows = append(rows, last.rows(b.t)...)
		pages++
		next, more := last.json["@odata.nextLink"].(string)
		_, delta := last.json["@odata.deltaLink"]
		require.False(b.t, more && delta, "never both links")
		target = next
	}
	return rows, pages, last
}

// quick asks Graph without a network between, for tests that ask thousands of
// times.
func (b *bundle) quick(token, target string, headers ...string) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.Bytes()}
	_ = json.Unmarshal(a.raw, &a.json)
	return a
}
