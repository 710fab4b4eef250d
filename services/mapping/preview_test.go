package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// peakHeap runs do and gives the most bytes that the heap had in use meanwhile,
// live objects and those not yet collected.
func peakHeap(do func()) uint64 {
	runtime.GC()
	done, measured := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for peak := uint64(0); ; {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64()+sample[1].Value.Uint64())
			select {
			case <-tick.C:
			case <-done:
				measured <- peak
				return
			}
		}
	}()
	do()
	close(done)
	return <-measured
}

// patience is how long a preview may take on a machine that does much else, with
// the race detector. Alone it takes a second; the benchmark tells.
const patience = time.Minute

// previewed asks for the preview of a large provider and gives what it cost.
func (b *bundle) previewed() (took time.Duration, peak uint64) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx(), patience)
	defer cancel()
	start := time.Now()
	peak = peakHeap(func() {
		preview, err := b.mappings.GetMappingPreview(ctx, &mappingv1.GetMappingPreviewRequest{})
		require.NoError(b.t, err)
		require.Len(b.t, preview.GetAutoMatched(), 1000)
		require.EqualValues(b.t, 2000, preview.GetSummary().GetUndecided())
	})
	return time.Since(start), peak
}

// What the preview of 2,000 managed tenants and 20,000 clients may take, alone on a
// machine of two cores.
const (
	previewWithin = 2 * time.Second
	previewMemory = 200 << 20
)

// BenchmarkPreview2000x20000 measures the preview of a large provider as its
// caller sees it, with discovery's stream and the database: seconds, and the
// most heap in use of caller, service and discovery together. It fails above what is
// promised.
func BenchmarkPreview2000x20000(b *testing.B) {
	large := setup(b)
	large.addMany(2000, 20000)
	most := uint64(0)
	for b.Loop() {
		_, peak := large.previewed()
		most = max(most, peak)
	}
	took := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(took.Seconds(), "s")
	b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
	require.LessOrEqual(b, took, previewWithin)
	require.LessOrEqual(b, most, uint64(previewMemory))
}

// alone is set for a process that runs one test, so that what it measures is
// its own.
const alone = "ENTRASYNC_TEST_ALONE"

// TestThePreviewOfALargeProviderIsSmall holds the memory strictly, and the time
// loosely.
func TestThePreviewOfALargeProviderIsSmall(t *testing.T) {
	t.Parallel()
	if os.Getenv(alone) == "" {
		self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		self.Env = append(os.Environ(), alone+"=1")
		out, err := self.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "--- PASS: "+t.Name())
		if at := bytes.Index(out, []byte("2,000 tenants")); at >= 0 {
			line, _, _ := bytes.Cut(out[at:], []byte("\n"))
			t.Logf("%s", line)
		}
		return
	}
	b := setup(t)
	b.addMany(2000, 20000)
	before := b.contents()
	took, peak := b.previewed()
	t.Logf("2,000 tenants and 20,000 clients in %v, %d MiB", took.Round(time.Millisecond), peak>>20)
	require.Less(t, peak, uint64(previewMemory), "bytes of heap")
	require.Less(t, took, patience)
	require.Equal(t, before, b.contents(), "a preview writes nothing")
}
