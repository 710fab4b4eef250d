package graph

import "fmt"

// TenantSource is where the list of managed tenants comes from.
type TenantSource string

// The sources of managed tenants.
const (
	// Relationships are the active delegatedAdminRelationships, grouped by customer.
	Relationships TenantSource = "relationships"
	// Customers are the delegatedAdminCustomers; they do not say when access ends.
	Customers TenantSource = "customers"
	// Lighthouse is what Microsoft 365 Lighthouse manages; beta only.
	Lighthouse TenantSource = "lighthouse"
)

// known returns the source, Relationships for none.
func (s TenantSource) known() (TenantSource, error) {
	switch s {
	case "":
		return Relationships, nil
	case Relationships, Customers, Lighthouse:
		return s, nil
	}
	return "", fmt.Errorf("%q is no source of managed tenants: relationships, customers or lighthouse", string(s))
}

// connectScopes are what the partner is asked for, whatever the source of managed
// tenants.
const connectScopes = "https://graph.microsoft.com/User.Read " +
	"https://graph.microsoft.com/Directory.Read.All https://graph.microsoft.com/DelegatedAdminRelationship.Read.All"

// Scopes are what the partner is asked for. A connection that was made for another
// source must be made again for Lighthouse.
func (s TenantSource) Scopes() string {
	if s == Lighthouse {
		return connectScopes + " https://graph.microsoft.com/ManagedTenants.Read.All"
	}
	return connectScopes
}
