package postgres_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// BenchmarkScale prints how many microseconds each user of a directory takes in a first
// round and in one that changes nothing, and the most memory that this process had: a
// user of a larger directory must not take longer, nor the directory more memory. The
// time of the processors, of the round's session and of this process, does not depend on
// what else runs.
func BenchmarkScale(b *testing.B) {
	for _, users := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(users), func(b *testing.B) {
			for b.Loop() {
				e := setup(b)
				e.dir.stream = streamOf(users)
				forgetPeak(b)
				for _, name := range []string{"created", "unchanged"} {
					began, busy := time.Now(), &processors{e: e}
					got := e.timed(b, busy.look)
					b.ReportMetric(float64(time.Since(began).Microseconds())/float64(users), name+"-µs/user")
					b.ReportMetric(float64(busy.used().Microseconds())/float64(users), name+"-cpu-µs/user")
					require.Equal(b, users, got.Counters.Total())
				}
				b.ReportMetric(float64(peak(b))/(1<<20), "peak-MiB")
			}
		})
	}
}

// BenchmarkMatch prints how many microseconds it takes to decide about each of 10,000
// users by the addresses of a client's contacts, few or many: every other user has one.
func BenchmarkMatch(b *testing.B) {
	const users = 10_000
	for _, contacts := range []int{10_000, 1_000_000} {
		b.Run(strconv.Itoa(contacts), func(b *testing.B) {
			for b.Loop() {
				e := setup(b)
				e.dir.stream = streamOf(users)
				e.exec(`INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, made_by, created_at, updated_at)
					SELECT $1::text, gen_random_uuid(), $2::uuid, 'N', 'n', 'first.last' || 2 * n || '@corp.example', 'first.last' || 2 * n || '@corp.example', 'host', now(), now()
					FROM generate_series(0, $3::int - 1) n`, msp, client, contacts)
				e.exec(`INSERT INTO client_heads (tenant_id, client_id, revision) VALUES ($1, $2, 1)`, msp, client)
				e.exec(`ANALYZE contacts`)
				took := e.deciding(b)
				b.ReportMetric(float64(took.Microseconds())/users, "decide-µs/user")
				require.Equal(b, users/2, e.count(`SELECT count(*) FROM contacts WHERE made_by = 'host' AND entra_object_id IS NOT NULL`)+
					e.count(`SELECT count(*) FROM kept_identities`), "every other one is linked; of those, the disabled ones are kept")
			}
		})
	}
}

// deciding does a round and tells how long its session was busy while it decided.
func (e *engine) deciding(b *testing.B) (took time.Duration) {
	b.Helper()
	run := e.started(syncengine.TypeAllTenants, false)
	busy, phase := &processors{e: e}, ""
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if phase == syncengine.PhaseDeciding || p.Phase == syncengine.PhaseDeciding {
			busy.look()
		}
		phase = p.Phase
		return nil
	})
	require.NoError(b, err)
	e.finished(run.ID)
	return busy.used()
}

// forgetPeak has peak begin from what this process has now.
func forgetPeak(b *testing.B) {
	b.Helper()
	debug.FreeOSMemory()
	require.NoError(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

// peak is the most memory that this process has had.
func peak(b *testing.B) (bytesOfIt int64) {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	_, line, found := bytes.Cut(status, []byte("VmHWM:"))
	require.True(b, found)
	var kib int64
	_, err = fmt.Sscanf(string(line), "%d kB", &kib)
	require.NoError(b, err)
	return kib << 10
}
