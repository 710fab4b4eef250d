package signin

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
)

var assertionTime = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// certified makes credentials with a certificate that is good for a day.
func certified(t *testing.T) (connection.Credentials, *rsa.PublicKey, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"},
		NotBefore: assertionTime.Add(-time.Hour), NotAfter: assertionTime.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return connection.Credentials{ClientID: "the-app", Certificate: connection.Secret(text)}, &key.PublicKey, der
}

// TestAssertion holds what is signed against RFC 7523 and Microsoft's page on
// certificate credentials.
func TestAssertion(t *testing.T) {
	t.Parallel()
	credentials, public, der := certified(t)
	const endpoint = "https://login.example/tenant/oauth2/v2.0/token"
	signed, err := assertionFor(credentials, endpoint, assertionTime)
	require.NoError(t, err)
	token, err := jwt.ParseSigned(signed.Reveal(), []jose.SignatureAlgorithm{jose.PS256})
	require.NoError(t, err)
	require.Len(t, token.Headers, 1)
	header := token.Headers[0]
	require.Equal(t, "PS256", header.Algorithm)
	thumbprint := sha256.Sum256(der)
	require.Equal(t, base64.RawURLEncoding.EncodeToString(thumbprint[:]), header.ExtraHeaders["x5t#S256"])
	require.Equal(t, "JWT", header.ExtraHeaders["typ"])

	var raw map[string]any
	require.NoError(t, token.Claims(public, &raw), "it verifies with the certificate's public key")
	require.Equal(t, endpoint, raw["aud"], "one text and no list")
	require.Equal(t, "the-app", raw["iss"])
	require.Equal(t, "the-app", raw["sub"])
	require.NotEmpty(t, raw["jti"])
	nbf, iat, exp := int64(raw["nbf"].(float64)), int64(raw["iat"].(float64)), int64(raw["exp"].(float64))
	require.LessOrEqual(t, nbf, assertionTime.Unix())
	require.LessOrEqual(t, iat, assertionTime.Unix())
	require.Greater(t, exp, assertionTime.Unix())
	require.LessOrEqual(t, exp-min(nbf, iat), int64(600))
	require.Len(t, raw, 7)

	again, err := assertionFor(credentials, endpoint, assertionTime)
	require.NoError(t, err)
	other, err := jwt.ParseSigned(again.Reveal(), []jose.SignatureAlgorithm{jose.PS256})
	require.NoError(t, err)
	var second map[string]any
	require.NoError(t, other.Claims(public, &second))
	require.NotEqual(t, raw["jti"], second["jti"])

	_, stranger, _ := certified(t)
	require.Error(t, token.Claims(stranger, &second), "another key does not verify it")
	_, err = assertionFor(credentials, endpoint, assertionTime.Add(48*time.Hour))
	require.ErrorContains(t, err, "expired")
}

// tokenEndpoint answers every request and keeps what came.
func tokenEndpoint(t *testing.T, status func(n int) int) (*Client, func() []url.Values) {
	t.Helper()
	var mu sync.Mutex
	var forms []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.ParseForm()
		r.PostForm.Set("path", r.URL.Path)
		forms = append(forms, r.PostForm)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status(len(forms)))
		_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": "t"})
	}))
	t.Cleanup(server.Close)
	c, err := New(Options{
		Login: server.URL, Now: func() time.Time { return assertionTime },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	require.NoError(t, err)
	return c, func() []url.Values {
		mu.Lock()
		defer mu.Unlock()
		return forms
	}
}

func TestEachAttemptProvesItselfAnew(t *testing.T) {
	t.Parallel()
	failTwice := func(n int) int {
		if n < 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	credentials, public, _ := certified(t)
	c, came := tokenEndpoint(t, failTwice)
	_, err := c.AppToken(t.Context(), credentials, "customer")
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, form := range came() {
		require.Empty(t, form.Get("client_secret"))
		require.Equal(t, "the-app", form.Get("client_id"))
		require.Equal(t, "client_credentials", form.Get("grant_type"))
		require.Equal(t, "https://graph.microsoft.com/.default", form.Get("scope"))
		require.Equal(t, "/customer/oauth2/v2.0/token", form.Get("path"))
		require.Equal(t, assertionType, form.Get("client_assertion_type"))
		token, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.PS256})
		require.NoError(t, err)
		var claims assertionClaims
		require.NoError(t, token.Claims(public, &claims))
		require.Equal(t, c.tokenURL("customer"), claims.Audience)
		ids[claims.ID] = true
	}
	require.Len(t, ids, 3)

	file := filepath.Join(t.TempDir(), "token")
	c, came = tokenEndpoint(t, func(int) int { return http.StatusOK })
	federated := connection.Credentials{ClientID: "the-app", FederatedTokenFile: file}
	for _, text := range []string{"first", "second\n"} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err = c.CustomerToken(t.Context(), federated, "grant", "customer")
		require.NoError(t, err)
	}
	forms := came()
	require.Equal(t, "first", forms[0].Get("client_assertion"))
	require.Equal(t, "second", forms[1].Get("client_assertion"), "it is read anew each time")

	for _, text := range []string{"", strings.Repeat("x", maxFederatedBytes+1)} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err = c.CustomerToken(t.Context(), federated, "grant", "customer")
		require.Equal(t, connection.Bug, connection.ClassOf(err), "ours to mend, and nobody else's")
	}
	require.NoError(t, os.Remove(file))
	_, err = c.CustomerToken(t.Context(), federated, "grant", "customer")
	require.Equal(t, connection.ReasonRefreshFailed, errs.ReasonOf(err))
	_, err = c.CustomerToken(t.Context(), connection.Credentials{ClientID: "the-app"}, "grant", "customer")
	require.Equal(t, connection.Bug, connection.ClassOf(err))
	require.Len(t, came(), 2, "nothing is asked without a proof")
	for _, name := range []string{"", "common", "Organizations", "consumers"} {
		_, err = c.AppToken(t.Context(), credentials, name)
		require.Equal(t, connection.Customer, connection.ClassOf(err), name)
	}
	require.Len(t, came(), 2, "a shared authority is no customer's")
}

func TestAProofThatCannotBeMadeIsNotMicrosoftsRefusal(t *testing.T) {
	t.Parallel()
	c, asked := tokenEndpoint(t, func(int) int { return http.StatusOK })
	_, err := c.AppToken(t.Context(), connection.Credentials{ClientID: "app", FederatedTokenFile: filepath.Join(t.TempDir(), "none")}, "managed")
	require.ErrorContains(t, err, "cannot be made here")
	require.Empty(t, asked())
	require.ErrorContains(t, microsoft.ClassifyToken(microsoft.AtPartner, microsoft.OAuthFailure{Code: "invalid_client", Numbers: []int{700027}}), "secret, certificate or token")
}
