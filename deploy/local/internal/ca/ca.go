// Package ca is the certificate authority of the local stack. Production gets
// its certificates from cert-manager; the files are laid out the same way.
package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour
	// renewBefore is how near its end a certificate is made anew.
	renewBefore = 30 * 24 * time.Hour
)

type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Ensure sees to it that dir/<name>/{ca.crt,tls.crt,tls.key} exist for every
// name, signed by the authority in dir/ca, and are valid for another month.
// Certificates serve for both ends of a connection; their only DNS name is the
// service's. What is valid is left as it is.
func Ensure(dir string, names []string, now time.Time) error {
	authority, err := ensureCA(filepath.Join(dir, "ca"), now)
	if err != nil {
		return fmt.Errorf("the local certificate authority: %w", err)
	}
	for _, name := range names {
		if err := ensureLeaf(filepath.Join(dir, name), name, authority, now); err != nil {
			return fmt.Errorf("the certificate of %s: %w", name, err)
		}
	}
	return nil
}

func ensureCA(dir string, now time.Time) (pair, error) {
	if p, err := load(dir); err == nil && p.cert.NotAfter.After(now.Add(leafLifetime+renewBefore)) {
		return p, nil
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "entrasync local"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(caLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	p, err := sign(template, nil)
	if err != nil {
		return pair{}, err
	}
	return p, save(dir, p, p.cert)
}

func ensureLeaf(dir, name string, authority pair, now time.Time) error {
	if p, err := load(dir); err == nil && usable(p, dir, name, authority, now) {
		return nil
	}
	p, err := sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    []string{name},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.Add(leafLifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, &authority)
	if err != nil {
		return err
	}
	return save(dir, p, authority.cert)
}

func usable(p pair, dir, name string, authority pair, now time.Time) bool {
	beside, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	return err == nil && bytes.Equal(beside, encode("CERTIFICATE", authority.cert.Raw)) &&
		p.cert.CheckSignatureFrom(authority.cert) == nil &&
		p.cert.VerifyHostname(name) == nil &&
		p.cert.NotAfter.After(now.Add(renewBefore))
}

// sign makes a key and its certificate; without a parent it signs itself.
func sign(template *x509.Certificate, parent *pair) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return pair{}, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	signer := pair{cert: template, key: key}
	if parent != nil {
		signer = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, &key.PublicKey, signer.key)
	if err != nil {
		return pair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return pair{cert: cert, key: key}, err
}

func load(dir string) (pair, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, "tls.crt"))
	if err != nil {
		return pair{}, err
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, "tls.key"))
	if err != nil {
		return pair{}, err
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return pair{}, errors.New("not PEM")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return pair{}, err
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return pair{}, err
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(cert.PublicKey) {
		return pair{}, errors.New("key and certificate do not belong together")
	}
	return pair{cert: cert, key: private}, nil
}

func save(dir string, p pair, authority *x509.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.crt":  encode("CERTIFICATE", authority.Raw),
		"tls.crt": encode("CERTIFICATE", p.cert.Raw),
		"tls.key": encode("PRIVATE KEY", key),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
