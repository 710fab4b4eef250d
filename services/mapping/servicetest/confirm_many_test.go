package servicetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// many is how many decisions a large MSP confirms at once.
const many = 2000

// fleet is as many managed tenants and clients; decisions map each to its client,
// and turned to its neighbour's.
func (b *bundle) fleet() (decisions, turned []*mappingv1.MappingDecision) {
	b.t.Helper()
	records := make([]*mappingv1.ClientRecord, many)
	for i := range many {
		domain := fmt.Sprintf("c%04d.example", i)
		records[i] = &mappingv1.ClientRecord{ExternalId: fmt.Sprintf("c-%04d", i), Name: fmt.Sprintf("Client %04d", i), Domain: &domain}
		b.found.tenants["msp"] = append(b.found.tenants["msp"], &discoveryv1.ManagedTenant{
			ManagedTenantId: newID(), EntraTenantId: uuid.NewString(), DisplayName: fmt.Sprintf("Client %04d Ltd", i),
			PrimaryDomain: domain, Domains: []string{domain}, State: "active",
		})
	}
	clients := b.upsert(records...)
	for i, tenant := range b.found.tenants["msp"] {
		decisions = append(decisions, decide(tenant.GetManagedTenantId(), "map", clients[i].GetId()))
		turned = append(turned, decide(tenant.GetManagedTenantId(), "map", clients[(i+1)%many].GetId()))
	}
	return decisions, turned
}

// TestTwoThousandDecisionsAtOnce confirms a large MSP in one transaction, and holds the
// processor time.
func TestTwoThousandDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	if !inOwnProcess(t, "2000 decisions") {
		return
	}
	b := setup(t)
	decisions, turned := b.fleet()
	before := b.processorTime()
	resp := b.mustConfirm(decisions...)
	cost := b.processorTime() - before
	require.EqualValues(t, many, resp.GetSummary().GetMapped())
	require.Equal(t, "settled", resp.GetEffects(), "nobody had links")
	t.Logf("%d decisions in %v of the processor", many, cost)
	require.Less(t, cost, target)
	require.Equal(t, "pending", b.mustConfirm(turned...).GetEffects(), "nobody acts on the effects")
	require.Len(t, b.revised(), many)
	require.Len(t, b.pull(), 10, "each managed tenant's first is due")
}

// BenchmarkConfirm2000 measures a confirm of 2,000 decisions over the network and
// a real database: the first time, when every client's columns are written. It fails
// over the target.
func BenchmarkConfirm2000(b *testing.B) {
	var total, cost time.Duration
	for b.Loop() {
		b.StopTimer()
		bundle := setup(b)
		decisions, _ := bundle.fleet()
		before, start := bundle.processorTime(), time.Now()
		b.StartTimer()
		bundle.mustConfirm(decisions...)
		total += time.Since(start)
		cost += bundle.processorTime() - before
	}
	require.Less(b, cost/time.Duration(b.N), target)
	b.ReportMetric(cost.Seconds()/float64(b.N), "cpu-s")
	b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms")
	require.LessOrEqual(b, total/time.Duration(b.N), target)
}
