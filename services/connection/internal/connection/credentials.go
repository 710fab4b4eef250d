package connection

import (
	"context"
	"fmt"

	"github.com/entrasync/entrasync/pkg/errs"
)

// Credentials are an app registration with one way to prove itself.
type Credentials struct {
	ClientID     string
	ClientSecret Secret
	Certificate  Secret // private key and certificate as PEM
	// FederatedTokenFile is where another issuer keeps a token for the app
	// (workload identity). It is read anew each time. It never comes from a tenant.
	FederatedTokenFile string
	TenantID           string         // the authority; empty: any organisation's
	CustomerAccess     CustomerAccess // empty: delegated
	Source             Source
}

// CustomerAccess is how managed tenants are read.
type CustomerAccess string

// The ways to read managed tenants.
const (
	// Delegated reads by the partner's grant.
	Delegated CustomerAccess = "delegated"
	// AppOnly reads by the app itself, consented in each managed tenant.
	AppOnly CustomerAccess = "app_only"
)

// ParseCustomerAccess reads a setting; empty means delegated.
func ParseCustomerAccess(text string) (CustomerAccess, error) {
	switch a := CustomerAccess(text); a {
	case "":
		return Delegated, nil
	case Delegated, AppOnly:
		return a, nil
	}
	return "", fmt.Errorf("customer access must be %s or %s", Delegated, AppOnly)
}

// Access is how managed tenants are read with these credentials.
func (c Credentials) Access() CustomerAccess {
	if c.CustomerAccess == "" {
		return Delegated
	}
	return c.CustomerAccess
}

// Proof is how an app proves that it is itself.
type Proof string

// The proofs.
const (
	ProofSecret      Proof = "secret"
	ProofCertificate Proof = "certificate"
	ProofFederated   Proof = "federated"
)

// Proof is the one proof that is set; empty when there is none, or more than
// one: nobody should have to guess which is used.
func (c Credentials) Proof() Proof {
	var found []Proof
	if c.ClientSecret != "" {
		found = append(found, ProofSecret)
	}
	if c.Certificate != "" {
		found = append(found, ProofCertificate)
	}
	if c.FederatedTokenFile != "" {
		found = append(found, ProofFederated)
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// Complete reports whether there is a whole pair: an app and one proof.
func (c Credentials) Complete() bool { return c.ClientID != "" && c.Proof() != "" }

// Source says where app credentials came from.
type Source string

// The sources, in the order in which they are asked.
const (
	SourceTenant      Source = "tenant-secret"
	SourceEnvironment Source = "env"
	SourceApp         Source = "app-secret"
)

// NamedSource is a source with the name under which it is reported.
type NamedSource struct {
	Name   Source
	Source CredentialSource
}

// Resolver finds the app registration of a tenant: the first source in order
// that has a complete pair. Half a pair counts as none and is never completed
// from another source.
type Resolver struct {
	sources []NamedSource
}

// NewResolver asks the sources in the given order.
func NewResolver(sources ...NamedSource) *Resolver { return &Resolver{sources: sources} }

// Resolve gives the credentials with their source; errs.Precondition
// "missing_credentials" when no source has a complete pair.
func (r *Resolver) Resolve(ctx context.Context, tenant string) (Credentials, error) {
	for _, s := range r.sources {
		c, err := s.Source.Credentials(ctx, tenant)
		if err != nil {
			return Credentials{}, fmt.Errorf("reading app credentials from %s: %w", s.Name, err)
		}
		if c.Complete() {
			c.Source = s.Name
			return c, nil
		}
	}
	return Credentials{}, errMissingCredentials()
}

// With calls fn with the tenant's credentials. When Microsoft refuses the app
// itself and the credentials were replaced while fn worked, it is called once
// more with the new ones: a rotation breaks nothing that is under way.
func (r *Resolver) With(ctx context.Context, tenant string, fn func(Credentials) error) error {
	used, err := r.Resolve(ctx, tenant)
	if err != nil {
		return err
	}
	cause := fn(used)
	if cause == nil || ctx.Err() != nil || !refusesApp(cause) {
		return cause
	}
	now, err := r.Resolve(ctx, tenant)
	if err != nil || now == used {
		return cause
	}
	return fn(now)
}

// refusesApp tells whether it is the app's proof that Microsoft did not take.
func refusesApp(err error) bool {
	return ClassOf(err) == Bug && errs.ReasonOf(err) == ReasonRefreshFailed
}

// CredentialPointers keeps which version of its own app registration a tenant
// uses.
type CredentialPointers interface {
	// CredentialVersion is empty where the tenant has none of its own.
	CredentialVersion(ctx context.Context, tenant string) (version string, err error)
	// PointCredentials makes a version the one in use.
	PointCredentials(ctx context.Context, tenant, version, user string) error
	// RemoveCredentials leaves the tenant without one of its own.
	RemoveCredentials(ctx context.Context, tenant string) error
}

// TenantCredentials are the app registrations that tenants set themselves.
type TenantCredentials struct {
	Pointers CredentialPointers
	Secrets  SecretStore
}

// Credentials gives the tenant's own app registration; zero where it has none.
func (s TenantCredentials) Credentials(ctx context.Context, tenant string) (Credentials, error) {
	var gone error
	for range 3 {
		version, err := s.Pointers.CredentialVersion(ctx, tenant)
		if err != nil || version == "" {
			return Credentials{}, err
		}
		encoded, err := s.Secrets.GetSecret(ctx, tenant, SetApp, version)
		if errs.KindOf(err) == errs.NotFound {
			gone = err
			continue // replaced and swept between the two reads
		}
		if err != nil {
			return Credentials{}, err
		}
		return DecodeCredentials(encoded)
	}
	return Credentials{}, fmt.Errorf("the app registration in use is not there: %w", gone)
}
