package graph

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// readByID reads so many thousands of users of a directory.
func readByID(t *testing.T, c *Client, directory string, thousands int) {
	ids := manyIDs(1000)
	for range thousands {
		users, missing, err := c.UsersByID(t.Context(), microsofttest.Tokens{App: "app", Directory: directory}, connection.ByIDRequest{ManagedTenant: directory, IDs: ids})
		if err != nil || len(users) != 1000 || len(missing) > 0 {
			t.Errorf("%s: %d users, %d missing, %v", directory, len(users), len(missing), err)
			return
		}
	}
}

// readMembers reads a group whose members come in so many pages.
func readMembers(t *testing.T, c *Client, directory string) {
	found := 0
	err := c.GroupMembers(t.Context(), microsofttest.Tokens{App: "app", Directory: directory}, connection.GroupRequest{GroupID: "group"}, func(ids []string) error {
		found += len(ids)
		return nil
	})
	if err != nil || found != 1 {
		t.Errorf("%s: %d members, %v", directory, found, err)
	}
}

// TestEightTenantsInParallelStayBelowTheLimits: first so many cheap requests that
// the app's number of requests binds, then such dear ones that each directory's
// units do.
func TestEightTenantsInParallelStayBelowTheLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages = 1750 // 7,000 units
		graph := newLedger(pace.UnitsOfSmall)
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-time.After(time.Millisecond) // so that no directory gets ahead, whichever goroutine runs first
			if r.Method == http.MethodPost {
				graph.serveUsersByID(w, r)
				return
			}
			graph.serveMembers(w, r, pages)
		}))
		began := time.Now()
		var runs sync.WaitGroup
		for n := range 8 {
			runs.Go(func() {
				directory := "tenant-" + strconv.Itoa(n)
				readByID(t, c, directory, 2)
				readMembers(t, c, directory)
			})
		}
		runs.Wait()
		require.Zero(t, graph.refused)
		require.Zero(t, graph.early)
		require.Equal(t, 16_000+8*pages, graph.served)
		require.Equal(t, pace.RequestsOfApp, graph.peaks.requests, "what the app may ask in a second is asked")
		require.Len(t, graph.peaks.directory, 8)
		for directory, peak := range graph.peaks.directory {
			require.Greater(t, peak, pace.UnitsOfSmall-5, "what a directory gives in ten seconds is taken from "+directory)
		}
		// 9,000 units of each directory are two windows, and the begin of a third.
		require.Less(t, time.Since(began), 30*time.Second, "the limits themselves are used")
	})
}

// TestManyDirectoriesStayBelowTheLimitOfTheApp: no eight directories are large
// enough to give what the app may spend over all.
func TestManyDirectoriesStayBelowTheLimitOfTheApp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const directories, pages = 24, 1700 // 163,200 units
		graph := newLedger(pace.UnitsOfSmall)
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-time.After(time.Millisecond) // so that no directory gets ahead, whichever goroutine runs first
			graph.serveMembers(w, r, pages)
		}))
		began := time.Now()
		var runs sync.WaitGroup
		for n := range directories {
			runs.Go(func() { readMembers(t, c, "tenant-"+strconv.Itoa(n)) })
		}
		runs.Wait()
		require.Zero(t, graph.refused)
		require.Zero(t, graph.early)
		require.Equal(t, directories*pages, graph.served)
		require.Equal(t, pace.UnitsOfApp, graph.peaks.app, "what the app may spend is spent")
		// One span of the app (20 s and its margin of 1 s), then 3,300 requests in two
		// windows of 2,000 requests, the second 1.05 s after the first.
		require.Less(t, time.Since(began), 23*time.Second, "the limits themselves are used")
	})
}

func TestADirectoryOfUnknownSizeGetsTheSmallestBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		graph := newLedger(pace.UnitsOfSmall)
		c := clientOf(t, http.HandlerFunc(graph.serveUsersByID))
		began := time.Now()
		readByID(t, c, "tenant", 3)
		require.Less(t, time.Since(began), 2*time.Second, "what is below the limit costs no time but that of 2,000 requests a second")
		readByID(t, c, "tenant", 6) // 9,000 in all: three times the budget, once begun
		require.Less(t, time.Since(began), 2*11*time.Second+time.Second)
		require.Zero(t, graph.refused+graph.early)
	})
}

func TestALargeDirectoryGetsALargeBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		graph := newLedger(pace.UnitsOfLarge)
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte("501"))
				return
			}
			graph.serveUsersByID(w, r)
		}))
		n, err := c.CountUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.TenantRequest{ManagedTenant: "tenant"})
		require.NoError(t, err)
		require.EqualValues(t, 501, n)
		began := time.Now()
		readByID(t, c, "tenant", 7)
		require.Less(t, time.Since(began), 4*time.Second)
		require.Zero(t, graph.refused+graph.early)
	})
}

func TestRunsShareABudgetFairly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		graph := newLedger(pace.UnitsOfSmall)
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-time.After(time.Millisecond) // so that no run gets ahead where the machine is busy
			graph.serveUsersByID(w, r)
		}))
		var progress [2]atomic.Int32
		var runs sync.WaitGroup
		for n := range 2 {
			runs.Go(func() {
				for range 6 {
					readByID(t, c, "tenant", 1)
					progress[n].Add(1)
					if other := progress[1-n].Load(); other < progress[n].Load()-2 {
						t.Errorf("one run is at %d, the other at %d", progress[n].Load(), other)
					}
				}
			})
		}
		runs.Wait()
		require.Zero(t, graph.refused+graph.early)
	})
}

func TestWhatWasCountedIsCorrectedByAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked int
		header := http.Header{}
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			for name := range header {
				w.Header().Set(name, header.Get(name))
			}
			_, _ = w.Write([]byte("3"))
		}))
		tokens := microsofttest.Tokens{App: "app", Directory: "tenant"}
		count := func() time.Duration {
			began := time.Now()
			_, err := c.CountUsers(t.Context(), tokens, connection.TenantRequest{ManagedTenant: "tenant"})
			require.NoError(t, err)
			return time.Since(began)
		}
		header.Set("x-ms-resource-unit", "1000")
		for range 3 {
			require.Zero(t, count())
		}
		require.Zero(t, count(), "3,001 of 3,500 when it is sent")
		require.Greater(t, count(), 9*time.Second, "it was dearer than documented")

		header.Set("x-ms-resource-unit", "1")
		<-time.After(time.Minute)
		header.Set("x-ms-throttle-limit-percentage", "0.7")
		require.Zero(t, count())
		require.Zero(t, count())
		header.Set("x-ms-throttle-limit-percentage", "0.95")
		count()
		header.Del("x-ms-throttle-limit-percentage")
		require.Positive(t, count(), "near the limit, requests are spread")
		header.Set("x-ms-throttle-limit-percentage", "1.4")
		count()
		require.Greater(t, count(), 9*time.Second, "others have spent it all")
	})
}

func TestARefusalHoldsBackAllCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var refuse atomic.Bool
		refuse.Store(true)
		scope := "Tenant_Application/ReadWrite/app/one"
		asked := map[string]int{}
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked[microsofttest.Bearer(r)]++
			if refuse.Load() {
				w.Header().Set("x-ms-throttle-scope", scope)
				microsofttest.Throttle(w, 600)
				return
			}
			_, _ = w.Write([]byte("3"))
		}))
		count := func(directory string) error {
			_, err := c.CountUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: directory}, connection.TenantRequest{ManagedTenant: directory})
			return err
		}
		err := count("one")
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Equal(t, 10*time.Minute, microsofttest.RetryAfter(err))
		refuse.Store(false)
		<-time.After(time.Minute)
		err = count("one")
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Equal(t, 9*time.Minute, microsofttest.RetryAfter(err), "what is left of it")
		require.Equal(t, 1, asked["one"], "nobody came early")
		require.NoError(t, count("two"), "another directory is not meant")

		refuse.Store(true)
		scope = "Application/ReadWrite/app"
		require.Error(t, count("three"))
		refuse.Store(false)
		require.Error(t, count("two"), "the whole app is meant")
		require.Equal(t, 1, asked["two"])
		<-time.After(10 * time.Minute)
		require.NoError(t, count("one"))
		require.NoError(t, count("two"))
	})
}

func TestCostsAreThoseOfTheDocumentation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    int
		selects bool
		top     int
		want    int
	}{
		{costUsers, false, 0, 2},
		{costUsers, true, 999, 1},
		{costUsers, true, 5, 1},
		{costMembers, false, 0, 5},
		{costMembers, true, 0, 4},
		{costMembers, true, 10, 3},
		{costContracts, false, 0, 3},
		{costDefault, false, 0, 1},
		{costDefault, true, 1, 1},
	} {
		require.Equal(t, c.want, costOf(c.kind, c.selects, c.top), fmt.Sprintf("%+v", c))
	}
}
