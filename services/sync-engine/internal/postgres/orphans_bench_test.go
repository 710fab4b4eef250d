package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// BenchmarkOrphans prints how many links a second follow a directory that goes to
// another client, how many a person's decision marks or ends, and how many
// identities the sync after it relinks or takes as new.
func BenchmarkOrphans(b *testing.B) {
	const users = 100_000
	for _, decision := range []string{syncengine.DecisionRelink, syncengine.DecisionLeave} {
		b.Run(decision, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				e := setup(b)
				e.dir.stream = streamOf(users)
				links := e.round().Counters.Created
				e.remap(other)
				b.StartTimer()

				began := time.Now()
				require.Equal(b, links, e.followed().Orphaned)
				b.ReportMetric(float64(links)/time.Since(began).Seconds(), "followed/s")
				began = time.Now()
				result, err := e.decide(decision)
				require.NoError(b, err)
				b.ReportMetric(float64(links)/time.Since(began).Seconds(), "decided/s")
				require.Equal(b, links, result.Relinking+result.Left)
				began = time.Now()
				require.Equal(b, links, e.round().Counters.Created)
				b.ReportMetric(float64(links)/time.Since(began).Seconds(), "synced/s")
			}
		})
	}
}
