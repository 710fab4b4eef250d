package connection

import "fmt"

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
// one: an operator should not have to guess which is used.
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

// Registration names an app registration, without what proves it.
type Registration struct {
	ClientID       string // empty: there is none
	CustomerAccess CustomerAccess
	Source         Source
}

// registration is zero for credentials that are not complete.
func (c Credentials) registration() Registration {
	if !c.Complete() {
		return Registration{}
	}
	return Registration{ClientID: c.ClientID, CustomerAccess: c.Access(), Source: c.Source}
}

// Source says where app credentials came from.
type Source string

// The sources, in the order in which they are asked.
const (
	SourceTenant      Source = "tenant-secret"
	SourceEnvironment Source = "env"
	SourceApp         Source = "app-secret"
)
