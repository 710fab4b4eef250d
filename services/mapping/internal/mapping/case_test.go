package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// TestCases runs the case files: tenants, clients and decisions in, the preview
// out.
//
//	tenant ID | NAME | DOMAIN... [gone|unreadable]
//	client ID | NAME | domain= website= emails= alt= billing= [deleted]
//	decided TENANT STATE [CLIENT]
//	= a line of the preview
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cases/*.txtar")
	require.NoError(t, err)
	cases := map[string]int{}
	var names []string
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		for _, c := range archive.Files {
			cases[filepath.Base(file)]++
			names = append(names, strings.ToLower(c.Name))
			t.Run(filepath.Base(file)+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				tenants, snapshot, want := readCase(t, string(c.Data))
				withSummary := strings.Contains(want, "summary")
				require.Equal(t, want, show(mapping.Propose(tenants, snapshot), withSummary))
				rand.Shuffle(len(tenants), func(i, j int) { tenants[i], tenants[j] = tenants[j], tenants[i] })
				rand.Shuffle(len(snapshot.Clients), func(i, j int) {
					snapshot.Clients[i], snapshot.Clients[j] = snapshot.Clients[j], snapshot.Clients[i]
				})
				require.Equal(t, want, show(mapping.Propose(tenants, snapshot), withSummary), "in another order")
			})
		}
	}
	for file, least := range map[string]int{"exact_domain.txtar": 55, "secondary_domain.txtar": 18, "fuzzy_name.txtar": 90, "preview.txtar": 19} {
		require.GreaterOrEqual(t, cases[file], least, file)
	}
	for _, trap := range traps {
		found := slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, trap) })
		require.True(t, found, "no case is named after %q", trap)
	}
}

// traps are what fools matchers of names and domains. Each has cases by its name.
var traps = []string{
	"two tenants for one client", "one domain at two clients", "a domain that is a suffix of another", "www. and ports",
	"punycode", "onmicrosoft.com", "shared mailbox domains", "public suffix", "names equal but for the legal form",
	"an address inside", "names of one letter", "empty names", "cyrillic", "chinese", "arabic", "decided rows", "gone", "unreadable",
}

func readCase(t *testing.T, text string) (tenants []mapping.ManagedTenant, snapshot mapping.Snapshot, want string) {
	t.Helper()
	names := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "":
		case "tenant":
			tenants = append(tenants, readTenant(rest))
		case "client":
			client := readClient(t, rest)
			names[client.ID] = client.Name
			snapshot.Clients = append(snapshot.Clients, client)
		case "decided":
			words := append(strings.Fields(rest), "")
			snapshot.Active = append(snapshot.Active, mapping.Mapping{
				ManagedTenantID: words[0], State: mapping.State(words[1]), ClientID: words[2], ClientName: names[words[2]],
			})
		case "=":
			want += rest + "\n"
		default:
			require.Fail(t, "unknown line", line)
		}
	}
	return tenants, snapshot, want
}

func readTenant(line string) mapping.ManagedTenant {
	parts := strings.SplitN(line, "|", 3)
	tenant := mapping.ManagedTenant{ID: strings.TrimSpace(parts[0]), DisplayName: strings.TrimSpace(parts[1]), State: "active"}
	for _, word := range strings.Fields(parts[2]) {
		if word == "gone" || word == "unreadable" {
			tenant.State = mapping.TenantState(word)
			continue
		}
		tenant.Domains = append(tenant.Domains, word)
	}
	if len(tenant.Domains) > 0 {
		tenant.PrimaryDomain = tenant.Domains[0]
	}
	return tenant
}

func readClient(t *testing.T, line string) mapping.Client {
	t.Helper()
	parts := strings.SplitN(line, "|", 3)
	client := mapping.Client{ID: strings.TrimSpace(parts[0]), Name: strings.TrimSpace(parts[1])}
	for _, word := range strings.Fields(parts[2]) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "domain":
			client.Domain = value
		case "website":
			client.Website = value
		case "emails":
			client.EmailDomains = strings.Split(value, ",")
		case "alt":
			client.AlternativeDomains = strings.Split(value, ",")
		case "billing":
			client.BillingEmail = value
		case "deleted":
			client.Deleted = true
		default:
			require.Fail(t, "unknown field", word)
		}
	}
	return client
}

func show(p mapping.Preview, withSummary bool) string {
	var b strings.Builder
	for _, group := range []struct {
		name string
		rows []mapping.Row
	}{{"auto", p.AutoMatched}, {"fuzzy", p.FuzzyCandidates}, {"none", p.Unmatched}} {
		for _, row := range group.rows {
			fmt.Fprintf(&b, "%s %s %s", group.name, row.Tenant.ID, row.State)
			if row.Match != nil {
				fmt.Fprintf(&b, " match=%s", row.Match.ClientID)
			}
			if row.MappedClientID != "" {
				fmt.Fprintf(&b, " mapped=%s", row.MappedClientID)
			}
			b.WriteString("\n")
			for _, c := range row.Candidates {
				b.WriteString(strings.TrimRight(fmt.Sprintf("  %s %.4f %s %s", c.ClientID, c.Score, c.Reason, c.Domain), " "))
				if c.StaleDomain {
					b.WriteString(" stale")
				}
				b.WriteString("\n")
			}
		}
	}
	if s := p.Summary; withSummary {
		fmt.Fprintf(&b, "summary mapped:%d skipped:%d review:%d create:%d undecided:%d\n", s.Mapped, s.Skipped, s.NeedsReview, s.CreateNew, s.Undecided)
	}
	return b.String()
}
