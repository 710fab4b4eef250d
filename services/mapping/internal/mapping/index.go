package mapping

// Index finds the matches of a managed tenant among many clients without
// comparing it with each. Match may not be called concurrently.
type Index struct {
	clients  []clientProfile
	byDomain map[string][]int32
	byGram   map[gram][]posting

	// Of the tenant at hand: what it has in common with each client, and which
	// clients that is not zero for.
	shared  []int32
	touched []int32
}

// posting says how often a client's name has a gram.
type posting struct {
	client int32
	count  int32
}

// NewIndex prepares clients; deleted ones are left out.
func NewIndex(clients []Client) *Index {
	x := &Index{byDomain: map[string][]int32{}, byGram: map[gram][]posting{}}
	for _, client := range clients {
		if client.Deleted {
			continue
		}
		p, at := profileOfClient(client), int32(len(x.clients))
		for _, domain := range p.exact {
			x.byDomain[domain] = append(x.byDomain[domain], at)
		}
		for _, domain := range p.secondary {
			x.byDomain[domain] = append(x.byDomain[domain], at)
		}
		for g, count := range p.grams.counts {
			x.byGram[g] = append(x.byGram[g], posting{client: at, count: int32(count)})
		}
		p.grams.counts = nil // the postings have them
		x.clients = append(x.clients, p)
	}
	x.shared = make([]int32, len(x.clients))
	return x
}

// Match gives the matches of a managed tenant, the best first.
func (x *Index) Match(tenant ManagedTenant) []Match {
	profile := profileOfTenant(tenant)
	return merge(x.domains(profile), x.names(profile))
}

func (x *Index) domains(profile tenantProfile) (matches []Match) {
	seen := map[int32]bool{}
	for _, domain := range profile.domains {
		for _, at := range x.byDomain[domain] {
			if seen[at] {
				continue
			}
			seen[at] = true
			if m, ok := matchDomains(profile, x.clients[at]); ok {
				matches = append(matches, m)
			}
		}
	}
	return matches
}

func (x *Index) names(profile tenantProfile) (matches []Match) {
	for g, count := range profile.name.counts {
		for _, p := range x.byGram[g] {
			if x.shared[p.client] == 0 {
				x.touched = append(x.touched, p.client)
			}
			x.shared[p.client] += min(int32(count), p.count)
		}
	}
	for _, at := range x.touched {
		c := &x.clients[at]
		if score, ok := dice(int(x.shared[at]), profile.name.size, c.grams.size); ok {
			matches = append(matches, Match{ClientID: c.id, ClientName: c.name, Score: score, Reason: ReasonFuzzyName})
		}
		x.shared[at] = 0
	}
	x.touched = x.touched[:0]
	return matches
}
