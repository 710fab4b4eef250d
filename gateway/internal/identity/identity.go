// Package identity finds out who calls: from a token that one of the configured issuers
// signed, or from the session of a browser in which a person signed in.
package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/jwt"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Types of people.
const (
	Internal = "internal" // works at the MSP
	Client   = "client"   // uses the client portal
)

const (
	maxTokenBytes = 16 << 10
	// retryDiscovery is how long a failed discovery stands, so that a broken
	// issuer is not asked again for every request.
	retryDiscovery = 2 * time.Second
)

// algorithms are those accepted whatever an issuer offers: asymmetric ones, so
// that neither "none" nor a public key used as a shared secret passes.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512,
}

// Person is the person that a token names.
type Person struct {
	// The issuer's name of the person. Where several issuers may speak for the tenant it
	// begins with the issuer and a "#": each may give the same name to somebody else.
	Subject     string
	Name        string // empty where the token names none
	Email       string // likewise
	Tenant      tenant.ID
	Type        string // Internal or Client
	Permissions []string
}

// May reports whether the person has the permission.
func (p Person) May(permission string) bool { return slices.Contains(p.Permissions, permission) }

// Claims are the names of the claims that are read.
type Claims struct {
	Tenant      string
	UserType    string
	Permissions string
}

// DefaultClaims are the names that hosts use unless the configuration says otherwise.
var DefaultClaims = Claims{Tenant: "tenant_id", UserType: "user_type", Permissions: "permissions"}

// Config says whose tokens are accepted.
type Config struct {
	Issuers []string // exact values of iss, each with OIDC discovery
	// IssuerOf is the one issuer whose tokens are taken for a tenant; for a tenant that
	// is not listed any issuer's are.
	IssuerOf map[string]string
	Audience string
	Claims   Claims        // DefaultClaims where empty
	Timeout  time.Duration // of one request to an issuer; 5 s when zero
	Now      func() time.Time
}

// Verifier verifies tokens. An issuer is asked for its keys when its first token
// comes, so it may start after the gateway.
type Verifier struct {
	config  Config
	issuers map[string]*issuer
}

// New makes a verifier.
func New(config Config) (*Verifier, error) {
	if len(config.Issuers) == 0 || config.Audience == "" {
		return nil, errors.New("an issuer and an audience are needed")
	}
	if config.Claims.Tenant == "" {
		config.Claims.Tenant = DefaultClaims.Tenant
	}
	if config.Claims.UserType == "" {
		config.Claims.UserType = DefaultClaims.UserType
	}
	if config.Claims.Permissions == "" {
		config.Claims.Permissions = DefaultClaims.Permissions
	}
	if config.Timeout == 0 {
		config.Timeout = fetchTimeout
	}
	v := &Verifier{config: config, issuers: map[string]*issuer{}}
	for _, url := range config.Issuers {
		v.issuers[url] = &issuer{url: url}
	}
	for id, url := range config.IssuerOf {
		if _, err := tenant.Parse(id); err != nil || v.issuers[url] == nil {
			return nil, fmt.Errorf("tenant %q is bound to %q, which is no issuer of those known", id, url)
		}
	}
	return v, nil
}

// refuse is the one answer to every bad token; why is for people.
func refuse(cause error, why string) error {
	return errs.Wrap(cause, errs.Unauthenticated, reason.Unauthenticated, why)
}

// Verify reads the value of an Authorization header. errs.Unauthenticated for
// anything that is not a valid token of a known person; errs.Unavailable when the
// issuer cannot be reached.
func (v *Verifier) Verify(ctx context.Context, authorization string) (Person, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Person{}, refuse(nil, "Sign in: a bearer token is needed.")
	}
	if len(token) > maxTokenBytes {
		return Person{}, refuse(nil, "The token is too long.")
	}
	from, ok := v.issuers[unverifiedIssuer(token)]
	if !ok {
		return Person{}, refuse(nil, "The token is not from a known issuer.")
	}
	found, err := from.discovered(ctx, v.config)
	if err != nil {
		return Person{}, err
	}
	verified, err := found.verify(ctx, v.config, v.config.Audience, token)
	if err != nil {
		return Person{}, err
	}
	return v.person(verified)
}

func (v *Verifier) person(token *oidc.IDToken) (Person, error) {
	claims, err := readClaims(token)
	if err != nil {
		return Person{}, err
	}
	p := Person{Subject: token.Subject, Permissions: words(claims[v.config.Claims.Permissions])}
	p.Name, _ = claims["name"].(string)
	p.Email, _ = claims["email"].(string)
	if p.Subject == "" || len(p.Subject) > 255 {
		return Person{}, refuse(nil, "The token names nobody.")
	}
	id, _ := claims[v.config.Claims.Tenant].(string)
	if p.Tenant, err = tenant.Parse(id); err != nil {
		return Person{}, refuse(err, "The token names no tenant.")
	}
	bound, isBound := v.config.IssuerOf[id]
	if isBound && bound != token.Issuer {
		return Person{}, refuse(nil, "The token is not from the issuer that speaks for its tenant.")
	}
	if !isBound && len(v.issuers) > 1 {
		p.Subject = token.Issuer + "#" + p.Subject // an issuer has no fragment
	}
	p.Type, _ = claims[v.config.Claims.UserType].(string)
	if p.Type != Internal && p.Type != Client {
		return Person{}, refuse(nil, "The token does not say what type of user it is for.")
	}
	return p, nil
}

// words reads permissions, which come as a list or separated by spaces.
func words(claim any) []string {
	switch value := claim.(type) {
	case string:
		return strings.Fields(value)
	case []any:
		var out []string
		for _, one := range value {
			if s, ok := one.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// unverifiedIssuer reads iss, only to choose the keys to verify with.
func unverifiedIssuer(token string) string {
	var claims struct {
		Issuer string `json:"iss"`
	}
	if !jwt.Unverified(token, &claims) {
		return ""
	}
	return claims.Issuer
}
