package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// The parts that generated names and domains are made of: few, so that they
// often meet.
var (
	nameParts   = []string{"acme", "Contoso", "north", "wind", "Labs", "GmbH", "Ltd.", "&", "and", "S.A.", "ООО", "株式会社", "é", "x", " "}
	domainParts = []string{"acme.com", "www.acme.com", "ACME.COM.", "contoso.io", "gmail.com", "nw.onmicrosoft.com", "co.uk", "müller.de", "xn--mller-kva.de", "", "nothing"}
)

func names() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		name := ""
		for _, part := range rapid.SliceOfN(rapid.SampledFrom(nameParts), 0, 5).Draw(t, "parts") {
			name += part + rapid.SampledFrom([]string{"", " "}).Draw(t, "gap")
		}
		return name
	})
}

func domains() *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.SampledFrom(domainParts), 0, 3)
}

func clients() *rapid.Generator[[]mapping.Client] {
	return rapid.Custom(func(t *rapid.T) []mapping.Client {
		list := make([]mapping.Client, rapid.IntRange(0, 12).Draw(t, "clients"))
		for i := range list {
			list[i] = mapping.Client{
				ID: fmt.Sprintf("c%02d", i), Name: names().Draw(t, "name"),
				Domain: rapid.SampledFrom(domainParts).Draw(t, "domain"), EmailDomains: domains().Draw(t, "emails"),
				AlternativeDomains: domains().Draw(t, "alternative"), BillingEmail: "a@" + rapid.SampledFrom(domainParts).Draw(t, "billing"),
			}
		}
		return list
	})
}

func tenants() *rapid.Generator[[]mapping.ManagedTenant] {
	return rapid.Custom(func(t *rapid.T) []mapping.ManagedTenant {
		list := make([]mapping.ManagedTenant, rapid.IntRange(0, 8).Draw(t, "tenants"))
		for i := range list {
			list[i] = mapping.ManagedTenant{
				ID: fmt.Sprintf("t%02d", i), DisplayName: names().Draw(t, "name"),
				PrimaryDomain: rapid.SampledFrom(domainParts).Draw(t, "primary"), Domains: domains().Draw(t, "domains"),
			}
		}
		return list
	})
}

func TestTheIndexGivesWhatComparingAllGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := clients().Draw(t, "all")
		index := mapping.NewIndex(all)
		for _, tenant := range tenants().Draw(t, "list") {
			require.Equal(t, mapping.Compare(tenant, all), index.Match(tenant))
		}
	})
}

func TestThePreviewDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list, all := tenants().Draw(t, "list"), clients().Draw(t, "all")
		before := mapping.Propose(list, mapping.Snapshot{Clients: all})
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		list, all = slices.Clone(list), slices.Clone(all)
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for i := range list {
			list[i].Domains = slices.Clone(list[i].Domains)
			slices.Reverse(list[i].Domains)
		}
		after := mapping.Propose(list, mapping.Snapshot{Clients: all})
		require.Equal(t, show(before, true), show(after, true))
	})
}

func TestTheScoreIsSymmetricAndWithinOne(t *testing.T) {
	t.Parallel()
	score := func(a, b string) float64 {
		matches := mapping.Compare(mapping.ManagedTenant{DisplayName: a}, []mapping.Client{{ID: "c", Name: b}})
		if len(matches) == 0 {
			return 0
		}
		return matches[0].Score
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := names().Draw(t, "a"), names().Draw(t, "b")
		if rapid.Bool().Draw(t, "any") {
			a, b = rapid.String().Draw(t, "any a"), rapid.String().Draw(t, "any b")
		}
		require.Equal(t, score(a, b), score(b, a))
		require.GreaterOrEqual(t, score(a, b), 0.0)
		require.LessOrEqual(t, score(a, b), 1.0)
		if utf8.RuneCountInString(mapping.NormaliseName(a)) > 1 {
			require.Equal(t, 1.0, score(a, a))
		}
	})
}

func TestNormalisationIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), names()).Draw(t, "text")
		name := mapping.NormaliseName(text)
		require.Equal(t, name, mapping.NormaliseName(name))
		key := mapping.SearchKey(text)
		require.Equal(t, key, mapping.SearchKey(key))
	})
}

// checkDomain is what holds for whatever text a domain is looked for in.
func checkDomain(t require.TestingT, text string) {
	domain, ok := mapping.NormaliseDomain(text)
	if !ok {
		return
	}
	again, ok := mapping.NormaliseDomain(domain)
	require.True(t, ok, domain)
	require.Equal(t, domain, again, "idempotent")
	require.Contains(t, domain, ".")
	require.NotContains(t, domain, "/")
	require.LessOrEqual(t, len(domain), 253)
	for _, r := range domain {
		require.True(t, r == '.' || r == '-' || (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9'), domain)
	}
	withScheme, ok := mapping.NormaliseDomain("https://" + domain + ":443/path")
	require.True(t, ok)
	require.Equal(t, domain, withScheme)
}

func FuzzNormaliseDomain(f *testing.F) {
	for _, text := range append(domainParts, "https://user@www.www.Acme.com.:80/x@y?z#w", "[::1]:80", "a..b", "www.com", "http://http://a.b", "ﬁ.de", "ß.de") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkDomain(t, text) })
}

func FuzzNormaliseName(f *testing.F) {
	for _, text := range append(nameParts, "A 有限 公司", "ﷺ", "™", "İstanbul A.Ş.", "Ⅻ Ltd") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name := mapping.NormaliseName(text)
		require.Equal(t, name, mapping.NormaliseName(name))
	})
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add("")
	f.Add("e30")
	f.Add(mapping.EncodeCursor(mapping.Cursor{Key: "acme", ID: "1"}, "f"))
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := mapping.DecodeCursor(token, "f"); err == nil && c != nil {
			require.NotEmpty(t, mapping.EncodeCursor(*c, "f"))
		}
	})
}
