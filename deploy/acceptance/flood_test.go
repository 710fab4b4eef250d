package acceptance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	stdsync "sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

const (
	// floodCalls is how many calls of one tenant are under way at once.
	floodCalls = 48
	// readEvery keeps the reader below its own rate limit.
	readEvery = 15 * time.Millisecond
	// The flood lasts so long on each route, in a test and in a benchmark.
	shortFlood, longFlood = 500 * time.Millisecond, 3 * time.Second
)

// neighbours are a tenant that floods and one that reads.
type neighbours struct {
	*world
	loud, quiet *hostclient.Client
	managed     []string // the loud one's managed tenants
	client      string   // one of its clients
}

func startNeighbours(t testing.TB, twice ...string) *neighbours {
	t.Helper()
	w := start(t, stack.Options{Twice: twice})
	n := &neighbours{world: w, loud: w.mapped(t, "loud"), quiet: w.mapped(t, "quiet")}
	found, err := n.loud.ManagedTenants(t.Context())
	require.NoError(t, err)
	for _, m := range found {
		n.managed = append(n.managed, m.ManagedTenantID)
	}
	clients, err := n.loud.Clients(t.Context())
	require.NoError(t, err)
	n.client = clients[0].ID
	return n
}

// writingRoute is one route that changes something, with a body for call number i.
type writingRoute struct {
	method, path string
	body         func(i int) any
}

const integration = "/api/integrations/entra"

// writingRoutes are the routes of a tenant that write, in an order in which the
// earlier ones leave the later ones something to do.
func (n *neighbours) writingRoutes() []writingRoute {
	one := func(i int) string { return n.managed[i%len(n.managed)] }
	managed := func(i int) any { return map[string]any{"managedTenantId": one(i)} }
	nothing := func(int) any { return map[string]any{} }
	return []writingRoute{
		{http.MethodPut, "/api/clients:batch", func(i int) any { return map[string]any{"clients": n.clients(i)} }},
		{http.MethodPut, "/api/contacts:batch", func(i int) any { return map[string]any{"contacts": n.contacts(i)} }},
		{http.MethodPost, integration + "/mappings/confirm", func(i int) any {
			return map[string]any{"decisions": []any{map[string]any{"managedTenantId": one(i), "decision": "map", "clientId": n.client}}}
		}},
		{http.MethodPost, integration + "/mappings/remap", func(i int) any {
			return map[string]any{"managedTenantId": one(i), "targetClientId": n.client}
		}},
		{http.MethodPost, integration + "/mappings/skip", managed},
		{http.MethodPost, integration + "/mappings/unmap", managed},
		{http.MethodPost, integration + "/mappings/" + n.managed[0] + "/orphans", func(int) any { return map[string]any{"decision": "leave"} }},
		{http.MethodPost, integration + "/mappings/import", func(i int) any { return map[string]any{"csv": n.csv(i), "dryRun": false} }},
		{http.MethodPost, integration + "/sync", func(int) any { return map[string]any{"scope": "all-tenants"} }},
		{http.MethodPost, integration + "/discovery", nothing},
		{http.MethodPost, integration + "/managed-tenants/" + n.managed[0] + "/consent", nothing},
		{http.MethodPost, integration + "/validate-direct", nothing},
		{http.MethodPost, integration + "/connect", func(int) any { return map[string]any{"connectionType": "direct"} }},
		{http.MethodPost, integration + "/connect/complete", func(int) any { return map[string]any{"completionCode": "made-up"} }},
		{http.MethodPut, integration + "/credentials", func(i int) any {
			return map[string]any{"clientId": "5e11aa00-0000-4000-8000-000000000002", "clientSecret": fmt.Sprintf("flood %d", i)}
		}},
		{http.MethodDelete, integration + "/credentials", func(int) any { return nil }},
		{http.MethodPost, integration + "/disconnect", nothing},
	}
}

// csv decides about every managed tenant, now so and now otherwise.
func (n *neighbours) csv(i int) string {
	lines := []string{"managed_tenant_id,decision"}
	for _, id := range n.managed {
		lines = append(lines, id+","+[]string{"skip", "review"}[i%2])
	}
	return strings.Join(lines, "\r\n")
}

// clients are a batch that changes the names of the same clients again and again.
func (n *neighbours) clients(i int) []any {
	list := make([]any, 200)
	for k := range list {
		list[k] = map[string]any{"externalId": fmt.Sprintf("flood-%d", k), "name": fmt.Sprintf("Flood %d %d", k, i), "domain": fmt.Sprintf("flood%d.example", k)}
	}
	return list
}

// contacts are a batch of contacts of one client, so that all wait for one lock.
func (n *neighbours) contacts(i int) []any {
	list := make([]any, 500)
	for k := range list {
		list[k] = map[string]any{
			"externalId": fmt.Sprintf("flood-%d", k), "clientId": n.client, "fullName": fmt.Sprintf("Person %d %d", k, i),
			"email": fmt.Sprintf("flood%d@flood.example", k),
		}
	}
	return list
}

// flood calls a route in parallel until ctx ends and counts the statuses.
func (n *neighbours) flood(ctx context.Context, route writingRoute) map[int]int {
	var mu stdsync.Mutex
	statuses := map[int]int{}
	var calls stdsync.WaitGroup
	for caller := range floodCalls {
		calls.Go(func() {
			for i := caller; ctx.Err() == nil; i += floodCalls {
				res, err := n.loud.Send(ctx, route.method, route.path, route.body(i))
				if err != nil {
					return // the flood is over
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				mu.Lock()
				statuses[res.StatusCode]++
				mu.Unlock()
			}
		})
	}
	calls.Wait()
	return statuses
}

// reads are what a person looks at.
var reads = []string{
	"/api/clients", "/api/contacts", integration, integration + "/managed-tenants", integration + "/mappings",
	integration + "/mappings/preview", integration + "/sync/runs", integration + "/reconciliation-queue",
}

// read reads in turn until ctx ends and gives how long each read took.
func (n *neighbours) read(ctx context.Context, t testing.TB) (took []time.Duration) {
	t.Helper()
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		path := reads[i%len(reads)]
		start := time.Now()
		err := n.quiet.Do(context.WithoutCancel(ctx), http.MethodGet, path, nil, nil)
		took = append(took, time.Since(start))
		if err != nil {
			t.Errorf("a neighbour's read: %v", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return took
}

// ready asks every replica again and again whether it is ready.
func (n *neighbours) ready(ctx context.Context, t testing.TB) (asked int) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		for _, address := range n.stack.Readiness() {
			req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, address, nil)
			require.NoError(t, err)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Errorf("asking %s: %v", address, err)
				continue
			}
			said, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s answers %d: %s", address, res.StatusCode, said)
			}
			asked++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return asked
}

// beside floods every writing route in turn, for a time each, while the neighbour
// reads, and gives how long the reads took.
func (n *neighbours) beside(t testing.TB, each time.Duration) (all []time.Duration) {
	t.Helper()
	for _, route := range n.writingRoutes() {
		ctx, cancel := context.WithTimeout(t.Context(), each)
		var took []time.Duration
		var asked int
		var neighbour stdsync.WaitGroup
		neighbour.Go(func() { took = n.read(ctx, t) })
		neighbour.Go(func() { asked = n.ready(ctx, t) })
		statuses := n.flood(ctx, route)
		neighbour.Wait()
		cancel()
		require.NotEmpty(t, took)
		require.Positive(t, asked)
		t.Logf("%-6s %-50s %v; %d reads, p99 %v, longest %v", route.method, route.path, statuses, len(took),
			percentile(took, 99).Round(time.Millisecond), slices.Max(took).Round(time.Millisecond))
		for status := range statuses {
			require.NotEqual(t, http.StatusInternalServerError, status, route.path)
			require.NotEqual(t, http.StatusUnauthorized, status, route.path)
		}
		all = append(all, took...)
	}
	return all
}

func percentile(took []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[(len(sorted)-1)*p/100]
}

// slowest is far above what a read takes on a busy machine and far below what it
// takes behind another tenant's writers; BenchmarkReadsBesideAFlood is strict.
const slowest = 3 * time.Second

// TestAFloodOfOneTenantHoldsUpNobody floods each writing route with calls of one
// tenant: another's reads are answered and every replica stays ready.
func TestAFloodOfOneTenantHoldsUpNobody(t *testing.T) {
	n := startNeighbours(t, "mapping", "sync-engine")
	took := n.beside(t, shortFlood)
	require.Less(t, percentile(took, 99), slowest)
}

// BenchmarkReadsBesideAFlood holds the reads of a tenant under 100 ms at the 99th
// percentile while another one floods each writing route, with one replica of each
// service and with two of those that it writes through.
func BenchmarkReadsBesideAFlood(b *testing.B) {
	for name, twice := range map[string][]string{"one": nil, "two": {"mapping", "sync-engine"}} {
		b.Run(name+"-replica", func(b *testing.B) {
			n := startNeighbours(b, twice...)
			for b.Loop() {
				took := n.beside(b, longFlood)
				p99 := percentile(took, 99)
				b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(percentile(took, 50).Microseconds())/1000, "p50-ms")
				require.Less(b, p99, 100*time.Millisecond)
			}
		})
	}
}
