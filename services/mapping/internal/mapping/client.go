package mapping

// Client is the MSP's record of a customer.
type Client struct {
	ID                 string
	ExternalID         string // the host's own id; empty for a client that a create_new decision made
	Name               string
	Website            string
	Domain             string
	AlternativeDomains []string
	EmailDomains       []string
	BillingEmail       string
	Deleted            bool
	Version            int64   // rises with every change; 0 for one that is not stored yet
	EntraTenantID      *string // of the earliest mapping that is still active
	EntraPrimaryDomain *string
	Mappings           []ClientMapping // every active one, by the time of its confirmation; where asked for
}

// ClientMapping is one managed tenant of a client.
type ClientMapping struct {
	ManagedTenantID string
	EntraTenantID   string
	DisplayName     string
}

// Domains are all domains of the client, normalised, each once; for look-ups.
func (c Client) Domains() []string {
	texts := append([]string{c.Website, c.Domain}, c.AlternativeDomains...)
	texts = append(texts, c.EmailDomains...)
	if domain, ok := NormaliseEmailDomain(c.BillingEmail); ok {
		texts = append(texts, domain)
	}
	seen := map[string]bool{}
	domains := []string{}
	for _, text := range texts {
		if domain, ok := NormaliseDomain(text); ok && !seen[domain] {
			seen[domain] = true
			domains = append(domains, domain)
		}
	}
	return domains
}
