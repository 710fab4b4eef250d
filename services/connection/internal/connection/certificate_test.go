package connection_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

var certificateStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// selfSigned makes a certificate for a key that is good for a day.
func selfSigned(t testing.TB, private any, public any) string {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotBefore: certificateStart, NotAfter: certificateStart.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	return block("CERTIFICATE", der)
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	certificate, foreign := selfSigned(t, key, key.Public()), selfSigned(t, other, other.Public())
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	curve8, err := x509.MarshalPKCS8PrivateKey(curve)
	require.NoError(t, err)
	modern, old := block("PRIVATE KEY", pkcs8), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))

	for name, text := range map[string]string{
		"key first": modern + certificate, "certificate first": certificate + modern, "PKCS 1": old + certificate,
		"with its chain": modern + certificate + foreign, "a chain in another order": modern + foreign + certificate,
		"spaces around": "\n\n" + modern + "\n" + certificate + "\n ",
	} {
		parsed, err := connection.ParseCertificate(connection.Secret(text))
		require.NoError(t, err, name)
		require.True(t, parsed.Key.Equal(key), name)
		der, _ := pem.Decode([]byte(certificate))
		require.Equal(t, sha256.Sum256(der.Bytes), parsed.Thumbprint(), name)
	}
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-128-CBC,00"}, Bytes: pkcs8}))
	for problem, text := range map[string]string{
		"has no private key":         certificate,
		"has no certificate":         modern,
		"does not belong":            modern + foreign,
		"more than one private key":  modern + old + certificate,
		"must have an RSA key":       block("PRIVATE KEY", curve8) + certificate,
		"encrypted private key":      encrypted + certificate,
		"is not PEM":                 modern + certificate + "tail",
		"neither a private key":      block("EC PARAMETERS", []byte("x")) + modern + certificate,
		"certificate that cannot be": modern + block("CERTIFICATE", []byte("x")),
		"key that cannot be read":    block("PRIVATE KEY", []byte("x")) + certificate,
		"too many parts":             modern + strings.Repeat(certificate, 20),
	} {
		_, err := connection.ParseCertificate(connection.Secret(text))
		require.ErrorContains(t, err, problem)
	}
	_, err = connection.ParseCertificate("")
	require.Error(t, err)

	parsed, err := connection.ParseCertificate(connection.Secret(modern + certificate))
	require.NoError(t, err)
	require.Error(t, parsed.Valid(certificateStart.Add(-time.Second)))
	require.NoError(t, parsed.Valid(certificateStart))
	require.NoError(t, parsed.Valid(certificateStart.Add(24*time.Hour-time.Second)))
	require.Error(t, parsed.Valid(certificateStart.Add(24*time.Hour)))
}

// FuzzParseCertificate: whatever a tenant uploads either gives a key that belongs
// to the certificate, or an error that quotes nothing of it.
func FuzzParseCertificate(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(f, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(f, err)
	certificate := selfSigned(f, key, key.Public())
	f.Add([]byte(block("PRIVATE KEY", pkcs8) + certificate))
	f.Add([]byte(certificate))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := connection.ParseCertificate(connection.Secret(text))
		if err != nil {
			require.Less(t, len(err.Error()), 100)
			return
		}
		require.True(t, parsed.Key.PublicKey.Equal(parsed.Leaf.PublicKey))
		require.GreaterOrEqual(t, parsed.Key.N.BitLen(), 2048)
	})
}
