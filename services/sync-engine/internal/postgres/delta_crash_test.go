package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// day is what happens in a directory, and at the host, before a round; nothing on some.
func (e *engine) day(n int) {
	e.t.Helper()
	if n%4 == 3 {
		return
	}
	e.dir.users = slices.Clone(e.dir.users)
	e.dir.users[n%30].DisplayName = fmt.Sprintf("Renamed %d", n)
	e.dir.users[30+n%9].AccountEnabled = ptr(n%2 == 0)
	e.dir.users = append(e.dir.users, person(fmt.Sprintf("o-new-%d", n), fmt.Sprintf("New %d", n), fmt.Sprintf("new%d@corp.example", n)))
	if n%3 == 1 {
		e.dir.users = slices.Delete(e.dir.users, len(e.dir.users)-2, len(e.dir.users)-1)
	}
	id := e.rows(`SELECT id::text FROM contacts WHERE entra_object_id = $1`, e.dir.users[(n+11)%30].ObjectID)[0]
	result := e.host(syncengine.ContactRecord{ID: &id, ExternalID: ptr("h-" + id), FullName: fmt.Sprintf("By the host %d", n)})
	require.Empty(e.t, result[0].Violations)
}

// TestADeltaRoundCutAnywhereLosesNothing cuts the connection at a random message of
// rounds that hear of changes, and has them tried again: each time the end is that of an
// engine which was not disturbed. -rapid.checks does a hundred.
func TestADeltaRoundCutAnywhereLosesNothing(t *testing.T) {
	t.Parallel()
	rounds := 10
	if thorough {
		rounds = 100
	}
	calm, e := setup(t), setup(t)
	cutter := e.db.Cutter()
	pool, err := pg.Open(t.Context(), cutter.Through(e.db.URLFor(postgres.Context)), pg.Options{Context: postgres.Context, MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	e.sync = syncengine.NewSyncTenant(postgres.New(pool, round.Timeouts{}), e.dir, e.mapping, e.queue, e.clock)
	for _, each := range []*engine{calm, e} {
		each.setting("field_display_name", true)
		each.setting("guard_percent", 100)
		each.dir.users = people(40)
		each.round()
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) // where to cut
	cuts := 0
	for n := range rounds {
		calm.day(n)
		e.day(n)
		want := calm.round()
		e.now = calm.now
		run := e.started(syncengine.TypeAllTenants, false)
		quiet := func(syncengine.Progress) error { return nil }
		at := 1 + random.IntN(60)
		cutter.Arm(at, random.IntN(2) == 0)
		_, err := e.sync.Do(e.ctx(), run.ID, managed, quiet)
		if cutter.Disarm() {
			cuts++
		} else {
			require.NoError(t, err)
		}
		require.Eventually(t, func() bool { // the server gives the locks back when it has noticed
			_, err = e.sync.Do(e.ctx(), run.ID, managed, quiet)
			return err == nil
		}, time.Minute, 20*time.Millisecond)
		got := e.finished(run.ID)
		require.Equal(t, want.Counters, got.Counters, "round %d, cut at %d", n, at)
		require.Equal(t, want.Filtered, got.Filtered, "round %d, cut at %d", n, at)
		require.Equal(t, calm.state(), e.state(), "round %d, cut at %d", n, at)
		e.gapless()
	}
	require.Positive(t, cuts)
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "the rounds were of changes")
}
