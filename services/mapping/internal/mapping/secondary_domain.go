package mapping

// secondaryScore is that of a domain which the client has beside its own.
const secondaryScore = 0.88

// topSecondary is how many clients are proposed by such domains: one of the MSP's
// own, as the billing address of thousands, says nothing about any of them.
const topSecondary = 50

// bestSecondary keeps all matches by a client's own domains, and the best of the
// others, in order.
func bestSecondary(byDomain []Match) []Match {
	order(byDomain)
	kept, secondary := byDomain[:0], 0
	for _, m := range byDomain {
		if m.Reason == ReasonSecondaryDomain {
			if secondary++; secondary > topSecondary {
				continue
			}
		}
		kept = append(kept, m)
	}
	return kept
}

// secondaryDomain matches when a domain of the tenant is that of the client's
// billing email or one of its alternative domains.
func secondaryDomain(t tenantProfile, c clientProfile) (Match, bool) {
	domain, ok := sharedDomain(t.domains, c.secondary)
	if !ok {
		return Match{}, false
	}
	return Match{ClientID: c.id, ClientName: c.name, Score: secondaryScore, Reason: ReasonSecondaryDomain, Domain: domain}, true
}
