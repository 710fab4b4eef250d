package acceptance

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/pkg/costtest"
)

// BenchmarkInitialSync reports what the first sync of a directory of 100,000 people takes of time and
// of the processors, from the simulated Microsoft through connection, worker and engine into contacts of
// which there are none yet, beside floor: COPY of the same rows of contacts, links and change feed. Each
// pass is another MSP's; the figures are medians. The simulator stands in for Microsoft, so its share of
// the processors is reported and not counted.
func BenchmarkInitialSync(b *testing.B) {
	const passes = 5
	w := start(b, stack.Options{Fleet: string(fleet.OneLarge)})
	db := w.connect(b.Context(), b, "entrasync")
	defer func() { _ = db.Close(b.Context()) }()
	_, err := db.Exec(b.Context(), "SET search_path = syncengine")
	require.NoError(b, err)
	for b.Loop() {
		var took, cpu, simulator, floor []time.Duration
		for pass := range passes {
			msp := fmt.Sprintf("initial-%d-%d", b.N, pass)
			c := w.withoutContacts(b, msp)
			before := w.spent(b)
			run := sync(b, c, "initial").Run
			after := w.spent(b)
			require.NotEqual(b, "failed", run.State)
			took = append(took, run.CompletedAt.Sub(*run.StartedAt))
			simulator = append(simulator, after["simulator"]-before["simulator"])
			var all time.Duration
			for name, spent := range after {
				if name != "simulator" {
					all += spent - before[name]
				}
			}
			cpu = append(cpu, all)
			floor = append(floor, costtest.CopyTime(b, db, msp, "contacts", "entra_contact_links", "contact_changes"))
		}
		median := func(name string, all []time.Duration) time.Duration {
			slices.Sort(all)
			b.ReportMetric(float64(all[passes/2].Milliseconds()), name)
			return all[passes/2]
		}
		median("cpu-ms", cpu)
		median("simulator-cpu-ms", simulator)
		b.ReportMetric(median("floor-ms", floor).Seconds()/median("ms", took).Seconds(), "ratio")
	}
}

// withoutContacts is a new MSP whose directories are mapped and that has no contacts.
func (w *world) withoutContacts(t testing.TB, tenant string) *hostclient.Client {
	t.Helper()
	c := w.msp(t, tenant)
	_, err := hostclient.Upsert(t.Context(), c, "/api/clients:batch", "clients", slices.Collect(w.fleet.MSP().Clients()))
	require.NoError(t, err)
	require.NoError(t, c.Connect(t.Context()))
	_, err = c.Discover(t.Context())
	require.NoError(t, err)
	_, err = c.ConfirmExact(t.Context())
	require.NoError(t, err)
	return c
}
