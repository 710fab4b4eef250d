package mapping

// exactScore is that of a domain which the client gives as its own.
const exactScore = 1

// exactDomain matches when a domain of the tenant is the client's website,
// domain or one of its email domains.
func exactDomain(t tenantProfile, c clientProfile) (Match, bool) {
	domain, ok := sharedDomain(t.domains, c.exact)
	if !ok {
		return Match{}, false
	}
	return Match{ClientID: c.id, ClientName: c.name, Score: exactScore, Reason: ReasonExactDomain, Domain: domain}, true
}
