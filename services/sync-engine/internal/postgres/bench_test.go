package postgres_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
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
		e.mapping.tenants = make([]syncengine.MappedTenant, directories)
		for i := range e.mapping.tenants {
			e.mapping.tenants[i] = syncengine.MappedTenant{
				ManagedTenantID: fmt.Sprintf("m%d", i), EntraTenantID: fmt.Sprintf("d%d", i), ClientID: uuid.NewString(), Revision: 1,
			}
		}
		for _, name := range []string{"created", "unchanged", "delta"} {
			dir.expired = name == "unchanged"
			run := e.started(syncengine.TypeAllTenants, false)
			began, cpu := time.Now(), e.processors()
			var lanes sync.WaitGroup
			failures := make([]error, atOnce)
			for lane := range atOnce {
				lanes.Go(func() {
					for i := lane; i < directories && failures[lane] == nil; i += atOnce {
						_, failures[lane] = e.sync.Do(e.ctx(), run.ID, fmt.Sprintf("m%d", i), func(syncengine.Progress) error { return nil })
					}
				})
			}
			lanes.Wait()
			require.NoError(b, errors.Join(failures...))
			b.ReportMetric(directories/time.Since(began).Seconds(), name+"-directories/s")
			b.ReportMetric((e.processors()-cpu).Seconds()*1000/directories, name+"-cpu-ms")
			_, err := e.results.Finalise(e.ctx(), run.ID, "", nil, nil)
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

// TestMemoryStaysConstant streams many users and watches what stays in memory.
func TestMemoryStaysConstant(t *testing.T) {
	e := setup(t)
	const users = 200_000
	var peak uint64
	source := streamOf(users)
	pages := 0
	e.dir.stream = func(page func([]syncengine.User) error) error {
		return source(func(users []syncengine.User) error {
			if pages++; pages%50 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
			return page(users)
		})
	}
	got := e.do(syncengine.TypeAllTenants, true) // what a dry run leaves out, the ranges, holds nothing
	require.Equal(t, users, got.Counters.Total())
	require.Less(t, peak, uint64(32<<20))
}
