package mapping

// secondaryScore is that of a domain which the client has beside its own.
const secondaryScore = 0.88

// secondaryDomain matches when a domain of the tenant is that of the client's
// billing email or one of its alternative domains.
func secondaryDomain(t tenantProfile, c clientProfile) (Match, bool) {
	domain, ok := sharedDomain(t.domains, c.secondary)
	if !ok {
		return Match{}, false
	}
	return Match{ClientID: c.id, ClientName: c.name, Score: secondaryScore, Reason: ReasonSecondaryDomain, Domain: domain}, true
}
