package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/entrasync/entrasync/pkg/costtest"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// largeMSP makes a large provider: its managed tenants, half of which have the
// domain of a client, and its clients, with names of words as companies have
// them.
func largeMSP(tenants, clients int) ([]mapping.ManagedTenant, []mapping.Client) {
	random := rand.New(rand.NewPCG(1, 2))
	syllables := []string{"con", "to", "so", "fab", "ri", "kam", "north", "wind", "ta", "il", "spin", "ad", "ven", "ture", "lit", "ware", "ger", "mo", "ra", "vi"}
	trades := []string{"Consulting", "Dental", "Logistics", "Bau", "Partners", "Engineering", "Holding", "Services", "Transport", "Group", "Legal", "Verwaltung"}
	forms := []string{"Ltd", "GmbH", "Inc.", "LLC", "S.A.", "B.V.", "AB", ""}
	name := func() string {
		text := ""
		for range 2 + random.IntN(4) {
			text += syllables[random.IntN(len(syllables))]
		}
		return text + " " + trades[random.IntN(len(trades))] + " " + forms[random.IntN(len(forms))]
	}
	records := make([]mapping.Client, clients)
	for i := range records {
		records[i] = mapping.Client{
			ID: fmt.Sprintf("c%05d", i), Name: name(), Domain: fmt.Sprintf("c%05d.example", i),
			Website:            fmt.Sprintf("https://www.c%05d.example/contact", i),
			AlternativeDomains: []string{fmt.Sprintf("c%05d.test", i)}, EmailDomains: []string{fmt.Sprintf("mail%05d.example", i)},
			BillingEmail: fmt.Sprintf("ap@bill%05d.example", i),
		}
	}
	list := make([]mapping.ManagedTenant, tenants)
	for i := range list {
		domain := fmt.Sprintf("c%05d.example", i*clients/tenants)
		if i%2 == 1 {
			domain = fmt.Sprintf("t%05d.example", i)
		}
		list[i] = mapping.ManagedTenant{
			ID: fmt.Sprintf("t%05d", i), DisplayName: name(), PrimaryDomain: domain, State: "active",
			Domains: []string{fmt.Sprintf("t%05d.onmicrosoft.com", i), domain},
		}
	}
	return list, records
}

// BenchmarkPreview2000x20000 measures the preview of a large provider without its
// store: seconds, and the most heap in use, the input included.
func BenchmarkPreview2000x20000(b *testing.B) {
	tenants, clients := largeMSP(2000, 20000)
	peak, before := uint64(0), costtest.ProcessorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		peak = max(peak, costtest.PeakHeap(func() {
			if got := mapping.Propose(tenants, mapping.Snapshot{Clients: clients}); len(got.AutoMatched) != 1000 {
				b.Fatalf("%d tenants were matched", len(got.AutoMatched))
			}
		}))
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	b.ReportMetric((costtest.ProcessorTime(b)-before).Seconds()/float64(b.N), "cpu-s")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// commonNames makes a large provider whose customers' names are made of the same few
// words, so that hardly anything tells one from the other.
func commonNames(tenants, clients int) ([]mapping.ManagedTenant, []mapping.Client) {
	random := rand.New(rand.NewPCG(3, 4))
	words := []string{
		"Dental", "Practice", "Family", "Care", "Medical", "Health", "Center", "Group", "Services", "Clinic", "Associates", "Partners",
		"Community", "General", "Surgery", "Therapy", "Wellness", "Physicians",
	}
	name := func() string {
		text := ""
		for _, at := range random.Perm(len(words))[:4] {
			text += words[at] + " "
		}
		return text + fmt.Sprint(random.IntN(100))
	}
	records := make([]mapping.Client, clients)
	for i := range records {
		records[i] = mapping.Client{ID: fmt.Sprintf("c%05d", i), Name: name(), Domain: fmt.Sprintf("c%05d.example", i)}
	}
	list := make([]mapping.ManagedTenant, tenants)
	for i := range list {
		list[i] = mapping.ManagedTenant{ID: fmt.Sprintf("t%05d", i), DisplayName: name(), PrimaryDomain: fmt.Sprintf("t%05d.example", i), State: "active"}
	}
	return list, records
}

// BenchmarkPreviewOfCommonNames measures what is hard for the index: names of the same
// few words.
func BenchmarkPreviewOfCommonNames(b *testing.B) {
	tenants, clients := commonNames(2000, 20000)
	before := costtest.ProcessorTime(b)
	for b.Loop() {
		if got := mapping.Propose(tenants, mapping.Snapshot{Clients: clients}); len(got.FuzzyCandidates) < 1900 {
			b.Fatalf("%d tenants have candidates", len(got.FuzzyCandidates))
		}
	}
	b.ReportMetric((costtest.ProcessorTime(b)-before).Seconds()/float64(b.N), "cpu-s")
}
