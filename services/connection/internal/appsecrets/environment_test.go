package appsecrets_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/appsecrets"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// proof is a private key with its certificate.
type proof struct{ key, certificate string }

func (p proof) whole() string { return p.key + p.certificate }

// newProof makes one whose certificate is good for an hour.
func newProof(t *testing.T) proof {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return proof{
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}
}

// certified is an environment that names a certificate file in the bundle's folder.
func (b *bundle) certified() *appsecrets.Environment {
	b.t.Helper()
	e, err := appsecrets.NewEnvironment(appsecrets.Given{ClientID: "app", CertificateFile: filepath.Join(b.folder, "app.pem")}, b.now)
	require.NoError(b.t, err)
	return e
}

// proves asserts that the app proves itself by p.
func (b *bundle) proves(e connection.CredentialSource, p proof, why string) {
	b.t.Helper()
	c, err := e.Credentials(b.t.Context())
	require.NoError(b.t, err, why)
	got, err := connection.ParseCertificate(c.Certificate)
	require.NoError(b.t, err, why)
	want, err := connection.ParseCertificate(connection.Secret(p.whole()))
	require.NoError(b.t, err)
	require.True(b.t, got.Key.Equal(want.Key), why)
}

func TestACertificateIsReplacedInPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := newProof(t), newProof(t)
	b.write("app.pem", one.whole())
	e := b.certified()
	b.proves(e, one, "as it was at the start")
	for why, text := range map[string]string{
		"between opening and writing": "", "half of it": two.whole()[:len(two.key)/2], "without its certificate": two.key,
		"a key beside the other's certificate": two.key + one.certificate, "no text": "\xff\xfe",
	} {
		b.write("app.pem", text)
		b.proves(e, one, why)
		b.advance(3 * time.Second) // the writer is slow
		b.proves(e, one, why)
	}
	b.write("app.pem", two.whole())
	b.advance(3 * time.Second)
	b.proves(e, two, "whole again")
}

func TestACertificateThatIsTakenAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := newProof(t)
	b.write("app.pem", one.whole())
	e := b.certified()
	b.remove("app.pem")
	b.proves(e, one, "it may come back")
	b.advance(59 * time.Second)
	b.proves(e, one, "it may come back")
	b.advance(2 * time.Second)
	_, err := e.Credentials(t.Context())
	require.ErrorContains(t, err, "certificate")
	b.write("app.pem", one.whole())
	b.proves(e, one, "it is back")
	b.write("app.pem", "no certificate")
	b.proves(e, one, "it may be on its way")
	b.advance(61 * time.Second)
	c, err := e.Credentials(t.Context())
	require.NoError(t, err)
	_, err = connection.ParseCertificate(c.Certificate)
	require.Error(t, err, "what is wrong shows where the app proves itself")
}

func TestAMountedCertificateRotatesUnderItsReaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	proofs := []proof{newProof(t), newProof(t)}
	turn := func(number int) {
		folder := filepath.Join(b.folder, "..turn-"+string(rune('a'+number)))
		require.NoError(t, os.Mkdir(folder, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "app.pem"), []byte(proofs[number%2].whole()), 0o600))
		next := filepath.Join(b.folder, "..data_tmp")
		require.NoError(t, os.Symlink(filepath.Base(folder), next))
		require.NoError(t, os.Rename(next, filepath.Join(b.folder, "..data")))
		if number > 0 {
			require.NoError(t, os.RemoveAll(filepath.Join(b.folder, "..turn-"+string(rune('a'+number-1)))))
		}
	}
	turn(0)
	require.NoError(t, os.Symlink(filepath.Join("..data", "app.pem"), filepath.Join(b.folder, "app.pem")))
	e := b.certified()
	whileRead(t, func() error {
		c, err := e.Credentials(t.Context())
		if err == nil {
			_, err = connection.ParseCertificate(c.Certificate)
		}
		return err
	}, func() {
		for number := 1; number <= 20; number++ {
			turn(number)
			b.proves(e, proofs[number%2], "a link that is replaced in one step needs no patience")
		}
	})
}

// TestACertificateInTheFolderIsWholeOnlyWithItsKey: what stands in the folder of
// secrets is held to the same.
func TestACertificateInTheFolderIsWholeOnlyWithItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := newProof(t), newProof(t)
	b.write("MICROSOFT_CLIENT_ID", "app")
	b.write("MICROSOFT_CLIENT_CERTIFICATE", one.whole())
	b.proves(b.files, one, "as it was at the start")
	b.write("MICROSOFT_CLIENT_CERTIFICATE", two.key+one.certificate)
	b.advance(3 * time.Second)
	b.proves(b.files, one, "half of one and half of another")
	b.write("MICROSOFT_CLIENT_CERTIFICATE", two.whole())
	b.advance(3 * time.Second)
	b.proves(b.files, two, "whole again")
}

func TestAnEnvironmentWithoutFilesIsWhatItWas(t *testing.T) {
	t.Parallel()
	e, err := appsecrets.NewEnvironment(appsecrets.Given{ClientID: "app", ClientSecret: "s", TenantID: "msp.example", CustomerAccess: "app_only"}, time.Now)
	require.NoError(t, err)
	c, err := e.Credentials(t.Context())
	require.NoError(t, err)
	require.Equal(t, connection.Credentials{ClientID: "app", ClientSecret: "s", TenantID: "msp.example", CustomerAccess: connection.AppOnly}, c)
}

func TestAnAuthorityIsOneDirectory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"common", "consumers", "organizations", "..", ".", "-", "a..b", "../common", "msp.example/x"} {
		_, err := appsecrets.NewEnvironment(appsecrets.Given{ClientID: "app", ClientSecret: "s", TenantID: name}, time.Now)
		require.ErrorContains(t, err, "MICROSOFT_TENANT_ID", name)
	}
	b := setup(t)
	b.write("MICROSOFT_CLIENT_ID", "app")
	b.write("MICROSOFT_CLIENT_SECRET", "s")
	b.write("MICROSOFT_TENANT_ID", "common")
	_, err := b.files.Credentials(t.Context())
	require.ErrorContains(t, err, "MICROSOFT_TENANT_ID")
}
