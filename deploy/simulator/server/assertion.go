package server

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
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
	var header struct {
		Algorithm string `json:"alg"`
	}
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
	if !signedByApp(app, header.Algorithm, parts) {
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
	return nil
}

func decodePart(part string, into any) error {
	raw, err := b64.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// signedByApp verifies RS256 and PS256 against the app's public keys.
func signedByApp(app App, algorithm string, parts []string) bool {
	signature, err := b64.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for _, text := range app.PublicKeys {
		key, err := parsePublicKey(text)
		if err != nil {
			continue // registration refuses such a key
		}
		switch algorithm {
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

// parsePublicKey reads a PEM certificate or public key.
func parsePublicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	var key any
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		key = cert.PublicKey
	} else {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		key = parsed
	}
	pub, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return pub, nil
}
