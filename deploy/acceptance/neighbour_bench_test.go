package acceptance

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// mostBesideALargeRun is how much longer a small MSP's run may take beside a large one.
const mostBesideALargeRun = 1.5

// BenchmarkSmallRunBesideALarge compares what a run of 5 managed tenants takes alone with what it
// takes while another MSP's run over 2,000 is under way.
func BenchmarkSmallRunBesideALarge(b *testing.B) {
	const tenants, repeats = 5, 9
	w := start(b, stack.Options{Fleet: string(fleet.Wide)})
	large, small := w.mapped(b, "large"), w.discovered(b, "small")
	preview, err := small.Preview(b.Context())
	require.NoError(b, err)
	var decisions []hostclient.Decision
	for _, row := range preview.AutoMatched[:tenants] {
		decisions = append(decisions, hostclient.Decision{ManagedTenantID: row.ManagedTenantID, Decision: "map", ClientID: row.Match.ClientID})
	}
	_, err = small.Confirm(b.Context(), decisions)
	require.NoError(b, err)
	for _, c := range []*hostclient.Client{large, small} {
		sync(b, c, "initial")
		sync(b, c, "all-tenants") // what the first listing left to do
	}
	median := func(beside func()) time.Duration {
		var all []time.Duration
		for range repeats {
			if beside != nil {
				beside()
			}
			began := time.Now()
			got := sync(b, small, "all-tenants").Run
			require.Equal(b, tenants, got.TotalTenants)
			all = append(all, got.CompletedAt.Sub(began)) // not when it was seen: it is asked for ever more rarely
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	for b.Loop() {
		for began := time.Now(); time.Since(began) < 6*time.Second; { // until the large one's rounds count no longer
			sync(b, small, "all-tenants")
		}
		alone := median(nil)
		runs, joined := 0, ""
		beside := median(func() {
			// A run that is under way is joined; where the last one has ended another begins.
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			defer cancel()
			started, err := large.StartSync(ctx, "all-tenants")
			require.NoError(b, err)
			if started.RunID != joined {
				runs, joined = runs+1, started.RunID
			}
			_, err = large.WaitRunUntil(ctx, joined, func(run hostclient.Run) bool { return run.State != "queued" })
			require.NoError(b, err)
		})
		b.ReportMetric(float64(alone.Milliseconds()), "alone-ms")
		b.ReportMetric(float64(beside.Milliseconds()), "beside-ms")
		b.ReportMetric(float64(beside)/float64(alone), "ratio")
		b.ReportMetric(float64(runs), "large-runs")
		require.Less(b, float64(beside)/float64(alone), mostBesideALargeRun, "alone %v, beside %v", alone, beside)
		_, err := large.WaitRun(b.Context(), joined, nil)
		require.NoError(b, err)
	}
}
