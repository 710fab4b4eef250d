package issuer_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/identity/internal/issuer"
)

const redirect = "http://localhost:8080/auth/callback"

// world is an issuer behind HTTP and a client that follows no redirect.
type world struct {
	url  string
	http *http.Client
}

func setup(t *testing.T) world {
	t.Helper()
	key, err := issuer.LoadKey(filepath.Join(t.TempDir(), "key.pem"))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	server.Config.Handler, err = issuer.New(issuer.Config{
		URL: base, Audience: "entrasync", People: issuer.Demonstration("msp-demo"), Key: key,
		ClientID: "entrasync-console", RedirectURIs: []string{redirect}, Lifetime: time.Hour, Now: time.Now,
	})
	require.NoError(t, err)
	server.Start()
	t.Cleanup(server.Close)
	return world{url: base, http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type answer struct {
	status   int
	location *url.URL
	body     string
}

func (w world) do(t *testing.T, req *http.Request, err error) answer {
	t.Helper()
	require.NoError(t, err)
	res, err := w.http.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := answer{status: res.StatusCode, body: string(body)}
	if res.Header.Get("Location") != "" {
		a.location, err = res.Location()
		require.NoError(t, err)
	}
	return a
}

func (w world) get(t *testing.T, address string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	return w.do(t, req, err)
}

func (w world) post(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(t, req, err)
}

type discovery struct {
	Issuer                        string   `json:"issuer"`
	AuthorizationEndpoint         string   `json:"authorization_endpoint"`
	TokenEndpoint                 string   `json:"token_endpoint"`
	JWKSURI                       string   `json:"jwks_uri"`
	EndSessionEndpoint            string   `json:"end_session_endpoint"`
	UserinfoEndpoint              string   `json:"userinfo_endpoint"`
	CodeChallengeMethodsSupported []string `json:"code_challenge_methods_supported"`
}

func (w world) discover(t *testing.T) discovery {
	t.Helper()
	var d discovery
	a := w.get(t, w.url+"/.well-known/openid-configuration")
	require.Equal(t, http.StatusOK, a.status)
	require.NoError(t, json.Unmarshal([]byte(a.body), &d))
	return d
}

// claims verifies a token as the gateway does, against the published keys.
func (w world) claims(t *testing.T, token string) map[string]any {
	t.Helper()
	var keys jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal([]byte(w.get(t, w.discover(t).JWKSURI).body), &keys))
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	require.NoError(t, err)
	matching := keys.Key(parsed.Headers[0].KeyID)
	require.Len(t, matching, 1)
	require.True(t, matching[0].IsPublic(), "a private key is published")
	claims := map[string]any{}
	require.NoError(t, parsed.Claims(matching[0], &claims))
	return claims
}

// pkce is a verifier and its challenge.
func pkce() (verifier, challenge string) {
	verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(sum[:])
}

func (w world) authorizeURL(d discovery, challenge string, change func(url.Values)) string {
	q := url.Values{
		"client_id": {"entrasync-console"}, "redirect_uri": {redirect}, "response_type": {"code"},
		"scope": {"openid profile email"}, "state": {"the-state"}, "nonce": {"the-nonce"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	if change != nil {
		change(q)
	}
	return d.AuthorizationEndpoint + "?" + q.Encode()
}

// signIn goes through the browser's part for one person and returns the code.
func (w world) signIn(t *testing.T, subject, challenge string) string {
	t.Helper()
	return w.signInAt(t, "", subject, challenge)
}

// signInAt does so for a person of an organisation.
func (w world) signInAt(t *testing.T, organisation, subject, challenge string) string {
	t.Helper()
	a := w.get(t, w.authorizeURL(w.discover(t), challenge, nil))
	require.Equal(t, http.StatusFound, a.status, a.body)
	page := w.get(t, a.location.String())
	require.Equal(t, http.StatusOK, page.status)
	for _, name := range []string{"Ada Administrator", "Rita Reader", "Carl Client"} {
		require.Contains(t, page.body, name)
	}
	a = w.post(t, "/sign-in", url.Values{"request": a.location.Query()["request"], "person": {subject}, "organisation": {organisation}})
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	a = w.get(t, a.location.String())
	require.Equal(t, http.StatusFound, a.status, a.body)
	require.Equal(t, "localhost:8080", a.location.Host)
	require.Equal(t, "/auth/callback", a.location.Path)
	require.Equal(t, "the-state", a.location.Query().Get("state"))
	return a.location.Query().Get("code")
}

func (w world) redeem(t *testing.T, code, verifier string) answer {
	t.Helper()
	path := strings.TrimPrefix(w.discover(t).TokenEndpoint, w.url)
	return w.post(t, path, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"entrasync-console"},
		"code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
}

type tokens struct {
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
}

func TestCodeFlowWithPKCE(t *testing.T) {
	t.Parallel()
	w := setup(t)
	d := w.discover(t)
	require.Equal(t, w.url, d.Issuer)
	require.Equal(t, []string{"S256"}, d.CodeChallengeMethodsSupported)
	require.NotEqual(t, w.url+"/token", d.TokenEndpoint, "that path is the shortcut's")

	for subject, want := range map[string]struct {
		userType    string
		permissions []any
	}{
		"administrator": {"internal", []any{"system_settings.read", "system_settings.update"}},
		"reader":        {"internal", []any{"system_settings.read"}},
		"client-user":   {"client", []any{}},
	} {
		verifier, challenge := pkce()
		a := w.redeem(t, w.signIn(t, subject, challenge), verifier)
		require.Equal(t, http.StatusOK, a.status, a.body)
		var got tokens
		require.NoError(t, json.Unmarshal([]byte(a.body), &got))
		for kind, token := range map[string]string{"access": got.AccessToken, "id": got.IDToken} {
			claims := w.claims(t, token)
			require.Equal(t, w.url, claims["iss"], kind)
			require.Equal(t, subject, claims["sub"], kind)
			require.Contains(t, claims["aud"], "entrasync", kind)
			require.Equal(t, "msp-demo", claims["tenant_id"], kind)
			require.Equal(t, want.userType, claims["user_type"], kind)
			require.Equal(t, want.permissions, claims["permissions"], kind)
			require.NotEmpty(t, claims["name"], kind)
			require.NotEmpty(t, claims["email"], kind)
			require.InDelta(t, time.Now().Add(time.Hour).Unix(), claims["exp"], 60, kind)
		}
		require.Contains(t, w.claims(t, got.IDToken)["aud"], "entrasync-console")
		require.Equal(t, "the-nonce", w.claims(t, got.IDToken)["nonce"])
		require.Contains(t, w.claims(t, got.AccessToken), "nbf")

		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.UserinfoEndpoint, nil)
		req.Header.Set("Authorization", "Bearer "+got.AccessToken)
		info := w.do(t, req, err)
		require.Equal(t, http.StatusOK, info.status)
		require.Contains(t, info.body, `"sub":"`+subject+`"`)
	}
}

func TestPeopleOfAnotherOrganisationAreOthers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for organisation, want := range map[string]string{"msp-demo": "administrator", "msp-new": "administrator@msp-new"} {
		verifier, challenge := pkce()
		a := w.redeem(t, w.signInAt(t, organisation, "administrator", challenge), verifier)
		require.Equal(t, http.StatusOK, a.status, a.body)
		var got tokens
		require.NoError(t, json.Unmarshal([]byte(a.body), &got))
		for kind, token := range map[string]string{"access": got.AccessToken, "id": got.IDToken} {
			claims := w.claims(t, token)
			require.Equal(t, organisation, claims["tenant_id"], kind)
			require.Equal(t, want, claims["sub"], kind)
			require.Equal(t, "Ada Administrator", claims["name"], kind)
		}
	}
	_, challenge := pkce()
	page := w.get(t, w.authorizeURL(w.discover(t), challenge, nil))
	for _, organisation := range []string{"msp new", "a@b", strings.Repeat("a", 65)} {
		form := url.Values{"request": page.location.Query()["request"], "person": {"administrator"}, "organisation": {organisation}}
		require.Equal(t, http.StatusBadRequest, w.post(t, "/sign-in", form).status, organisation)
	}
}

func TestCodeWorksOnceAndWithItsVerifierOnly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	verifier, challenge := pkce()

	t.Run("wrong verifier", func(t *testing.T) {
		code := w.signIn(t, "reader", challenge)
		other, _ := pkce()
		a := w.redeem(t, code, other)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Contains(t, a.body, "invalid_grant")
		require.Equal(t, http.StatusBadRequest, w.redeem(t, code, verifier).status, "the try is used up")
	})
	t.Run("no verifier", func(t *testing.T) {
		require.Equal(t, http.StatusBadRequest, w.redeem(t, w.signIn(t, "reader", challenge), "").status)
	})
	t.Run("twice", func(t *testing.T) {
		code := w.signIn(t, "reader", challenge)
		require.Equal(t, http.StatusOK, w.redeem(t, code, verifier).status)
		require.Equal(t, http.StatusBadRequest, w.redeem(t, code, verifier).status)
	})
	t.Run("made up", func(t *testing.T) {
		require.Equal(t, http.StatusBadRequest, w.redeem(t, "guess", verifier).status)
	})
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, challenge := pkce()
	for name, change := range map[string]func(url.Values){
		"no PKCE":          func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") },
		"plain PKCE":       func(q url.Values) { q.Set("code_challenge_method", "plain") },
		"another redirect": func(q url.Values) { q.Set("redirect_uri", "http://localhost:8080/elsewhere") },
		"another client":   func(q url.Values) { q.Set("client_id", "somebody") },
		"implicit":         func(q url.Values) { q.Set("response_type", "id_token token") },
	} {
		a := w.get(t, w.authorizeURL(w.discover(t), challenge, change))
		if a.location != nil {
			require.NotEmpty(t, a.location.Query().Get("error")+a.location.Fragment, name)
			require.NotContains(t, a.location.Path, "sign-in", name)
			continue
		}
		require.Equal(t, http.StatusBadRequest, a.status, name)
	}
	require.Equal(t, http.StatusBadRequest, w.get(t, w.url+"/sign-in?request=unknown").status)
	require.Equal(t, http.StatusBadRequest, w.post(t, "/sign-in", url.Values{"request": {"unknown"}, "person": {"reader"}}).status)
}

func TestSignOutLeadsBackToTheConsole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	q := url.Values{"client_id": {"entrasync-console"}, "post_logout_redirect_uri": {"http://localhost:8080/"}}
	a := w.get(t, w.discover(t).EndSessionEndpoint+"?"+q.Encode())
	require.Equal(t, http.StatusFound, a.status, a.body)
	require.Equal(t, "http://localhost:8080/", a.location.String())

	q.Set("post_logout_redirect_uri", "https://evil.example/")
	require.Equal(t, http.StatusBadRequest, w.get(t, w.discover(t).EndSessionEndpoint+"?"+q.Encode()).status)
}

func (w world) shortcut(ctx context.Context, t *testing.T, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/token", strings.NewReader(body))
	return w.do(t, req, err)
}

func TestShortcutMakesTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	make := func(body string) map[string]any {
		a := w.shortcut(t.Context(), t, body)
		require.Equal(t, http.StatusOK, a.status, a.body)
		var got tokens
		require.NoError(t, json.Unmarshal([]byte(a.body), &got))
		return w.claims(t, got.AccessToken)
	}
	claims := make(`{"tenantId": "msp-1", "sub": "u1", "userType": "client", "permissions": ["a", "b"], "name": "N", "email": "e@x.example"}`)
	require.Equal(t, w.url, claims["iss"])
	require.Equal(t, []any{"entrasync"}, claims["aud"])
	require.Equal(t, "u1", claims["sub"])
	require.Equal(t, "msp-1", claims["tenant_id"])
	require.Equal(t, "client", claims["user_type"])
	require.Equal(t, []any{"a", "b"}, claims["permissions"])
	require.Equal(t, "N", claims["name"])
	require.Equal(t, "e@x.example", claims["email"])
	require.Contains(t, claims, "iat")
	require.Contains(t, claims, "nbf")

	claims = make(`{"tenantId": "msp-1", "sub": "u1"}`)
	require.Equal(t, "internal", claims["user_type"])
	require.Equal(t, []any{}, claims["permissions"])
	require.NotContains(t, claims, "name")

	claims = make(`{"tenantId": "msp-1", "sub": "u1", "expiresIn": -60, "audience": "other"}`)
	require.InDelta(t, time.Now().Add(-time.Minute).Unix(), claims["exp"], 30)
	require.Less(t, claims["nbf"], claims["exp"])
	require.Equal(t, []any{"other"}, claims["aud"])

	for _, body := range []string{``, `{}`, `{"tenantId": "x"}`, `{"tenantId": "x", "sub": "y", "surprise": 1}`, `tenantId=x&sub=y`} {
		require.Equal(t, http.StatusBadRequest, w.shortcut(t.Context(), t, body).status, body)
	}
}

func TestKeyOutlivesARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "key.pem")
	_, err := issuer.LoadKey(path)
	require.NoError(t, err)
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = issuer.LoadKey(path)
	require.NoError(t, err)
	second, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, first, second)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.WriteFile(path, []byte("junk"), 0o600))
	_, err = issuer.LoadKey(path)
	require.Error(t, err)
}
