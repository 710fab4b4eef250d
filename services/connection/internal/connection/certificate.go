package connection

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"
)

// The sizes of keys that are taken. Microsoft needs 2048 bits; the upper bound
// keeps a made-up key from costing minutes.
const (
	minKeyBits = 2048
	maxKeyBits = 8192
)

// maxBlocks bounds the PEM blocks of a key with its chain.
const maxBlocks = 16

// Certificate is what an app proves itself with instead of a secret.
type Certificate struct {
	Key  *rsa.PrivateKey
	Leaf *x509.Certificate
}

// ParseCertificate reads an unencrypted RSA private key and its certificate, in
// any order, a chain behind them or not. Errors say what is wrong and quote
// nothing.
func ParseCertificate(text Secret) (Certificate, error) {
	key, certificates, err := pemBlocks([]byte(text))
	if err != nil {
		return Certificate{}, err
	}
	if key == nil {
		return Certificate{}, errors.New("has no private key")
	}
	if len(certificates) == 0 {
		return Certificate{}, errors.New("has no certificate")
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return Certificate{}, errors.New("must have an RSA key of 2048 to 8192 bits")
	}
	for _, leaf := range certificates {
		if public, ok := leaf.PublicKey.(*rsa.PublicKey); ok && public.Equal(key.Public()) {
			return Certificate{Key: key, Leaf: leaf}, nil
		}
	}
	return Certificate{}, errors.New("has a private key that does not belong to the certificate")
}

func pemBlocks(rest []byte) (key *rsa.PrivateKey, certificates []*x509.Certificate, err error) {
	for range maxBlocks {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(bytes.TrimSpace(rest)) > 0 {
				return nil, nil, errors.New("is not PEM")
			}
			return key, certificates, nil
		}
		if block.Type == "CERTIFICATE" {
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, errors.New("has a certificate that cannot be read")
			}
			certificates = append(certificates, certificate)
			continue
		}
		if key != nil {
			return nil, nil, errors.New("has more than one private key")
		}
		if key, err = privateKey(block); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, errors.New("has too many parts")
}

func privateKey(block *pem.Block) (*rsa.PrivateKey, error) {
	unreadable := errors.New("has a private key that cannot be read")
	switch block.Type {
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("has an encrypted private key")
		}
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, unreadable
		}
		return key, nil
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, unreadable
		}
		key, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("must have an RSA key")
		}
		return key, nil
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("has an encrypted private key")
	}
	return nil, errors.New("has a part that is neither a private key nor a certificate")
}

// Valid returns why the certificate cannot be used at a time; nil when it can.
func (c Certificate) Valid(at time.Time) error {
	switch {
	case at.Before(c.Leaf.NotBefore):
		return errors.New("is not valid yet")
	case !at.Before(c.Leaf.NotAfter):
		return errors.New("has expired")
	}
	return nil
}

// Thumbprint is the SHA-256 by which Microsoft finds the certificate at the
// registration (RFC 7515 §4.1.8).
func (c Certificate) Thumbprint() [sha256.Size]byte { return sha256.Sum256(c.Leaf.Raw) }
