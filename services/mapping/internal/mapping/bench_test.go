package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// BenchmarkPropose measures the preview of a large MSP: 2,000 managed tenants,
// 20,000 clients.
func BenchmarkPropose(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	syllables := []string{"con", "to", "so", "fab", "ri", "kam", "north", "wind", "ta", "il", "spin", "ad", "ven", "ture", "lit", "ware", "ger", "mo", "ra", "vi"}
	name := func() string {
		text := ""
		for range 3 + random.IntN(4) {
			text += syllables[random.IntN(len(syllables))]
		}
		return text + " Ltd"
	}
	clients := make([]mapping.Client, 20000)
	for i := range clients {
		clients[i] = mapping.Client{
			ID: fmt.Sprintf("c%05d", i), Name: name(), Domain: fmt.Sprintf("c%05d.example", i),
			Website: fmt.Sprintf("https://www.c%05d.example", i), BillingEmail: fmt.Sprintf("ap@bill%05d.example", i),
		}
	}
	tenants := make([]mapping.ManagedTenant, 2000)
	for i := range tenants {
		domain := fmt.Sprintf("c%05d.example", i*10)
		tenants[i] = mapping.ManagedTenant{ID: fmt.Sprint(i), DisplayName: name(), PrimaryDomain: domain, Domains: []string{domain}}
	}
	b.ReportAllocs()
	for b.Loop() {
		preview := mapping.Propose(tenants, mapping.Snapshot{Clients: clients})
		if len(preview.AutoMatched) != len(tenants) {
			b.Fatal("not every tenant was matched")
		}
	}
}
