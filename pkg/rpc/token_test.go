package rpc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// authority issues identities; rpctest cannot serve here, it imports this package.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{key: key, cert: cert}
}

func (a *authority) identity(t testing.TB, name string) *Identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	for file, block := range map[string]*pem.Block{
		caFile: {Type: "CERTIFICATE", Bytes: a.cert.Raw}, certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600))
	}
	i, err := LoadIdentity(dir)
	require.NoError(t, err)
	return i
}

// forge signs any claims with the identity's key, past the rules of sign.
func forge(t testing.TB, i *Identity, header map[string]any, payload map[string]any) string {
	t.Helper()
	m := i.now()
	options := (&jose.SignerOptions{}).WithType(tokenType).WithHeader("x5c", []string{base64.StdEncoding.EncodeToString(m.cert.Certificate[0])})
	for key, value := range header {
		options.WithHeader(jose.HeaderKey(key), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: m.cert.PrivateKey}, options)
	require.NoError(t, err)
	raw, err := json.Marshal(payload)
	require.NoError(t, err)
	signed, err := signer.Sign(raw)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	gateway, mapping, stranger := ours.identity(t, "gateway"), ours.identity(t, "mapping"), theirs.identity(t, "gateway")
	now := time.Now()
	v := newVerifier(mapping, func() time.Time { return now })
	good := map[string]any{
		"aud": audience, "iss": "gateway", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "tenant": "acme", "sub": "u1",
	}
	with := func(key string, value any) map[string]any {
		changed := maps.Clone(good)
		changed[key] = value
		return changed
	}
	call, err := v.verify(forge(t, gateway, nil, good))
	require.NoError(t, err)
	require.Equal(t, tenant.ID("acme"), call.Tenant)

	honest := forge(t, gateway, nil, good)
	parts := strings.Split(honest, ".")
	evil, err := json.Marshal(with("tenant", "globex"))
	require.NoError(t, err)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	// Another's certificate beside one's own signature.
	borrowed := base64.StdEncoding.EncodeToString(gateway.now().cert.Certificate[0])
	for name, token := range map[string]string{
		"empty":                "",
		"garbage":              "a.b.c",
		"too long":             strings.Repeat("a", maxTokenBytes+1),
		"changed payload":      parts[0] + "." + base64.RawURLEncoding.EncodeToString(evil) + "." + parts[2],
		"unsigned":             none + "." + parts[1] + ".",
		"another authority":    forge(t, stranger, nil, good),
		"no originator":        forge(t, mapping, nil, with("iss", "mapping")),
		"borrowed name":        forge(t, mapping, nil, good),
		"borrowed cert":        forge(t, mapping, map[string]any{"x5c": []string{borrowed}}, good),
		"no cert":              forge(t, gateway, map[string]any{"x5c": []string{}}, good),
		"another type":         forge(t, gateway, map[string]any{"typ": "JWT"}, good),
		"another audience":     forge(t, gateway, nil, with("aud", "elsewhere")),
		"another issuer":       forge(t, gateway, nil, with("iss", "worker")),
		"lives too long":       forge(t, gateway, nil, with("exp", now.Add(maxLife+time.Minute).Unix())),
		"from the future":      forge(t, gateway, nil, with("iat", now.Add(time.Hour).Unix())),
		"malformed tenant":     forge(t, gateway, nil, with("tenant", "a'; --")),
		"claims of wrong kind": forge(t, gateway, nil, with("exp", "tomorrow")),
	} {
		_, err := v.verify(token)
		require.Equal(t, "context_invalid", errs.ReasonOf(err), "%s: %v", name, err)
		require.Equal(t, errs.Unauthenticated, errs.KindOf(err), name)
	}
	_, err = v.verify(forge(t, gateway, nil, with("exp", now.Add(-time.Second).Unix())))
	require.Equal(t, "context_expired", errs.ReasonOf(err))

	now = now.Add(2 * time.Minute)
	_, err = v.verify(honest)
	require.Equal(t, "context_expired", errs.ReasonOf(err), "a verified token expires too")
}

// TestATokenEndsWithTheAuthorityThatVouchedForIt: however long it would have lived, and
// although it was verified before.
func TestATokenEndsWithTheAuthorityThatVouchedForIt(t *testing.T) {
	t.Parallel()
	old, fresh := newAuthority(t), newAuthority(t)
	gateway, receiver := old.identity(t, "gateway"), old.identity(t, "mapping")
	v := newVerifier(receiver, time.Now)
	call := tenant.Call{Tenant: "acme", Actor: tenant.Actor{ID: "u1"}}
	token, err := sign(gateway, call, time.Now(), maxLife)
	require.NoError(t, err)
	for range 2 {
		got, err := v.verify(token)
		require.NoError(t, err)
		require.Equal(t, tenant.ID("acme"), got.Tenant)
	}
	replaced := fresh.identity(t, "mapping")
	for _, file := range []string{caFile, certFile, keyFile} {
		text, err := os.ReadFile(filepath.Join(replaced.dir, file))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(receiver.dir, file), text, 0o600))
		require.NoError(t, os.Chtimes(filepath.Join(receiver.dir, file), time.Time{}, time.Now().Add(time.Minute)))
	}
	_, err = v.verify(token)
	require.Equal(t, "context_invalid", errs.ReasonOf(err))
	again, err := sign(fresh.identity(t, "gateway"), call, time.Now(), time.Minute)
	require.NoError(t, err)
	_, err = v.verify(again)
	require.NoError(t, err)
}

func TestOnlyOriginatorsSign(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for name, allowed := range map[string]bool{"gateway": true, "worker": true, "mapping": false, "connection": false} {
		_, err := sign(a.identity(t, name), tenant.Call{Tenant: "acme"}, time.Now(), time.Minute)
		require.Equal(t, allowed, err == nil, name)
	}
}

func TestTheCacheOfTokensIsBounded(t *testing.T) {
	t.Parallel()
	v := newVerifier(nil, time.Now)
	now := time.Now()
	for i := range maxVerified + 100 {
		v.remember([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}, nil, tenant.Call{Expires: now.Add(time.Hour)}, now)
	}
	require.Len(t, v.verified, maxVerified)
	v.remember([32]byte{31: 1}, nil, tenant.Call{Expires: now.Add(3 * time.Hour)}, now.Add(2*time.Hour))
	require.Len(t, v.verified, 1, "those that expired are let go first")
}

func FuzzVerify(f *testing.F) {
	a := newAuthority(f)
	gateway := a.identity(f, "gateway")
	honest, err := sign(gateway, tenant.Call{Tenant: "acme"}, time.Now(), time.Hour)
	require.NoError(f, err)
	f.Add(honest)
	f.Add("a.b.c")
	v := newVerifier(gateway, time.Now)
	f.Fuzz(func(t *testing.T, token string) {
		if call, err := v.verify(token); err == nil {
			require.Equal(t, tenant.ID("acme"), call.Tenant, "only what was signed is believed")
		}
	})
}
