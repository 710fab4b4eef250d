package rpc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// contextKey is the metadata key of the signed statement of whom a call is for.
	contextKey = "entrasync-context"
	// audience keeps other signatures by the same keys from being taken for it.
	audience  = "entrasync-internal"
	tokenType = "entrasync-context+jwt"

	// maxLife bounds what a receiver accepts, whatever the signer says. It must
	// cover the longest call: a round over a large directory.
	maxLife = 12 * time.Hour
	// clockSkew is how far the clocks of two machines may differ.
	clockSkew = 30 * time.Second
	// maxTokenBytes bounds what a receiver parses.
	maxTokenBytes = 16 << 10
	// maxVerified bounds the cache of verified tokens.
	maxVerified = 10_000
)

// originators may sign.
var originators = []string{gatewayName, workerName}

// signatures are the algorithms accepted, those of certificates' keys.
var signatures = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.EdDSA, jose.PS256}

// claims is the statement. Names are those of RFC 7519 where it has them.
type claims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"` // seconds since 1970
	Expires   int64  `json:"exp"` // seconds since 1970
	Tenant    string `json:"tenant"`
	ActorID   string `json:"sub,omitempty"`
	ActorType string `json:"actor_type,omitempty"`
	Run       string `json:"run,omitempty"`
	Session   string `json:"session,omitempty"`
}

// sign states for whom a call is made, with the key of the identity's
// certificate, which travels along.
func sign(i *Identity, call tenant.Call, now time.Time, life time.Duration) (string, error) {
	m := i.now()
	if !slices.Contains(originators, m.name) {
		return "", fmt.Errorf("%s may not state for whom a call is made", m.name)
	}
	key := m.cert.PrivateKey.(crypto.Signer)
	algorithm, err := algorithmOf(key.Public())
	if err != nil {
		return "", err
	}
	chain := make([]string, 0, len(m.cert.Certificate))
	for _, der := range m.cert.Certificate {
		chain = append(chain, base64.StdEncoding.EncodeToString(der))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key},
		(&jose.SignerOptions{}).WithType(tokenType).WithHeader("x5c", chain))
	if err != nil {
		return "", fmt.Errorf("preparing a signature: %w", err)
	}
	payload, err := json.Marshal(claims{
		Audience: audience, Issuer: m.name, IssuedAt: now.Unix(), Expires: now.Add(life).Unix(), Tenant: string(call.Tenant),
		ActorID: call.Actor.ID, ActorType: call.Actor.Type, Run: call.Run, Session: call.Session,
	})
	if err != nil {
		return "", fmt.Errorf("encoding the call's context: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing the call's context: %w", err)
	}
	return signed.CompactSerialize()
}

func algorithmOf(key crypto.PublicKey) (jose.SignatureAlgorithm, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return jose.ES256, nil
		case elliptic.P384():
			return jose.ES384, nil
		}
	case ed25519.PublicKey:
		return jose.EdDSA, nil
	case *rsa.PublicKey:
		return jose.PS256, nil
	}
	return "", fmt.Errorf("keys of type %T are not used for signatures here", key)
}

// verifier checks statements and remembers those it found true.
type verifier struct {
	identity *Identity
	now      func() time.Time

	mu       sync.Mutex
	roots    *x509.CertPool // by which they were verified
	verified map[[sha256.Size]byte]tenant.Call
}

func newVerifier(i *Identity, now func() time.Time) *verifier {
	return &verifier{identity: i, now: now, verified: map[[sha256.Size]byte]tenant.Call{}}
}

func refuse(why string, cause error) error {
	return errs.Of(why, errs.WithCause(cause))
}

// verify gives the call that the token states; errs.Unauthenticated with the
// reason "context_expired" or "context_invalid".
func (v *verifier) verify(token string) (tenant.Call, error) {
	now, roots := v.now(), v.identity.now().roots
	sum := sha256.Sum256([]byte(token))
	v.mu.Lock()
	if v.roots != roots { // what an authority vouched for that is trusted no more is worth nothing
		v.roots = roots
		clear(v.verified)
	}
	call, known := v.verified[sum]
	v.mu.Unlock()
	if !known {
		var err error
		if call, err = v.check(token, roots, now); err != nil {
			return tenant.Call{}, err
		}
		v.remember(sum, roots, call, now)
	}
	if !now.Before(call.Expires) {
		return tenant.Call{}, refuse(reason.ContextExpired, nil)
	}
	return call, nil
}

// remember keeps a verified token until it expires, or the authorities change; a full
// cache drops those that have expired, or else any.
func (v *verifier) remember(sum [sha256.Size]byte, roots *x509.CertPool, call tenant.Call, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.roots != roots {
		return
	}
	if len(v.verified) >= maxVerified {
		for key, old := range v.verified {
			if !now.Before(old.Expires) {
				delete(v.verified, key)
			}
		}
	}
	for key := range v.verified {
		if len(v.verified) < maxVerified {
			break
		}
		delete(v.verified, key)
	}
	v.verified[sum] = call
}

func (v *verifier) check(token string, roots *x509.CertPool, now time.Time) (tenant.Call, error) {
	if len(token) > maxTokenBytes {
		return tenant.Call{}, refuse(reason.ContextInvalid, errors.New("too long"))
	}
	signed, err := jose.ParseSignedCompact(token, signatures)
	if err != nil {
		return tenant.Call{}, refuse(reason.ContextInvalid, err)
	}
	header := signed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != tokenType {
		return tenant.Call{}, refuse(reason.ContextInvalid, errors.New("of another type"))
	}
	chains, err := header.Certificates(x509.VerifyOptions{
		Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return tenant.Call{}, refuse(reason.ContextInvalid, err)
	}
	leaf := chains[0][0]
	signer, err := serviceName(leaf)
	if err != nil {
		return tenant.Call{}, refuse(reason.ContextInvalid, err)
	}
	if !slices.Contains(originators, signer) {
		return tenant.Call{}, refuse(reason.ContextInvalid, fmt.Errorf("%s may not sign", signer))
	}
	payload, err := signed.Verify(leaf.PublicKey)
	if err != nil {
		return tenant.Call{}, refuse(reason.ContextInvalid, err)
	}
	return read(payload, signer, now)
}

// read checks the claims of a payload whose signature holds.
func read(payload []byte, signer string, now time.Time) (tenant.Call, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return tenant.Call{}, refuse(reason.ContextInvalid, err)
	}
	issued, expires := time.Unix(c.IssuedAt, 0), time.Unix(c.Expires, 0)
	switch {
	case c.Audience != audience || c.Issuer != signer:
		return tenant.Call{}, refuse(reason.ContextInvalid, errors.New("for another audience or by another issuer"))
	case issued.After(now.Add(clockSkew)):
		return tenant.Call{}, refuse(reason.ContextInvalid, errors.New("issued in the future"))
	case expires.Sub(issued) > maxLife:
		return tenant.Call{}, refuse(reason.ContextInvalid, errors.New("valid for too long"))
	case !now.Before(expires):
		return tenant.Call{}, refuse(reason.ContextExpired, nil)
	}
	call := tenant.Call{
		Actor: tenant.Actor{ID: c.ActorID, Type: c.ActorType}, Run: c.Run, Session: c.Session, Expires: expires,
	}
	if c.Tenant != "" {
		id, err := tenant.Parse(c.Tenant)
		if err != nil {
			return tenant.Call{}, refuse(reason.ContextInvalid, err)
		}
		call.Tenant = id
	}
	return call, nil
}

type tokenKey struct{}

// withToken keeps the token of the call being served, to be forwarded.
func withToken(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}

func tokenFrom(ctx context.Context) string {
	token, _ := ctx.Value(tokenKey{}).(string)
	return token
}
