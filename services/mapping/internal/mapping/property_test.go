package mapping_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// What generated names and domains are made of: little, so that they often meet.
var (
	nameWords = []string{
		"Acme", "ACME", "Contoso", "Contosa", "Northwind", "North", "Wind", "Traders", "Labs", "Müller", "Mueller", "Söhne", "A.B.C.", "ABC",
		"3M", "x", "é", "&", "and", "und", "O'Neill", "Ромашка", "ромашка", "Транс", "华兴", "科技", "山本", "ヤマモト", "النور", "للتجارة", "Αθηνά", "한빛",
	}
	nameForms   = []string{"", "Ltd.", "GmbH", "GmbH & Co. KG", "S.A.", "Sp. z o.o.", "Inc", "ООО", "株式会社", "有限公司", "ذ.م.م", "A.Ş."}
	domainParts = []string{
		"acme.com", "www.acme.com", "ACME.COM.", "https://acme.com:443/x", "mail.acme.com", "notacme.com", "contoso.io", "gmail.com",
		"nw.onmicrosoft.com", "co.uk", "github.io", "müller.de", "xn--mller-kva.de", "аcme.com", "", "nothing",
	}
)

// names are names of companies, often with a legal form, sometimes mistyped,
// sometimes empty.
func names() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		words := rapid.SliceOfN(rapid.SampledFrom(nameWords), 0, 4).Draw(t, "words")
		name := strings.Join(words, rapid.SampledFrom([]string{" ", "", "-", "  "}).Draw(t, "gap"))
		form := rapid.SampledFrom(nameForms).Draw(t, "form")
		if rapid.Bool().Draw(t, "before") {
			name = form + " " + name
		} else {
			name += " " + form
		}
		runes := []rune(name)
		switch at := rapid.IntRange(0, len(runes)-1).Draw(t, "at"); rapid.IntRange(0, 5).Draw(t, "slip") {
		case 0:
			runes = slices.Delete(runes, at, at+1)
		case 1:
			runes = slices.Insert(runes, at, runes[at])
		}
		return string(runes)
	})
}

func domains() *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.SampledFrom(domainParts), 0, 3)
}

func clients() *rapid.Generator[[]mapping.Client] {
	return rapid.Custom(func(t *rapid.T) []mapping.Client {
		list := make([]mapping.Client, rapid.IntRange(0, 40).Draw(t, "clients"))
		for i := range list {
			list[i] = mapping.Client{
				ID: fmt.Sprintf("c%02d", i), Name: names().Draw(t, "name"), Website: rapid.SampledFrom(domainParts).Draw(t, "website"),
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
				State:         rapid.SampledFrom([]mapping.TenantState{mapping.TenantActive, mapping.TenantActive, mapping.TenantUnreadable, mapping.TenantGone}).Draw(t, "state"),
				PrimaryDomain: rapid.SampledFrom(domainParts).Draw(t, "primary"), Domains: domains().Draw(t, "domains"),
			}
		}
		return list
	})
}

// decide draws some decisions that may have been made about the tenants.
func decide(t *rapid.T, tenants []mapping.ManagedTenant, clients []mapping.Client) (list []mapping.Mapping) {
	states := []mapping.State{"", "", mapping.StateMapped, mapping.StateSkipForNow, mapping.StateNeedsReview, mapping.StateCreateNew}
	for _, tenant := range tenants {
		m := mapping.Mapping{ManagedTenantID: tenant.ID, State: rapid.SampledFrom(states).Draw(t, "state")}
		if m.State == "" || (m.State == mapping.StateMapped && len(clients) == 0) {
			continue
		}
		if m.State == mapping.StateMapped {
			c := rapid.SampledFrom(clients).Draw(t, "client")
			m.ClientID, m.ClientName = c.ID, c.Name
		}
		list = append(list, m)
	}
	return list
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

// TestManyClientsOfOneDomainAreBounded: the first by name are proposed, of those whose
// own the domain is and of those that have it beside theirs, and the others counted.
func TestManyClientsOfOneDomainAreBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := make([]mapping.Client, rapid.IntRange(0, 180).Draw(t, "clients"))
		ownOneIn := rapid.SampledFrom([]int{2, 20}).Draw(t, "own one in")
		var own, beside []string
		for i := range all {
			all[i] = mapping.Client{ID: fmt.Sprintf("c%03d", i), Name: fmt.Sprintf("%03d", i), BillingEmail: "it@msp.example.com"}
			if rapid.IntRange(1, ownOneIn).Draw(t, "own") == 1 {
				all[i].Website = "https://msp.example.com"
				own = append(own, all[i].ID)
			} else {
				beside = append(beside, all[i].ID)
			}
		}
		index := mapping.NewIndex(all)
		for range 2 { // what one tenant met is forgotten for the next
			tenant := mapping.ManagedTenant{DisplayName: "新", PrimaryDomain: "msp.example.com", Domains: []string{"other.example.com"}}
			found := index.Match(tenant)
			require.Equal(t, mapping.Compare(tenant, all), found)
			var ids []string
			for _, m := range found.Matches {
				ids = append(ids, m.ClientID)
			}
			require.Equal(t, slices.Concat(own[:min(len(own), 50)], beside[:min(len(beside), 50)]), ids)
			require.Equal(t, len(all)-len(ids), found.LeftOut)
		}
	})
}

// TestWhoIsProposedByNameIsNotLeftOut: of the many clients of one domain the one that
// is named like the tenant stays, whatever its place in the alphabet.
func TestWhoIsProposedByNameIsNotLeftOut(t *testing.T) {
	t.Parallel()
	var all []mapping.Client
	for i := range 60 {
		all = append(all, mapping.Client{ID: fmt.Sprintf("c%03d", i), Name: fmt.Sprintf("%03d", i), BillingEmail: "it@msp.example.com"})
	}
	all[59].Name = "Zebra"
	tenant := mapping.ManagedTenant{DisplayName: "Zebra Ltd", PrimaryDomain: "msp.example.com"}
	found := mapping.NewIndex(all).Match(tenant)
	require.Equal(t, mapping.Compare(tenant, all), found)
	require.Equal(t, "c059", found.Matches[0].ClientID)
	require.Len(t, found.Matches, 51)
	require.Equal(t, 9, found.LeftOut)
}

// TestTheIndexGivesWhatComparingAllGivesOfAnyText asks for names that no company
// has.
func TestTheIndexGivesWhatComparingAllGivesOfAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("aab ")), 0, 20, -1)
		name := rapid.OneOf(letters, letters, rapid.String())
		all := make([]mapping.Client, rapid.IntRange(1, 30).Draw(t, "clients"))
		for i := range all {
			all[i] = mapping.Client{ID: fmt.Sprintf("c%02d", i), Name: name.Draw(t, "client")}
		}
		index := mapping.NewIndex(all)
		for range 4 {
			tenant := mapping.ManagedTenant{DisplayName: name.Draw(t, "tenant")}
			require.Equal(t, mapping.Compare(tenant, all), index.Match(tenant))
		}
	})
}

// TestTheIndexGivesWhatComparingAllGivesOfCommonNames: where names are made of the same
// few words, most of the clients that are met need not be compared to the end.
func TestTheIndexGivesWhatComparingAllGivesOfCommonNames(t *testing.T) {
	t.Parallel()
	list, all := commonNames(20, 1000)
	index := mapping.NewIndex(all)
	for _, tenant := range list {
		want := mapping.Compare(tenant, all)
		require.NotEmpty(t, want.Matches)
		require.Equal(t, want, index.Match(tenant))
	}
}

func TestThePreviewDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list, all := tenants().Draw(t, "list"), clients().Draw(t, "all")
		active := decide(t, list, all)
		before := mapping.Propose(list, mapping.Snapshot{Clients: all, Active: active})
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		list, all, active = slices.Clone(list), slices.Clone(all), slices.Clone(active)
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		random.Shuffle(len(active), func(i, j int) { active[i], active[j] = active[j], active[i] })
		for i := range list {
			list[i].Domains = slices.Clone(list[i].Domains)
			slices.Reverse(list[i].Domains)
		}
		for i := range all {
			all[i].EmailDomains, all[i].AlternativeDomains = slices.Clone(all[i].EmailDomains), slices.Clone(all[i].AlternativeDomains)
			slices.Reverse(all[i].EmailDomains)
			slices.Reverse(all[i].AlternativeDomains)
		}
		after := mapping.Propose(list, mapping.Snapshot{Clients: all, Active: active})
		require.Equal(t, show(before, true), show(after, true))
	})
}

func TestThePreviewWritesNothingIntoItsInput(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list, all := tenants().Draw(t, "list"), clients().Draw(t, "all")
		active := decide(t, list, all)
		before := fmt.Sprint(list, all, active)
		first := mapping.Propose(list, mapping.Snapshot{Clients: all, Active: active})
		require.Equal(t, first, mapping.Propose(list, mapping.Snapshot{Clients: all, Active: active}), "the same again")
		require.Equal(t, before, fmt.Sprint(list, all, active))
	})
}

func TestEveryTenantHasOneRowInItsGroup(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list, all := tenants().Draw(t, "list"), clients().Draw(t, "all")
		preview := mapping.Propose(list, mapping.Snapshot{Clients: all})
		rows := map[string]int{}
		for _, row := range preview.AutoMatched {
			rows[row.Tenant.ID]++
			require.Equal(t, mapping.ReasonExactDomain, row.Match.Reason)
		}
		for _, row := range preview.FuzzyCandidates {
			rows[row.Tenant.ID]++
			require.NotEmpty(t, row.Candidates)
			require.Nil(t, row.Match)
		}
		for _, row := range preview.Unmatched {
			rows[row.Tenant.ID]++
			require.Empty(t, row.Candidates)
		}
		for _, tenant := range list {
			if tenant.State == mapping.TenantGone {
				require.Zero(t, rows[tenant.ID])
			} else {
				require.Equal(t, 1, rows[tenant.ID])
			}
		}
	})
}

func TestTheScoreIsSymmetricAndWithinOne(t *testing.T) {
	t.Parallel()
	score := func(a, b string) float64 {
		matches := mapping.Compare(mapping.ManagedTenant{DisplayName: a}, []mapping.Client{{ID: "c", Name: b}}).Matches
		if len(matches) == 0 {
			return 0
		}
		return matches[0].Score
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(names(), names(), rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("ab ")), 0, 12, -1))
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		got := score(a, b)
		require.Equal(t, got, score(b, a))
		require.True(t, got == 0 || got >= 0.58, got)
		require.LessOrEqual(t, got, 1.0)
		require.InDelta(t, math.Round(got*10000), got*10000, 1e-9, "four decimals")
		if utf8.RuneCountInString(mapping.NormaliseName(a)) > 1 {
			require.Equal(t, 1.0, score(a, a))
		} else {
			require.Zero(t, score(a, a), "one letter says too little")
		}
	})
}
