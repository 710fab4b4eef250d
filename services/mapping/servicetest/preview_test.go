package servicetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/costtest"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// addMany makes a large provider: clients with every field that can match, and
// managed tenants, half of which have the domain of a client.
func (b *bundle) addMany(tenants, clients int) {
	b.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	syllables := []string{"con", "to", "so", "fab", "ri", "kam", "north", "wind", "ta", "il", "spin", "ad", "ven", "ture", "lit", "ware", "ger", "mo", "ra", "vi"}
	trades := []string{"Consulting", "Dental", "Logistics", "Bau", "Partners", "Engineering", "Holding", "Services", "Transport", "Group", "Legal", "Verwaltung"}
	forms := []string{"Ltd", "GmbH", "Inc.", "LLC", "S.A.", "B.V.", "AB", ""}
	name := func() string {
		brand := ""
		for range 2 + random.IntN(4) {
			brand += syllables[random.IntN(len(syllables))]
		}
		return brand + " " + trades[random.IntN(len(trades))] + " " + forms[random.IntN(len(forms))]
	}
	made := make([]string, clients)
	for i := range made {
		made[i] = name()
	}
	_, err := b.db.Admin.Exec(b.t.Context(), `
		INSERT INTO clients (tenant_id, id, external_id, name, name_key, website, domain, alternative_domains, email_domains,
		                     billing_email, created_at, updated_at)
		SELECT 'msp', gen_random_uuid(), 'c' || n, name, lower(name), format('https://www.c%s.example/contact', n), format('c%s.example', n),
		       ARRAY[format('c%s.test', n)], ARRAY[format('mail%s.example', n)], format('ap@bill%s.example', n), now(), now()
		FROM (SELECT name, place - 1 AS n FROM unnest($1::text[]) WITH ORDINALITY AS u (name, place)) c`, made)
	require.NoError(b.t, err)
	var discovered []string
	for i := range tenants {
		domain := fmt.Sprintf("c%d.example", i*clients/tenants)
		if i%2 == 1 {
			domain = fmt.Sprintf("t%d.example", i)
		}
		discovered = append(discovered, name(), domain)
	}
	b.discover(discovered...)
}

// mostWait is how long a preview may take on a machine that does much else, with
// the race detector. Alone it takes a second; the benchmark tells.
const mostWait = time.Minute

// previewed asks for the preview of a large provider and gives what it cost: the time
// of the processor, and the most heap in use.
func (b *bundle) previewed() (cost time.Duration, peak uint64) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx(), mostWait)
	defer cancel()
	before := b.processorTime()
	peak = costtest.PeakHeap(func() {
		preview, err := b.mappings.GetMappingPreview(ctx, &mappingv1.GetMappingPreviewRequest{})
		require.NoError(b.t, err)
		require.Len(b.t, preview.GetAutoMatched(), 1000)
		require.EqualValues(b.t, 2000, preview.GetSummary().GetUndecided())
	})
	return b.processorTime() - before, peak
}

// previewMemory is what the preview of 2,000 managed tenants and 20,000 clients may
// take of the heap.
const previewMemory = 200 << 20

// BenchmarkPreview2000x20000 measures the preview of a large provider as its
// caller sees it, with discovery's stream and the database: seconds, those of the
// processors, and the most heap in use of caller, service and discovery together. It
// fails over the target.
func BenchmarkPreview2000x20000(b *testing.B) {
	large := setup(b)
	large.addMany(2000, 20000)
	most, total := uint64(0), time.Duration(0)
	for b.Loop() {
		cost, peak := large.previewed()
		most, total = max(most, peak), total+cost
	}
	require.Less(b, total/time.Duration(b.N), target)
	b.ReportMetric(total.Seconds()/float64(b.N), "cpu-s")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
	require.LessOrEqual(b, b.Elapsed()/time.Duration(b.N), target)
	require.LessOrEqual(b, most, uint64(previewMemory))
}

// TestThePreviewOfALargeProviderIsSmallAndFast holds memory and processor time.
func TestThePreviewOfALargeProviderIsSmallAndFast(t *testing.T) {
	t.Parallel()
	if !inOwnProcess(t, "2,000 tenants") {
		return
	}
	b := setup(t)
	b.addMany(2000, 20000)
	before := b.contents()
	cost, peak := b.previewed()
	t.Logf("2,000 tenants and 20,000 clients in %v of the processor, %d MiB", cost, peak>>20)
	require.Less(t, peak, uint64(previewMemory), "bytes of heap")
	require.Less(t, cost, target)
	require.Equal(t, before, b.contents(), "a preview writes nothing")
}
