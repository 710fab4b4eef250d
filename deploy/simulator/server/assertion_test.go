package server_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // x5t is SHA-1 by its definition
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
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
	certificate := certify(t, key)
	const app = "app-with-a-certificate"
	b.admin(http.MethodPost, "/apps", server.App{ID: app, Name: "cert", PublicKeys: []string{
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certify(t, stranger)})),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})),
	}})
	sha1sum, sha2sum := sha1.Sum(certificate), sha256.Sum256(certificate) // x5t is SHA-1 by its definition
	x5t := map[string]string{"x5t": base64.RawURLEncoding.EncodeToString(sha1sum[:])}
	x5tS256 := map[string]string{"x5t#S256": base64.RawURLEncoding.EncodeToString(sha2sum[:])}
	tenant := b.fleet.Customers()[0]
	now := b.clock.Now()
	good := map[string]any{
		"aud": b.base + "/" + tenant.ID + "/oauth2/v2.0/token", "iss": app, "sub": app, "jti": "",
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	with := func(name string, value any) map[string]any {
		c := maps.Clone(good)
		c[name] = value
		return c
	}
	var sent []string
	post := func(assertion string) answer {
		sent = append(sent, assertion)
		return b.postToken(tenant.ID, url.Values{
			"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {app},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
		})
	}
	ids := 0
	// ask signs claims, with an id of their own where they have none.
	ask := func(signer *rsa.PrivateKey, algorithm string, thumbprint map[string]string, body map[string]any) answer {
		body = maps.Clone(body)
		if body["jti"] == "" {
			ids++
			body["jti"] = strconv.Itoa(ids)
		}
		head := map[string]string{"alg": algorithm, "typ": "JWT"}
		maps.Copy(head, thumbprint)
		return post(sign(t, signer, algorithm, head, body))
	}
	require.Equal(t, http.StatusOK, ask(key, "PS256", x5tS256, good).status)
	require.Equal(t, http.StatusOK, ask(key, "RS256", x5t, good).status)
	last := sent[len(sent)-1]
	requireOAuthError(t, post(last), 401, "invalid_client", "50027")
	requireOAuthError(t, ask(key, "PS256", x5tS256, with("jti", "1")), 401, "invalid_client", "50027")

	requireOAuthError(t, ask(key, "PS256", nil, good), 401, "invalid_client", "50027")
	requireOAuthError(t, ask(key, "PS256", map[string]string{"x5t#S256": x5t["x5t"]}, good), 401, "invalid_client", "700027")
	requireOAuthError(t, ask(key, "PS256", map[string]string{"x5t": x5tS256["x5t#S256"]}, good), 401, "invalid_client", "700027")
	requireOAuthError(t, ask(stranger, "PS256", x5tS256, good), 401, "invalid_client", "700027")
	requireOAuthError(t, ask(key, "none", x5tS256, good), 401, "invalid_client", "700027")
	requireOAuthError(t, ask(key, "PS256", x5tS256, with("aud", b.base+"/organizations/oauth2/v2.0/token")), 401, "invalid_client", "700023")
	requireOAuthError(t, ask(key, "PS256", x5tS256, with("sub", "another")), 401, "invalid_client", "700021")
	requireOAuthError(t, ask(key, "PS256", x5tS256, with("exp", now.Add(11*time.Minute).Unix())), 401, "invalid_client", "700024")
	requireOAuthError(t, ask(key, "PS256", x5tS256, with("jti", nil)), 401, "invalid_client", "50027")
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {app}, "client_secret": {"guess"}}
	requireOAuthError(t, b.postToken(tenant.ID, form), 401, "invalid_client", "7000215")
	var issued []string
	require.NoError(t, json.Unmarshal(b.admin(http.MethodGet, "/issued", nil).raw, &issued))
	require.Subset(t, issued, sent, "taken or refused, an assertion is a secret")
}

// certify gives a certificate of a key, in DER.
func certify(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return der
}

// sign makes a JWT; one of an unknown algorithm is signed as RS256.
func sign(t *testing.T, signer *rsa.PrivateKey, algorithm string, head, body any) string {
	t.Helper()
	signed := base64.RawURLEncoding.EncodeToString(mustJSON(t, head)) + "." + base64.RawURLEncoding.EncodeToString(mustJSON(t, body))
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	if algorithm == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, signer, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, signer, crypto.SHA256, sum[:])
	}
	require.NoError(t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// A key without a certificate has no thumbprint to be found by.
func TestAnAppIsRegisteredWithCertificates(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	for _, block := range []*pem.Block{{Type: "PUBLIC KEY", Bytes: der}, {Type: "CERTIFICATE", Bytes: der}} {
		body := mustJSON(t, server.App{ID: "an-app", PublicKeys: []string{string(pem.EncodeToMemory(block))}})
		require.Equal(t, http.StatusBadRequest, b.do(b.request(http.MethodPost, "/admin/apps", bytes.NewReader(body))).status, block.Type)
	}
}
