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
	"github.com/entrasync/entrasync/pkg/clocktest"
	"github.com/entrasync/entrasync/pkg/errs"
)

// provider is an OpenID provider that can be down and can change its key.
type provider struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	down    bool
	keys    http.HandlerFunc // nil: gives the key
	fetches int              // of the keys
	key     *ecdsa.PrivateKey
	id      string
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
	give := answer(func() any {
		p.fetches++
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.id, Algorithm: "ES256", Use: "sig"}}}
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		instead := p.keys
		p.mu.Unlock()
		if instead == nil {
			instead = give
		}
		instead(w, r)
	})
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

// setKeys serves the keys in another way; nil as before.
func (p *provider) setKeys(serve http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = serve
}

func (p *provider) fetched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

func (p *provider) bearer(now time.Time, claims map[string]any) string {
	p.t.Helper()
	claims["iss"], claims["aud"], claims["sub"] = p.url, "us", "ada"
	claims["exp"] = now.Add(time.Hour).Unix()
	raw, err := json.Marshal(claims)
	require.NoError(p.t, err)
	return p.sign(raw)
}

// between is how long after a flood of invented keys, by the verifier's clock, the provider is asked again.
const between = 5 * time.Second

// taken polls until a verifier takes the provider's token: an answer for those who wait together may
// come a moment late. Each look is a step later by the verifier's clock, since a request for the keys
// that was lost is not made again before that.
func (p *provider) taken(v *identity.Verifier, clock *clocktest.Clock, step time.Duration) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		_, err := v.Verify(p.t.Context(), p.bearer(clock.Advance(step), valid()))
		return err == nil
	}, time.Minute, 10*time.Millisecond)
}

// sign makes a bearer token of a payload.
func (p *provider) sign(raw []byte) string {
	p.t.Helper()
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
	clock := clocktest.At(time.Now())
	v, err := identity.New(identity.Config{Issuers: []string{first.url, second.url}, Audience: "us", Now: clock.Now})
	require.NoError(t, err)
	claims := func() map[string]any {
		return map[string]any{"tenant_id": "t", "user_type": "internal", "permissions": "a b"}
	}
	first.setDown(true)
	_, err = v.Verify(t.Context(), first.bearer(clock.Now(), claims()))
	require.Equal(t, "identity_unavailable", errs.ReasonOf(err))
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	p, err := v.Verify(t.Context(), second.bearer(clock.Now(), claims()))
	require.NoError(t, err, "the other issuer is not concerned")
	require.Equal(t, []string{"a", "b"}, p.Permissions)
	first.setDown(false)
	clock.Advance(3 * time.Second)
	_, err = v.Verify(t.Context(), first.bearer(clock.Now(), claims()))
	require.NoError(t, err)
	first.rotate("2")
	first.taken(v, clock, 0)
}

func valid() map[string]any {
	return map[string]any{"tenant_id": "t", "user_type": "internal"}
}

func TestKeysThatCannotBeHadAreNoFaultOfTheToken(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, serve := range map[string]http.HandlerFunc{
		"fails": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"lies":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"hangs": hang,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, clock := newProvider(t), clocktest.At(time.Now())
			v, err := identity.New(identity.Config{Issuers: []string{p.url}, Audience: "us", Now: clock.Now, Timeout: 200 * time.Millisecond})
			require.NoError(t, err)
			p.setKeys(serve)
			for range 6 { // also when it is too soon to ask again
				_, err = v.Verify(t.Context(), p.bearer(clock.Now(), valid()))
				require.Equal(t, errs.Unavailable, errs.KindOf(err))
				require.Equal(t, "identity_unavailable", errs.ReasonOf(err))
			}
			p.setKeys(nil)
			p.taken(v, clock, between)
		})
	}
}

func TestInventedKeysDoNotFloodTheIssuer(t *testing.T) {
	t.Parallel()
	p, forger, clock := newProvider(t), newProvider(t), clocktest.At(time.Now())
	v, err := identity.New(identity.Config{Issuers: []string{p.url}, Audience: "us", Now: clock.Now})
	require.NoError(t, err)
	good := p.bearer(clock.Now(), valid())
	_, err = v.Verify(t.Context(), good)
	require.NoError(t, err)
	forger.url = p.url
	forger.rotate("invented")
	for range 20 {
		_, err = v.Verify(t.Context(), forger.bearer(clock.Now(), valid()))
		require.Equal(t, errs.Unauthenticated, errs.KindOf(err))
	}
	require.LessOrEqual(t, p.fetched(), 3)
	_, err = v.Verify(t.Context(), good)
	require.NoError(t, err, "a known key needs no fetch")
	p.rotate("2")
	p.taken(v, clock, between) // a new key is found all the same
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

// TestATenantIsSpokenForByItsIssuer: what one issuer may say of its tenants it may not say of those
// of another.
func TestATenantIsSpokenForByItsIssuer(t *testing.T) {
	t.Parallel()
	one, two := newProvider(t), newProvider(t)
	v, err := identity.New(identity.Config{
		Issuers: []string{one.url, two.url}, Audience: "us", Now: time.Now, IssuerOf: map[string]string{"acme": one.url},
	})
	require.NoError(t, err)
	verify := func(p *provider, tenant string) (string, error) {
		person, err := v.Verify(t.Context(), p.bearer(time.Now(), map[string]any{"tenant_id": tenant, "user_type": "internal"}))
		return person.Subject, err
	}
	subject, err := verify(one, "acme")
	require.NoError(t, err)
	require.Equal(t, "ada", subject)
	_, err = verify(two, "acme")
	require.Equal(t, errs.Unauthenticated, errs.KindOf(err))
	// A tenant that is bound to none: the same name, given by another issuer, is somebody else.
	subject, err = verify(one, "open")
	require.NoError(t, err)
	require.Equal(t, one.url+"#ada", subject)
	subject, err = verify(two, "open")
	require.NoError(t, err)
	require.Equal(t, two.url+"#ada", subject)

	_, err = identity.New(identity.Config{Issuers: []string{one.url}, Audience: "us", IssuerOf: map[string]string{"acme": two.url}})
	require.ErrorContains(t, err, "no issuer of those known")
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
