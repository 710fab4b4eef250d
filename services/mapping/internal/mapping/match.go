package mapping

import (
	"cmp"
	"slices"
	"strings"
)

// Why a client may be the one of a managed tenant.
const (
	ReasonExactDomain     = "exact_domain"
	ReasonSecondaryDomain = "secondary_domain"
	ReasonFuzzyName       = "fuzzy_name"
)

// Match is a client that a managed tenant may belong to.
type Match struct {
	ClientID   string
	ClientName string
	Score      float64 // 0 to 1, four decimals
	Reason     string  // empty for a client that a person chose and no matcher proposes
	Domain     string  // the domain that both have; empty for names
	// StaleDomain marks a match by a domain that an active managed tenant holds too,
	// while this one is gone or unreadable: the domain has moved.
	StaleDomain bool
}

// tenantProfile is what matchers see of a managed tenant.
type tenantProfile struct {
	domains []string // distinctive, the primary one first
	name    grams
}

// clientProfile is what matchers see of a client.
type clientProfile struct {
	id, name  string
	exact     []string // distinctive domains of website, domain and email domains
	secondary []string // distinctive domains of billing email and alternative domains
	grams     grams
}

func profileOfTenant(t ManagedTenant) tenantProfile {
	p := tenantProfile{name: gramsOf(NormaliseName(t.DisplayName))}
	others := slices.Sorted(slices.Values(t.Domains))
	p.domains = distinctive(append([]string{t.PrimaryDomain}, others...)...)
	return p
}

func profileOfClient(c Client) clientProfile {
	p := clientProfile{id: c.ID, name: c.Name, grams: gramsOf(NormaliseName(c.Name))}
	p.exact = distinctive(append([]string{c.Website, c.Domain}, c.EmailDomains...)...)
	p.secondary = distinctive(c.AlternativeDomains...)
	if domain, ok := NormaliseEmailDomain(c.BillingEmail); ok {
		p.secondary = append(p.secondary, distinctive(domain)...)
	}
	return p
}

// distinctive are the normalised domains that say whose they are, each once.
func distinctive(texts ...string) []string {
	var out []string
	for _, text := range texts {
		domain, ok := NormaliseDomain(text)
		if ok && Distinctive(domain) && !slices.Contains(out, domain) {
			out = append(out, domain)
		}
	}
	return out
}

// sharedDomain is the first of the tenant's domains that is among others.
func sharedDomain(domains, others []string) (string, bool) {
	for _, domain := range domains {
		if slices.Contains(others, domain) {
			return domain, true
		}
	}
	return "", false
}

// Found is what the matchers find for a managed tenant.
type Found struct {
	Matches []Match // the best first
	LeftOut int     // clients that have a domain of the managed tenant and are not among the matches
}

// Compare matches a managed tenant with each of the clients, without an index.
// What it gives is what Index.Match must give.
func Compare(tenant ManagedTenant, clients []Client) Found {
	profile := profileOfTenant(tenant)
	var byDomain, byName []Match
	for _, client := range clients {
		c := profileOfClient(client)
		if m, ok := matchDomains(profile, c); ok {
			byDomain = append(byDomain, m)
		}
		if m, ok := fuzzyName(profile, c); ok {
			byName = append(byName, m)
		}
	}
	return merge(byDomain, byName)
}

// matchDomains is the best match by domain.
func matchDomains(t tenantProfile, c clientProfile) (Match, bool) {
	if m, ok := exactDomain(t, c); ok {
		return m, true
	}
	return secondaryDomain(t, c)
}

// topDomain is how many clients are proposed by a domain of their own, and how many by
// one that they have beside it. A domain at more of them, such as the MSP's own as the
// billing address of thousands, identifies none of them, and no one reads a list
// of thousands for each managed tenant.
const topDomain = 50

// bestByDomain keeps the best matches of each reason, in order.
func bestByDomain(byDomain []Match) []Match {
	order(byDomain)
	kept, count := make([]Match, 0, min(len(byDomain), 2*topDomain)), map[string]int{}
	for _, m := range byDomain {
		if count[m.Reason]++; count[m.Reason] <= topDomain {
			kept = append(kept, m)
		}
	}
	return kept
}

// merge keeps the best match of each client, of the best by domains and by name, in
// order. At the same score the domain is the better reason.
func merge(byDomain, byName []Match) Found {
	order(byName)
	all := slices.Concat(bestByDomain(byDomain), byName[:min(len(byName), topNames)])
	best := make(map[string]int, len(all))
	out := make([]Match, 0, len(all))
	for _, m := range all {
		if at, seen := best[m.ClientID]; !seen {
			best[m.ClientID] = len(out)
			out = append(out, m)
		} else if m.Score > out[at].Score {
			out[at] = m
		}
	}
	order(out)
	leftOut := 0
	for _, m := range byDomain {
		if _, kept := best[m.ClientID]; !kept {
			leftOut++
		}
	}
	return Found{Matches: out, LeftOut: leftOut}
}

// order sorts matches, the better ones first.
func order(matches []Match) { slices.SortFunc(matches, better) }

// better compares matches by score, the highest first, then by name, then by id.
func better(a, b Match) int {
	switch {
	case a.Score != b.Score:
		return cmp.Compare(b.Score, a.Score)
	case a.ClientName != b.ClientName:
		return strings.Compare(a.ClientName, b.ClientName)
	}
	return strings.Compare(a.ClientID, b.ClientID)
}
