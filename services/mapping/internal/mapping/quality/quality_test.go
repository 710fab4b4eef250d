package quality

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// What is measured: several worlds, so that no figure is the luck of one.
const (
	worlds    = 3
	pairs     = 600
	traps     = 192
	strangers = 2000
)

// topCandidates are those that a person is shown at first.
const topCandidates = 5

// figures are how the matchers did.
type figures struct {
	autos, wrong   int // matched without a person, and of those with the wrong client
	clients, found int // tenants that have a client, and of those with it matched or among the first candidates
	named, byName  int // the same of tenants that no domain ties to their client
	traps          int // tenants that may not be matched without a person
	mistakes       []string
	missed         map[string]int // by kind
}

func (f figures) precision() float64 { return 1 - float64(f.wrong)/float64(f.autos) }
func (f figures) recall() float64    { return float64(f.found) / float64(f.clients) }

// recallByName is the recall of the pairs that have nothing in common but names.
func (f figures) recallByName() float64 { return float64(f.byName) / float64(f.named) }

// judge compares the preview of a world with its labels.
func (f *figures) judge(w *world) {
	names := map[string]string{}
	for _, c := range w.clients {
		names[c.ID] = c.Name
	}
	tenants := make([]mapping.ManagedTenant, 0, len(w.pairs))
	truth := make(map[string]pair, len(w.pairs))
	for _, p := range w.pairs {
		tenants = append(tenants, p.tenant)
		truth[p.tenant.ID] = p
	}
	preview := mapping.Propose(tenants, mapping.Snapshot{Clients: w.clients})
	for _, row := range preview.AutoMatched {
		p := truth[row.Tenant.ID]
		f.autos++
		if !p.auto || row.Match.ClientID != p.client {
			f.wrong++
			f.mistakes = append(f.mistakes, fmt.Sprintf("%s: %q %v is not %q", p.kind, p.tenant.DisplayName, p.tenant.Domains, row.Match.ClientName))
		}
	}
	for _, row := range slices.Concat(preview.AutoMatched, preview.FuzzyCandidates, preview.Unmatched) {
		p := truth[row.Tenant.ID]
		if !p.auto {
			f.traps++
		}
		if p.client == "" {
			continue
		}
		f.clients++
		byName := slices.Contains(nameAlone, p.tie)
		if byName {
			f.named++
		}
		shown := row.Candidates[:min(len(row.Candidates), topCandidates)]
		if slices.ContainsFunc(shown, func(m mapping.Match) bool { return m.ClientID == p.client }) {
			f.found++
			if byName {
				f.byName++
			}
		} else {
			f.missed[p.kind+", "+p.tie]++
			f.mistakes = append(f.mistakes, fmt.Sprintf("%s: %q is not found as %q", p.kind, names[p.client], p.tenant.DisplayName))
		}
	}
}

func measure() figures {
	f := figures{missed: map[string]int{}}
	for seed := range uint64(worlds) {
		f.judge(newWorld(seed, pairs, traps, strangers))
	}
	return f
}

// leastRecall is the part of the tenants with a client for which it is matched or
// among the first candidates.
const leastRecall = 0.97

// hold fails where the figures are not what is promised. No automatic match may be
// wrong: it is confirmed by the hundred.
func (f figures) hold(tb testing.TB) {
	tb.Helper()
	require.GreaterOrEqual(tb, f.clients, 400*worlds)
	require.GreaterOrEqual(tb, f.traps, 150*worlds)
	require.Zero(tb, f.wrong, strings.Join(f.mistakes, "\n"))
	require.GreaterOrEqual(tb, f.recall(), leastRecall, strings.Join(f.mistakes, "\n"))
	require.Greater(tb, f.autos, f.clients/2, "the set must have much that can be matched")
}

func TestMatchQuality(t *testing.T) {
	t.Parallel()
	f := measure()
	for _, kind := range slices.SortedFunc(maps.Keys(f.missed), func(a, b string) int { return f.missed[b] - f.missed[a] }) {
		t.Logf("missed %d of %q", f.missed[kind], kind)
	}
	t.Logf("precision %.4f of %d automatic matches, recall %.4f of %d pairs, %d traps", f.precision(), f.autos, f.recall(), f.clients, f.traps)
	t.Logf("recall %.4f of the %d pairs that have nothing in common but their names", f.recallByName(), f.named)
	f.hold(t)
}

// BenchmarkMatchQuality prints how well tenants find their clients: how many of
// the automatic matches are right, and how many clients are matched or among the
// first five candidates. It fails below what is promised, as the test does.
func BenchmarkMatchQuality(b *testing.B) {
	var f figures
	for b.Loop() {
		f = measure()
	}
	f.hold(b)
	b.ReportMetric(f.precision(), "precision")
	b.ReportMetric(f.recall(), "recall")
	b.ReportMetric(f.recallByName(), "recall-by-name")
	b.ReportMetric(float64(f.clients), "pairs")
	b.ReportMetric(float64(f.traps), "traps")
}
