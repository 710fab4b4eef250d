package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/costtest"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// listed is a directory that lists a stream of users or, by its delta link, those that
// changed.
type listed struct {
	fakeDirectory
	everybody func(page func([]syncengine.User) error) error
	changed   []syncengine.User
	expired   bool // it lists everybody although changes are asked for
}

func (d *listed) ListUsers(_ context.Context, req syncengine.ListUsers, to syncengine.Receiver) (syncengine.Listing, error) {
	listing := syncengine.Listing{DeltaLink: "delta", Full: req.DeltaLink == "" || d.expired}
	if !listing.Full {
		for page := range slices.Chunk(d.changed, 999) {
			if err := to.Page(slices.Clone(page), nil); err != nil {
				return syncengine.Listing{}, err
			}
		}
		return listing, nil
	}
	if req.DeltaLink != "" {
		if err := to.Restarted(true); err != nil {
			return syncengine.Listing{}, err
		}
	}
	return listing, d.everybody(func(users []syncengine.User) error { return to.Page(users, nil) })
}

// measured is one pass over a directory.
type measured struct {
	floor, initial, unchanged, nothing, changed time.Duration
	nothingCPU                                  time.Duration
}

// BenchmarkDirectory prints what rounds of a directory of 100,000 people take: floor is
// the same final rows of contacts, links and change feed written by COPY into identical
// tables; initial, unchanged_full, delta_nothing and delta_1pct are rounds. The figures
// are medians of alternated passes.
func BenchmarkDirectory(b *testing.B) {
	const users, passes, quiet = 100_000, 5, 20
	var all []measured
	for range passes {
		all = append(all, measure(b, users, quiet))
	}
	median := func(of func(m measured) time.Duration) time.Duration {
		values := make([]time.Duration, 0, passes)
		for _, m := range all {
			values = append(values, of(m))
		}
		slices.Sort(values)
		return values[passes/2]
	}
	floor := median(func(m measured) time.Duration { return m.floor })
	line := func(name string, took time.Duration, metrics map[string]float64) {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Seconds()*1000, "ms")
			for unit, value := range metrics {
				b.ReportMetric(value, unit)
			}
		})
	}
	line("floor", floor, map[string]float64{"users/s": users / floor.Seconds()})
	initial := median(func(m measured) time.Duration { return m.initial })
	line("initial", initial, map[string]float64{"users/s": users / initial.Seconds(), "ratio": floor.Seconds() / initial.Seconds()})
	unchanged := median(func(m measured) time.Duration { return m.unchanged })
	line("unchanged_full", unchanged, map[string]float64{"of-floor": unchanged.Seconds() / floor.Seconds()})
	nothing := median(func(m measured) time.Duration { return m.nothing })
	line("delta_nothing", nothing, map[string]float64{"cpu-ms": median(func(m measured) time.Duration { return m.nothingCPU }).Seconds() * 1000})
	changed := median(func(m measured) time.Duration { return m.changed })
	line("delta_1pct", changed, map[string]float64{"of-floor": changed.Seconds() / floor.Seconds()})
}

func measure(b *testing.B, users, quiet int) (m measured) {
	b.Helper()
	e := setup(b)
	e.setting("field_display_name", true)
	dir := &listed{everybody: streamOf(users)}
	e.sync = syncengine.NewSyncTenant(e.store, dir, e.mapping, e.queue, e.clock)
	timed := func(name string) time.Duration {
		began := time.Now()
		b.Log(name)
		got := e.timed(b, func() {})
		require.Equal(b, users, got.Counters.Total())
		return time.Since(began)
	}
	m.initial = timed("initial")
	m.floor = e.floor()
	dir.expired = true
	before := e.rows(`SELECT max(xmin::text::bigint), count(*) FROM contacts UNION ALL SELECT max(xmin::text::bigint), count(*) FROM entra_contact_links`)
	m.unchanged = timed("unchanged_full")
	require.Equal(b, before, e.rows(`SELECT max(xmin::text::bigint), count(*) FROM contacts UNION ALL SELECT max(xmin::text::bigint), count(*) FROM entra_contact_links`))
	dir.expired = false
	for range quiet {
		run := e.started(syncengine.TypeAllTenants, false)
		began, cpu := time.Now(), e.processors()
		_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
		require.NoError(b, err)
		m.nothing += time.Since(began) / time.Duration(quiet)
		m.nothingCPU += (e.processors() - cpu) / time.Duration(quiet)
		require.Equal(b, users, e.finished(run.ID).Counters.Total())
	}
	require.NoError(b, streamOf(users/100*2)(func(page []syncengine.User) error {
		for i := range page {
			if i%2 == 0 && page[i].AccountEnabled != nil && *page[i].AccountEnabled {
				page[i].DisplayName += " Jr"
				dir.changed = append(dir.changed, page[i])
			}
		}
		return nil
	}))
	m.changed = timed("delta_1pct")
	return m
}

// floor copies what a round wrote into tables like those that it wrote to.
func (e *engine) floor() time.Duration {
	e.t.Helper()
	conn, err := e.admin.Acquire(e.t.Context())
	require.NoError(e.t, err)
	defer conn.Release()
	return costtest.CopyTime(e.t, conn.Conn(), msp, "contacts", "entra_contact_links", "contact_changes")
}

// processors is what this process and the sessions of its database took of them so far.
func (e *engine) processors() time.Duration {
	e.t.Helper()
	var own syscall.Rusage
	require.NoError(e.t, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	total := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	for _, pid := range e.rows(`SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()`) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", pid))
		require.NoError(e.t, err)
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		for _, field := range fields[11:13] {
			ticks, err := strconv.Atoi(string(field))
			require.NoError(e.t, err)
			total += time.Duration(ticks) * clockTick
		}
	}
	return total
}
