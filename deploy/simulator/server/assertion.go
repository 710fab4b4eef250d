package server

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // x5t is SHA-1 by its definition
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = 10 * time.Minute
)

// checkAssertion is how an app proves itself with a certificate instead of a
// secret: a JWT that it signed for this token endpoint.
func (s *Server) checkAssertion(form url.Values, app App, endpoint string) *oauthError {
	if form.Get("client_assertion_type") != assertionType {
		return refuse(700021, "invalid_client", "Client assertion type is not valid. Expected '%s'.", assertionType)
	}
	if form.Has("client_secret") {
		return refuse(7000226, "invalid_request", "Only one of 'client_secret' and 'client_assertion' may be given.")
	}
	parts := strings.Split(form.Get("client_assertion"), ".")
	var header assertionHeader
	var body struct {
		Audience  assertionAudience `json:"aud"`
		Issuer    string            `json:"iss"`
		Subject   string            `json:"sub"`
		ID        string            `json:"jti"`
		NotBefore int64             `json:"nbf"`
		IssuedAt  int64             `json:"iat"`
		Expires   int64             `json:"exp"`
	}
	if len(parts) != 3 || decodePart(parts[0], &header) != nil || decodePart(parts[1], &body) != nil {
		return refuse(50027, "invalid_client", "JWT token is invalid or malformed.")
	}
	if body.Issuer != app.ID {
		return s.checkFederated(app, form.Get("client_assertion"))
	}
	if header.SHA1 == "" && header.SHA256 == "" {
		return refuse(50027, "invalid_client", "JWT token is invalid or malformed. No certificate thumbprint specified in token header.")
	}
	if !signedByApp(app, header, parts) {
		return refuse(700027, "invalid_client", "The certificate used to sign the client assertion is not registered on application '%s'.", app.ID)
	}
	now := s.now().Unix()
	life := time.Duration(body.Expires-max(body.NotBefore, body.IssuedAt)) * time.Second
	switch {
	case body.Subject != app.ID:
		return refuse(700021, "invalid_client", "Client assertion application identifier doesn't match 'client_id' parameter.")
	case len(body.Audience) != 1 || body.Audience[0] != endpoint:
		return refuse(700023, "invalid_client", "Client assertion audience claim does not match Realm issuer.")
	case body.ID == "" || body.IssuedAt == 0 || body.NotBefore == 0 || body.Expires == 0:
		return refuse(50027, "invalid_client", "JWT token is invalid or malformed: jti, nbf, iat and exp are needed.")
	case now < body.NotBefore-60 || now >= body.Expires || life > assertionLife:
		return refuse(700024, "invalid_client", "Client assertion is not within its valid time range.")
	}
	// Microsoft asks for an id that no other assertion has, and names no number for
	// one that has it.
	if !s.spent.spend(app.ID, body.ID, time.Unix(body.Expires, 0), s.now()) {
		return refuse(50027, "invalid_client", "JWT token is invalid or malformed: its jti was used before.")
	}
	return nil
}

// assertionHeader says how an assertion is signed. Thumbprints are those of the
// certificate, in base64url.
type assertionHeader struct {
	Algorithm string `json:"alg"`
	SHA1      string `json:"x5t"`
	SHA256    string `json:"x5t#S256"`
}

// names tells whether every thumbprint is that of a certificate.
func (h assertionHeader) names(c *x509.Certificate) bool {
	one, two := sha1.Sum(c.Raw), sha256.Sum256(c.Raw) // x5t is SHA-1 by its definition
	return (h.SHA1 == "" || h.SHA1 == b64.EncodeToString(one[:])) && (h.SHA256 == "" || h.SHA256 == b64.EncodeToString(two[:]))
}

// spentAssertions are the ids of assertions that were taken, while they last.
type spentAssertions struct {
	mu    sync.Mutex
	until map[spentAssertion]time.Time
}

type spentAssertion struct{ app, id string }

// spend takes an assertion; false when one with its id was taken before.
func (s *spentAssertions) spend(app, id string, until, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.until, func(_ spentAssertion, until time.Time) bool { return !until.After(now) })
	if s.until == nil {
		s.until = map[spentAssertion]time.Time{}
	}
	if _, taken := s.until[spentAssertion{app, id}]; taken {
		return false
	}
	s.until[spentAssertion{app, id}] = until
	return true
}

func decodePart(part string, into any) error {
	raw, err := b64.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// signedByApp verifies RS256 and PS256 by the app's certificate that the header
// names.
func signedByApp(app App, header assertionHeader, parts []string) bool {
	signature, err := b64.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for _, text := range app.PublicKeys {
		certificate, err := parseCertificate(text)
		if err != nil || !header.names(certificate) {
			continue // registration refuses what is none
		}
		key := certificate.PublicKey.(*rsa.PublicKey)
		switch header.Algorithm {
		case "RS256":
			err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
		case "PS256":
			err = rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		default:
			return false
		}
		if err == nil {
			return true
		}
	}
	return false
}

// parseCertificate reads a PEM certificate of an RSA key.
func parseCertificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if _, ok := certificate.PublicKey.(*rsa.PublicKey); !ok {
		return nil, errors.New("not an RSA key")
	}
	return certificate, nil
}
