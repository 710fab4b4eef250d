package expect

import (
	"slices"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// Discoverable are the customers that a discovery by relationships finds:
// those with an active one whose name does not begin with MLT_.
func Discoverable(f *fleet.Fleet) []fleet.Tenant {
	var out []fleet.Tenant
	for _, t := range f.Customers() {
		if slices.ContainsFunc(f.Relationships(), func(r fleet.Relationship) bool {
			return r.TenantID == t.ID && r.Status == "active" && !strings.HasPrefix(r.DisplayName, "MLT_")
		}) {
			out = append(out, t)
		}
	}
	return out
}

// ExactMatches are the external ids of the clients that share a domain with
// each discoverable tenant, by tenant id, in the order of the clients.
func ExactMatches(f *fleet.Fleet) map[string][]string {
	return matches(f, func(c fleet.Client) []string {
		return append([]string{c.Website, c.Domain}, c.EmailDomains...)
	})
}

// SecondaryMatches are those that share one through the billing email or an
// alternative domain.
func SecondaryMatches(f *fleet.Fleet) map[string][]string {
	return matches(f, func(c fleet.Client) []string {
		billing := c.BillingEmail[strings.LastIndex(c.BillingEmail, "@")+1:]
		return append([]string{billing}, c.AlternativeDomains...)
	})
}

func matches(f *fleet.Fleet, fields func(fleet.Client) []string) map[string][]string {
	out := map[string][]string{}
	for _, t := range Discoverable(f) {
		out[t.ID] = []string{}
		for c := range f.MSP().Clients() {
			if slices.ContainsFunc(fields(c), func(field string) bool { return isDomainOf(t, field) }) {
				out[t.ID] = append(out[t.ID], c.ExternalID)
			}
		}
	}
	return out
}

func isDomainOf(t fleet.Tenant, field string) bool {
	domain, ok := Domain(field)
	if !ok || !countsAsMatch(domain) {
		return false
	}
	return slices.ContainsFunc(t.Domains, func(d fleet.Domain) bool {
		own, ok := Domain(d.Name)
		return ok && own == domain
	})
}

// AutoMatched are the pairs a preview offers as sure: the tenants with exactly
// one exact match, in the order of the fleet.
func AutoMatched(f *fleet.Fleet) []Pair {
	exact := ExactMatches(f)
	var out []Pair
	for _, t := range Discoverable(f) {
		if clients := exact[t.ID]; len(clients) == 1 {
			out = append(out, Pair{TenantID: t.ID, ClientExternalID: clients[0]})
		}
	}
	return out
}

// NameScore is the Sørensen–Dice coefficient of the bigrams of two company
// names, without their legal forms.
func NameScore(a, b string) float64 {
	x, y := bigrams(a), bigrams(b)
	if len(x)+len(y) == 0 {
		return 0
	}
	total, common := len(x)+len(y), 0
	for _, g := range x {
		if i := slices.Index(y, g); i >= 0 {
			common++
			y = slices.Delete(y, i, i+1)
		}
	}
	return 2 * float64(common) / float64(total)
}

var legalForms = []string{"ltd", "llc", "inc", "gmbh", "ag", "as", "plc", "llp", "group", "тов"}

func bigrams(name string) []string {
	words := strings.FieldsFunc(strings.ToLower(clean(name)), func(r rune) bool { return strings.ContainsRune(" ,.&'", r) })
	words = slices.DeleteFunc(words, func(w string) bool { return slices.Contains(legalForms, w) })
	letters := []rune(strings.Join(words, " "))
	var out []string
	for i := 1; i < len(letters); i++ {
		out = append(out, string(letters[i-1:i+1]))
	}
	return out
}
