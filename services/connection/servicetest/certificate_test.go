package servicetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// appCertificate makes a key and a certificate that is good from an hour ago to
// a time.
func appCertificate(t testing.TB, until time.Time, bits int) (key, certificate string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "entrasync"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// register makes an app known to Microsoft.
func (s *simulator) register(id, secret string, certificates ...string) {
	s.t.Helper()
	s.admin(http.MethodPost, "apps", map[string]any{
		"clientId": id, "name": "entrasync", "clientSecret": secret, "redirectUris": []string{redirectURI}, "publicKeys": certificates,
	}, nil)
}
