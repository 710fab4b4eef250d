package postgres_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// streamOf feeds n users page by page without holding them.
func streamOf(n int) func(page func([]syncengine.User) error) error {
	return func(page func([]syncengine.User) error) error {
		users := make([]syncengine.User, 0, 999)
		for i := range n {
			id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)
			upn := fmt.Sprintf("user%d@corp.example", i)
			users = append(users, syncengine.User{
				ObjectID: id, UserPrincipalName: upn, Mail: fmt.Sprintf("first.last%d@corp.example", i), DisplayName: fmt.Sprintf("First Last %d", i),
				AccountEnabled: ptr(i%20 != 0), JobTitle: "Engineer", MobilePhone: "+49 170 1234567",
				ProxyAddresses: []string{fmt.Sprintf("SMTP:first.last%d@corp.example", i), fmt.Sprintf("smtp:fl%d@corp.example", i)},
			})
			if len(users) == cap(users) {
				if err := page(users); err != nil {
					return err
				}
				users = users[:0]
			}
		}
		return page(users)
	}
}

// BenchmarkRound prints how many users a second a first round creates and a
// second one finds unchanged.
func BenchmarkRound(b *testing.B) {
	const users = 100_000
	for b.Loop() {
		e := setup(b)
		e.dir.stream = streamOf(users)
		for _, name := range []string{"created", "unchanged"} {
			began := time.Now()
			got := e.timed(b, func() {})
			elapsed := time.Since(began)
			b.ReportMetric(float64(users)/elapsed.Seconds(), name+"/s")
			require.Equal(b, users, got.Counters.Total())
		}
	}
}

// timed does a round, prints how long its phases took, and calls look now and then.
func (e *engine) timed(b *testing.B, look func()) syncengine.ManagedTenant {
	b.Helper()
	e.now = e.now.Add(time.Hour)
	run := e.started(syncengine.TypeAllTenants, false)
	phase, since := "", time.Now()
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		look()
		if p.Phase != phase {
			if phase != "" {
				b.Logf("%s %v", phase, time.Since(since).Round(time.Millisecond))
			}
			phase, since = p.Phase, time.Now()
		}
		return nil
	})
	require.NoError(b, err)
	b.Logf("%s %v", phase, time.Since(since).Round(time.Millisecond))
	return e.finished(run.ID)
}

// BenchmarkSmallRounds prints how many directories of thirty people a second are synced
// for the first time, listed whole again, and asked for changes of which there are none,
// as many at once as the pool of tests lets, and what each takes of the processors in
// this process and the sessions of its database that are not at their end by then.
func BenchmarkSmallRounds(b *testing.B) {
	const directories, atOnce = 1000, 4
	for b.Loop() {
		e := setup(b)
		dir := &listed{everybody: streamOf(30)}
		e.sync = syncengine.NewSyncTenant(e.store, dir, e.mapping, e.queue, e.clock)
		e.mapping.tenants = manyMapped(directories)
		for _, name := range []string{"created", "unchanged", "delta"} {
			dir.expired = name == "unchanged"
			run := e.started(syncengine.TypeAllTenants, false)
			began, cpu := time.Now(), e.processors()
			var rounds sync.WaitGroup
			failures := make([]error, atOnce)
			for first := range atOnce {
				rounds.Go(func() {
					for i := first; i < directories && failures[first] == nil; i += atOnce {
						_, failures[first] = e.sync.Do(e.ctx(), run.ID, fmt.Sprintf("m%d", i), func(syncengine.Progress) error { return nil })
					}
				})
			}
			rounds.Wait()
			require.NoError(b, errors.Join(failures...))
			b.ReportMetric(directories/time.Since(began).Seconds(), name+"-directories/s")
			b.ReportMetric((e.processors()-cpu).Seconds()*1000/directories, name+"-cpu-ms")
			_, err := e.finalise.Do(e.ctx(), run.ID, "", nil, nil)
			require.NoError(b, err)
		}
	}
}

func BenchmarkBatch(b *testing.B) {
	e := setup(b)
	n := 0
	for b.Loop() {
		records := make([]syncengine.ContactRecord, 5000)
		for i := range records {
			n++
			records[i] = syncengine.ContactRecord{
				ExternalID: ptr(fmt.Sprintf("ext-%d", n)), ClientID: ptr(client), FullName: fmt.Sprintf("Contact %d", n), Email: ptr(fmt.Sprintf("c%d@corp.example", n)),
			}
		}
		results := e.host(records...)
		require.Equal(b, syncengine.OutcomeCreated, results[4999].Outcome)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "contacts/s")
}

// TestMemoryStaysConstant has a round list many users and looks at what stays in memory:
// at the end of the listing, and after it, no more than at its beginning.
func TestMemoryStaysConstant(t *testing.T) {
	e := setup(t)
	const users, retained = 100_000, 6 << 20 // some sixty bytes of a user; a batch under way takes up to four million
	var peak, after uint64
	early, late := uint64(math.MaxUint64), uint64(math.MaxUint64) // the least, where no batch is held
	listed := 0
	look := func() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
		switch {
		case listed < users/5:
			early = min(early, m.HeapAlloc)
		case listed == users:
			after = max(after, m.HeapAlloc)
		case listed > users/5*4:
			late = min(late, m.HeapAlloc)
		}
	}
	source := streamOf(users)
	e.dir.stream = func(page func([]syncengine.User) error) error {
		return source(func(users []syncengine.User) error {
			look()
			listed += len(users)
			return page(users)
		})
	}
	run := e.started(syncengine.TypeAllTenants, true) // what a dry run leaves out, the ranges, holds nothing
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Phase != syncengine.PhaseStaging {
			look()
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, users, e.finished(run.ID).Counters.Total())
	t.Logf("early %d, late %d, after %d, peak %d", early, late, after, peak)
	require.Less(t, late, early+retained)
	require.Less(t, after, early+retained)
	require.Less(t, peak, uint64(32<<20))
}
