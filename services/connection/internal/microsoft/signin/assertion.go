package signin

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
)

const (
	// assertionType is that of RFC 7523 §2.2.
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// assertionLife is well within the ten minutes that Microsoft allows.
	assertionLife = 5 * time.Minute
	// assertionSkew is how far our clock may be ahead of Microsoft's.
	assertionSkew = 30 * time.Second
	// maxFederatedBytes bounds what is read of a mounted token file.
	maxFederatedBytes = 64 << 10
)

// prove returns what a token request needs, beside the app's id and its secret where it
// has one, as a proof that the app is itself. It is made anew for each attempt: an
// assertion has an id of its own, and a mounted token rotates.
func (c *Client) prove(cr connection.Credentials, endpoint string) (url.Values, error) {
	switch cr.Proof() {
	case connection.ProofSecret:
		return nil, nil
	case connection.ProofCertificate:
		assertion, err := assertionFor(cr, endpoint, c.now())
		if err != nil {
			return nil, microsoft.NoProof(fmt.Errorf("making a client assertion: %w", err))
		}
		return asserted(assertion), nil
	case connection.ProofFederated:
		token, err := readFederated(cr.FederatedTokenFile)
		if err != nil {
			return nil, microsoft.NoProof(fmt.Errorf("reading the federated token: %w", err))
		}
		return asserted(token), nil
	}
	return nil, microsoft.NoProof(errors.New("the credentials have no one proof"))
}

func asserted(assertion connection.Secret) url.Values {
	return url.Values{"client_assertion_type": {assertionType}, "client_assertion": {assertion.Reveal()}}
}

// assertionClaims are those that Microsoft asks for
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials).
// The audience is one text and no list.
type assertionClaims struct {
	Audience  string          `json:"aud"`
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	ID        string          `json:"jti"`
	NotBefore jwt.NumericDate `json:"nbf"`
	IssuedAt  jwt.NumericDate `json:"iat"`
	Expires   jwt.NumericDate `json:"exp"`
}

// assertionFor signs that the app is what it says, for one token endpoint.
func assertionFor(cr connection.Credentials, endpoint string, now time.Time) (connection.Secret, error) {
	certificate, err := connection.ParseCertificate(cr.Certificate)
	if err != nil {
		return "", fmt.Errorf("the certificate %w", err)
	}
	if err := certificate.Valid(now); err != nil {
		return "", fmt.Errorf("the certificate %w", err)
	}
	thumbprint := certificate.Thumbprint()
	options := (&jose.SignerOptions{}).WithType("JWT").
		WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(thumbprint[:]))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: certificate.Key}, options)
	if err != nil {
		return "", fmt.Errorf("making a signer: %w", err)
	}
	from := now.Add(-assertionSkew)
	signed, err := jwt.Signed(signer).Claims(assertionClaims{
		Audience: endpoint, Issuer: cr.ClientID, Subject: cr.ClientID, ID: uuid.NewString(),
		NotBefore: *jwt.NewNumericDate(from), IssuedAt: *jwt.NewNumericDate(from), Expires: *jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return connection.Secret(signed), nil
}

// readFederated reads the token that another issuer made for the app.
func readFederated(path string) (connection.Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, maxFederatedBytes+1))
	if err != nil {
		return "", err
	}
	token := bytes.TrimSpace(raw)
	if len(token) == 0 || len(raw) > maxFederatedBytes {
		return "", errors.New("the file is empty or too large for a token")
	}
	return connection.Secret(token), nil
}
