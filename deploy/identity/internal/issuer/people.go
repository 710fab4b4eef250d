package issuer

// Person is somebody who can sign in.
type Person struct {
	// Subject is the stable id, "sub" in tokens.
	Subject     string
	Name, Email string
	// Role is what the sign-in page says about the person.
	Role string
	// Tenant is the MSP's id.
	Tenant string
	// UserType is "internal", or "client" for somebody at a customer's.
	UserType    string
	Permissions []string
}

// Demonstration is one person for each answer that the gateway gives: all,
// only reading, nothing.
func Demonstration(tenant string) []Person {
	return []Person{
		{
			Subject: "administrator", Name: "Ada Administrator", Email: "ada@msp.example", Role: "administrator: sees and changes everything",
			Tenant: tenant, UserType: "internal", Permissions: []string{"system_settings.read", "system_settings.update"},
		},
		{
			Subject: "reader", Name: "Rita Reader", Email: "rita@msp.example", Role: "reader: sees the settings, changes nothing",
			Tenant: tenant, UserType: "internal", Permissions: []string{"system_settings.read"},
		},
		{
			Subject: "client-user", Name: "Carl Client", Email: "carl@customer.example", Role: "client portal: somebody at a customer's, refused everywhere",
			Tenant: tenant, UserType: "client", Permissions: []string{},
		},
	}
}

// claims are what tokens say beyond the standard.
func (p Person) claims() map[string]any {
	c := map[string]any{"tenant_id": p.Tenant, "user_type": p.UserType, "permissions": p.Permissions}
	if p.Name != "" {
		c["name"] = p.Name
	}
	if p.Email != "" {
		c["email"] = p.Email
	}
	return c
}
