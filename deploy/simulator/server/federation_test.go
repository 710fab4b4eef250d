package server_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func TestFederatedCredential(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	const app, subject = "app-of-a-cluster", "system:serviceaccount:entrasync:connection"
	tenant := b.fleet.Customers()[0]
	issue := func(body map[string]any) string {
		return b.admin(http.MethodPost, "/issuer/tokens", body).json["token"].(string)
	}
	register := func(c ...server.FederatedCredential) {
		b.admin(http.MethodPost, "/apps", server.App{ID: app, Name: "federated", FederatedCredentials: c})
	}
	ask := func(assertion string) answer {
		return b.postToken(tenant.ID, url.Values{
			"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {app},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
		})
	}
	mine := server.FederatedCredential{Issuer: b.base + "/issuer", Subject: subject}
	register(mine)
	good := issue(map[string]any{"subject": subject})
	a := ask(good)
	require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
	require.Equal(t, http.StatusOK, b.get(a.json["access_token"].(string), "/v1.0/users?$top=1").status)
	require.Equal(t, http.StatusOK, ask(good).status, "Entra takes one again while it is valid")

	requireOAuthError(t, ask(issue(map[string]any{"subject": subject + "x"})), 401, "invalid_client", "700213")
	requireOAuthError(t, ask(issue(map[string]any{"subject": subject, "audience": "api://elsewhere"})), 401, "invalid_client", "700212")
	requireOAuthError(t, ask(issue(map[string]any{"subject": subject, "expiresInSeconds": -1})), 401, "invalid_client", "700024")
	parts := strings.Split(good, ".")
	requireOAuthError(t, ask(parts[0]+"."+parts[1]+"."+strings.Repeat("A", len(parts[2]))), 401, "invalid_client", "700027")
	requireOAuthError(t, ask("nonsense"), 401, "invalid_client", "50027")
	register(server.FederatedCredential{Issuer: b.base + "/Issuer", Subject: subject})
	requireOAuthError(t, ask(good), 401, "invalid_client", "700211")
	register(server.FederatedCredential{Issuer: mine.Issuer, Subject: subject, Audience: "api://elsewhere"})
	requireOAuthError(t, ask(good), 401, "invalid_client", "700212")
	register(mine)
	b.clock.Advance(2 * time.Hour)
	requireOAuthError(t, ask(good), 401, "invalid_client", "700024")

	// The issuer is an OpenID provider whose keys verify its tokens.
	metadata := b.do(b.request(http.MethodGet, mine.Issuer+"/.well-known/openid-configuration", nil))
	require.Equal(t, mine.Issuer, metadata.json["issuer"])
	keys := b.do(b.request(http.MethodGet, metadata.json["jwks_uri"].(string), nil))
	var set struct {
		Keys []struct {
			N, E string
		}
	}
	require.NoError(t, json.Unmarshal(keys.raw, &set))
	require.Len(t, set.Keys, 1)
	number := func(raw string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(raw)
		require.NoError(t, err)
		return new(big.Int).SetBytes(b)
	}
	parsed, err := jwt.ParseSigned(good, []jose.SignatureAlgorithm{jose.RS256})
	require.NoError(t, err)
	claims := map[string]any{}
	require.NoError(t, parsed.Claims(&rsa.PublicKey{N: number(set.Keys[0].N), E: int(number(set.Keys[0].E).Int64())}, &claims))
	require.Equal(t, subject, claims["sub"])
}
