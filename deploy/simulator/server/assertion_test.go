package server_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func TestClientAssertion(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	const app = "app-with-a-certificate"
	b.admin(http.MethodPost, "/apps", server.App{ID: app, Name: "cert", PublicKeys: []string{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}})
	tenant := b.fleet.Customers()[0]
	now := b.clock.now()
	good := map[string]any{
		"aud": b.base + "/" + tenant.ID + "/oauth2/v2.0/token", "iss": app, "sub": app, "jti": "1",
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	with := func(name string, value any) map[string]any {
		c := maps.Clone(good)
		c[name] = value
		return c
	}
	var sent []string
	ask := func(signer *rsa.PrivateKey, algorithm string, body map[string]any) answer {
		signed := base64.RawURLEncoding.EncodeToString(mustJSON(t, map[string]string{"alg": algorithm, "typ": "JWT"})) + "." + base64.RawURLEncoding.EncodeToString(mustJSON(t, body))
		sum := sha256.Sum256([]byte(signed))
		var signature []byte
		if algorithm == "PS256" {
			signature, err = rsa.SignPSS(rand.Reader, signer, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(rand.Reader, signer, crypto.SHA256, sum[:])
		}
		require.NoError(t, err)
		sent = append(sent, signed+"."+base64.RawURLEncoding.EncodeToString(signature))
		form := url.Values{
			"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {app},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {sent[len(sent)-1]},
		}
		return b.postToken(tenant.ID, form)
	}
	require.Equal(t, http.StatusOK, ask(key, "PS256", good).status)
	require.Equal(t, http.StatusOK, ask(key, "RS256", good).status)
	requireOAuthError(t, ask(stranger, "PS256", good), 401, "invalid_client", "700027")
	requireOAuthError(t, ask(key, "none", good), 401, "invalid_client", "700027")
	requireOAuthError(t, ask(key, "PS256", with("aud", b.base+"/organizations/oauth2/v2.0/token")), 401, "invalid_client", "700023")
	requireOAuthError(t, ask(key, "PS256", with("sub", "another")), 401, "invalid_client", "700021")
	requireOAuthError(t, ask(key, "PS256", with("exp", now.Add(11*time.Minute).Unix())), 401, "invalid_client", "700024")
	requireOAuthError(t, ask(key, "PS256", with("jti", "")), 401, "invalid_client", "50027")
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {app}, "client_secret": {"guess"}}
	requireOAuthError(t, b.postToken(tenant.ID, form), 401, "invalid_client", "7000215")
	var issued []string
	require.NoError(t, json.Unmarshal(b.admin(http.MethodGet, "/issued", nil).raw, &issued))
	require.Subset(t, issued, sent, "taken or refused, an assertion is a secret")
}
