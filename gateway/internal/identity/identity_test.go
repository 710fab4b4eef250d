package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/pkg/errs"
)

// provider is an OpenID provider that can be down and can change its key.
type provider struct {
	t   *testing.T
	url string

	mu   sync.Mutex
	down bool
	key  *ecdsa.PrivateKey
	id   string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t}
	p.rotate("1")
	mux := http.NewServeMux()
	answer := func(f func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.down {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_ = json.NewEncoder(w).Encode(f())
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", answer(func() any {
		return map[string]any{"issuer": p.url, "jwks_uri": p.url + "/keys"}
	}))
	mux.HandleFunc("GET /keys", answer(func() any {
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.id, Algorithm: "ES256", Use: "sig"}}}
	}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *provider) rotate(id string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(p.t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.id = key, id
}

func (p *provider) setDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

func (p *provider) bearer(now time.Time, claims map[string]any) string {
	p.t.Helper()
	claims["iss"], claims["aud"], claims["sub"] = p.url, "us", "ada"
	claims["exp"] = now.Add(time.Hour).Unix()
	raw, err := json.Marshal(claims)
	require.NoError(p.t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.id}}, nil)
	require.NoError(p.t, err)
	signed, err := signer.Sign(raw)
	require.NoError(p.t, err)
	token, err := signed.CompactSerialize()
	require.NoError(p.t, err)
	return "Bearer " + token
}

func TestAnIssuerMayStartLaterAndChangeItsKeys(t *testing.T) {
	t.Parallel()
	first, second := newProvider(t), newProvider(t)
	now := time.Now()
	v, err := identity.New(identity.Config{Issuers: []string{first.url, second.url}, Audience: "us", Now: func() time.Time { return now }})
	require.NoError(t, err)
	claims := func() map[string]any {
		return map[string]any{"tenant_id": "t", "user_type": "internal", "permissions": "a b"}
	}
	first.setDown(true)
	_, err = v.Verify(t.Context(), first.bearer(now, claims()))
	require.Equal(t, "identity_unavailable", errs.ReasonOf(err))
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	p, err := v.Verify(t.Context(), second.bearer(now, claims()))
	require.NoError(t, err, "the other issuer is not concerned")
	require.Equal(t, []string{"a", "b"}, p.Permissions)
	first.setDown(false)
	now = now.Add(3 * time.Second)
	_, err = v.Verify(t.Context(), first.bearer(now, claims()))
	require.NoError(t, err)
	first.rotate("2")
	_, err = v.Verify(t.Context(), first.bearer(now, claims()))
	require.NoError(t, err)
	require.NoError(t, v.Ready(t.Context()))
}

func TestClaimNamesAreConfigurable(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v, err := identity.New(identity.Config{
		Issuers: []string{p.url}, Audience: "us", Now: time.Now,
		Claims: identity.Claims{Tenant: "org", UserType: "kind", Permissions: "roles"},
	})
	require.NoError(t, err)
	person, err := v.Verify(t.Context(), p.bearer(time.Now(), map[string]any{"org": "o-1", "kind": "client", "roles": []any{"x", 7, "y"}}))
	require.NoError(t, err)
	require.Equal(t, identity.Person{Subject: "ada", Tenant: "o-1", Type: identity.Client, Permissions: []string{"x", "y"}}, person)
	_, err = v.Verify(t.Context(), p.bearer(time.Now(), map[string]any{"tenant_id": "o-1", "user_type": "internal"}))
	require.Equal(t, errs.Unauthenticated, errs.KindOf(err))
}

func FuzzVerify(f *testing.F) {
	v, err := identity.New(identity.Config{Issuers: []string{"http://127.0.0.1:1"}, Audience: "us", Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "Bearer", "Bearer a.b.c", "bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.", "Basic x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, authorization string) {
		if _, err := v.Verify(t.Context(), authorization); err == nil {
			t.Fatal("let through")
		}
	})
}
