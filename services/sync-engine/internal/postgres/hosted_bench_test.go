package postgres_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// hosted loads contacts for three of ten users of streamOf(users), as a host would:
// in batches.
func (e *engine) hosted(users int) (contacts int) {
	e.t.Helper()
	records := make([]syncengine.ContactRecord, 0, syncengine.RangeSize)
	for i := range users {
		if i%10 >= 3 {
			continue
		}
		contacts++
		records = append(records, syncengine.ContactRecord{
			ExternalID: ptr(strconv.Itoa(i)), ClientID: ptr(client), FullName: fmt.Sprintf("First Last %d", i), Email: ptr(fmt.Sprintf("first.last%d@corp.example", i)),
		})
		if len(records) == cap(records) {
			e.host(records...)
			records = records[:0]
		}
	}
	if len(records) > 0 {
		e.host(records...)
	}
	return contacts
}

// BenchmarkHostedRound prints how many microseconds each user takes where the host
// has three in ten already, in a first round and in one that changes nothing: a
// user of a larger directory must not take longer. The time of the processors, of
// the round's session and of this process, does not depend on what else runs.
func BenchmarkHostedRound(b *testing.B) {
	for _, users := range []int{10_000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(users), func(b *testing.B) {
			for b.Loop() {
				e := setup(b)
				e.dir.stream = streamOf(users)
				contacts := e.hosted(users)
				for _, name := range []string{"linked", "unchanged"} {
					began, busy := time.Now(), &processors{e: e}
					got := e.timed(b, busy.look)
					b.ReportMetric(float64(time.Since(began).Microseconds())/float64(users), name+"-µs/user")
					b.ReportMetric(float64(busy.used().Microseconds())/float64(users), name+"-cpu-µs/user")
					b.Logf("%s: %v of the processors", name, busy.used())
					require.Equal(b, users, got.Counters.Total())
					if name == "linked" {
						require.InDelta(b, contacts, got.Counters.Linked, float64(users)/20, "disabled ones are filtered")
					}
				}
			}
		})
	}
}

// processors adds up what the session that has the round's locks, and this process,
// took of the processors from the first look to the last.
type processors struct {
	e           *engine
	first, last time.Duration
}

// clockTick is the unit of /proc/<pid>/stat.
const clockTick = 10 * time.Millisecond

func (p *processors) look() {
	p.e.t.Helper()
	pid := p.e.count(`SELECT pid FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1`)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(p.e.t, err)
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	user, err := strconv.Atoi(string(fields[11]))
	require.NoError(p.e.t, err)
	system, err := strconv.Atoi(string(fields[12]))
	require.NoError(p.e.t, err)
	var own syscall.Rusage
	require.NoError(p.e.t, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	p.last = time.Duration(user+system)*clockTick + time.Duration(own.Utime.Nano()+own.Stime.Nano())
	if p.first == 0 {
		p.first = p.last
	}
}

func (p *processors) used() time.Duration { return p.last - p.first }
