package mapping

import (
	"cmp"
	"slices"
)

// Index finds the matches of a managed tenant among many clients without
// comparing it with each. Match may not be called concurrently.
type Index struct {
	clients  []clientProfile
	byDomain map[string][]int32

	// Grams have numbers here. Both ways between them and clients are kept, the
	// grams of client i between starts[i] and starts[i+1].
	numbers  map[gram]int32
	postings [][]posting
	own      []gramCount
	starts   []int32
	sizes    []int32 // of the clients' names, in grams

	// Of the tenant at hand: how often it has each gram, what it is known to have
	// in common with each client, and which clients that is not zero for.
	wanted  []int32
	shared  []int32
	touched []int32
	sorted  []int32 // the same clients, those first that have most in common

	// Whether a client was met by a domain of the tenant at hand; all false between.
	met []bool
}

// posting says how often a client's name has a gram.
type posting struct {
	client int32
	count  int32
}

// gramCount says how often a name has a gram.
type gramCount struct {
	gram  int32
	count int32
}

// NewIndex prepares clients; deleted ones are left out.
func NewIndex(clients []Client) *Index {
	x := &Index{
		clients: make([]clientProfile, 0, len(clients)), starts: make([]int32, 1, len(clients)+1),
		byDomain: make(map[string][]int32, 2*len(clients)), numbers: map[gram]int32{},
	}
	for _, client := range clients {
		if !client.Deleted {
			x.add(profileOfClient(client))
		}
	}
	x.shared = make([]int32, len(x.clients))
	x.wanted = make([]int32, len(x.postings))
	x.met = make([]bool, len(x.clients))
	return x
}

func (x *Index) add(p clientProfile) {
	at := int32(len(x.clients))
	for _, domain := range p.exact {
		x.byDomain[domain] = append(x.byDomain[domain], at)
	}
	for _, domain := range p.secondary {
		x.byDomain[domain] = append(x.byDomain[domain], at)
	}
	for g, count := range p.grams.counts {
		number, known := x.numbers[g]
		if !known {
			number = int32(len(x.postings))
			x.numbers[g] = number
			x.postings = append(x.postings, nil)
		}
		x.postings[number] = append(x.postings[number], posting{client: at, count: int32(count)})
		x.own = append(x.own, gramCount{gram: number, count: int32(count)})
	}
	x.starts = append(x.starts, int32(len(x.own)))
	x.sizes = append(x.sizes, int32(p.grams.size))
	p.grams.counts = nil // the index has them
	x.clients = append(x.clients, p)
}

// Match finds the matches of a managed tenant.
func (x *Index) Match(tenant ManagedTenant) Found {
	profile := profileOfTenant(tenant)
	return merge(x.domains(profile), x.names(profile.name))
}

func (x *Index) domains(profile tenantProfile) (matches []Match) {
	var seen []int32
	for _, domain := range profile.domains {
		for _, at := range x.byDomain[domain] {
			if x.met[at] {
				continue
			}
			x.met[at] = true
			seen = append(seen, at)
			if m, ok := matchDomains(profile, x.clients[at]); ok {
				matches = append(matches, m)
			}
		}
	}
	for _, at := range seen {
		x.met[at] = false
	}
	return matches
}

// names gives the clients with the names most alike. It looks through the rarest
// grams only, as long as a client that has none of them can still be alike, and
// then compares those that it met: first those that had most in common, so that the
// others, of which there are many where names are made of the same few words, need
// not be compared once what they can have in common at most is too little.
func (x *Index) names(name grams) []Match {
	wanted, rest := x.want(name)
	least := leastCommon(name.size)
	for _, w := range wanted {
		if rest < least {
			break // a client that was not met yet has too little in common
		}
		for _, p := range x.postings[w.gram] {
			if x.shared[p.client] == 0 {
				x.touched = append(x.touched, p.client)
			}
			x.shared[p.client] += min(w.count, p.count)
		}
		rest -= int(w.count)
	}
	var best []Match
	for _, at := range x.byShared(name.size) {
		size := int(x.sizes[at])
		most := min(int(x.shared[at])+rest, size)
		if score, ok := dice(most, name.size, size); !ok || tooLow(score, best) {
			continue
		}
		score, ok := dice(x.common(at), name.size, size)
		if !ok || tooLow(score, best) {
			continue
		}
		best = keepBest(best, Match{ClientID: x.clients[at].id, ClientName: x.clients[at].name, Score: score, Reason: ReasonFuzzyName})
	}
	for _, at := range x.touched {
		x.shared[at] = 0
	}
	x.touched = x.touched[:0]
	for _, w := range wanted {
		x.wanted[w.gram] = 0
	}
	return best
}

// byShared gives the clients that were met, those first that have most in common with
// a name of the given size.
func (x *Index) byShared(size int) []int32 {
	ends := make([]int, size+2) // where the clients with so many in common begin, and then end
	for _, at := range x.touched {
		ends[x.shared[at]]++
	}
	for shared := size; shared >= 0; shared-- {
		ends[shared] += ends[shared+1]
	}
	x.sorted = slices.Grow(x.sorted[:0], len(x.touched))[:len(x.touched)]
	for _, at := range x.touched {
		shared := x.shared[at]
		x.sorted[ends[shared+1]] = at
		ends[shared+1]++
	}
	return x.sorted
}

// tooLow reports a score below all of the best ones, of which there are enough.
func tooLow(score float64, best []Match) bool {
	return len(best) == topNames && score < best[topNames-1].Score
}

// want notes the grams of a name that clients have, and gives them, the rarest
// first, with their number.
func (x *Index) want(name grams) (wanted []gramCount, size int) {
	for g, count := range name.counts {
		if number, known := x.numbers[g]; known {
			x.wanted[number] = int32(count)
			wanted = append(wanted, gramCount{gram: number, count: int32(count)})
			size += count
		}
	}
	slices.SortFunc(wanted, func(a, b gramCount) int {
		return cmp.Or(cmp.Compare(len(x.postings[a.gram]), len(x.postings[b.gram])), cmp.Compare(a.gram, b.gram))
	})
	return wanted, size
}

// common is how many of the wanted grams a client has.
func (x *Index) common(client int32) (n int) {
	for _, g := range x.own[x.starts[client]:x.starts[client+1]] {
		n += int(min(g.count, x.wanted[g.gram]))
	}
	return n
}

// keepBest adds a match to the best ones, if it is one of them.
func keepBest(best []Match, m Match) []Match {
	at, _ := slices.BinarySearchFunc(best, m, better)
	if at == topNames {
		return best
	}
	return slices.Insert(best[:min(len(best), topNames-1)], at, m)
}
