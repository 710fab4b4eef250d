package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// sessions are those that have a round's tables, told apart by one of these.
func (e *engine) sessions() []string {
	e.t.Helper()
	return e.rows(`SELECT oid FROM pg_class WHERE relname = 'stage' AND relpersistence = 't' ORDER BY oid`)
}

// lockers are how many sessions have a round's locks.
func (e *engine) lockers() int {
	e.t.Helper()
	return e.count(`SELECT count(DISTINCT pid) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
}

// ended waits until the server has taken the tables of sessions away that ended, and the locks, which it gives
// back after them.
func (e *engine) ended() {
	e.t.Helper()
	require.Eventually(e.t, func() bool { return len(e.sessions()) == 0 && e.lockers() == 0 }, time.Minute, 10*time.Millisecond)
}

// TestSmallRoundsShareASession syncs a directory again and again: nothing of a round
// reaches the next one, nor whoever else gets its connection.
func TestSmallRoundsShareASession(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{
		person("o-1", "Twin", "twin@corp.example"), person("o-2", "Twin", "twin@corp.example"), person("o-3", "Three", "three@corp.example"),
		person("o-3", "Three", "three@corp.example"), person("o-4", "Four", "four@corp.example"), person("o-4", "Other", "four@corp.example"),
	}
	want := syncengine.Counters{Created: 1, Ambiguous: 2, Failed: 1}
	require.Equal(t, want, e.round().Counters)
	session := e.sessions()
	require.Len(t, session, 1)
	want.Created, want.Unchanged = 0, 1
	for range 7 { // more than the server plans anew by itself
		require.Equal(t, want, e.round().Counters)
		require.Equal(t, session, e.sessions())
	}
	e.dir.users = people(3)
	require.Equal(t, syncengine.Counters{Created: 3, Inactivated: 1}, e.round().Counters)
	require.Equal(t, session, e.sessions())
	require.Zero(t, e.count(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`))
}

// TestALargeRoundEndsItsSession lets a small round, a large one and a small one
// follow each other.
func TestALargeRoundEndsItsSession(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	require.Equal(t, syncengine.Counters{Created: 3}, e.round().Counters)
	require.Len(t, e.sessions(), 1)
	n := 2*syncengine.RangeSize + 5
	e.dir.users = people(n)
	require.Equal(t, syncengine.Counters{Created: n - 3, Unchanged: 3}, e.round().Counters)
	e.ended()
	require.Equal(t, syncengine.Counters{Unchanged: n}, e.round().Counters)
}

// TestARoundThatFailsEndsItsSession fails a round after a good one.
func TestARoundThatFailsEndsItsSession(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	require.Equal(t, syncengine.Counters{Created: 3}, e.round().Counters)
	require.Len(t, e.sessions(), 1)
	e.dir.fail = errs.New(errs.Unavailable, "lost", "Lost.")
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.ErrorIs(t, err, e.dir.fail)
	e.ended()
	e.dir.fail = nil
	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err)
	require.Equal(t, syncengine.Counters{Unchanged: 3}, e.finished(run.ID).Counters)
}

// TestASessionServesRequestsAsItWas looks at what a round leaves behind, on every
// connection of the pool.
func TestASessionServesRequestsAsItWas(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	pool := e.db.Pool(postgres.Context)
	// A session has settings of plpgsql from the first trigger on; they are as they come.
	settings := func() map[string]int {
		found := map[string]int{}
		for range pool.Stat().MaxConns() {
			conn, err := pg.Dedicated(t.Context(), pool)
			require.NoError(t, err)
			defer conn.Return()
			var all string
			require.NoError(t, conn.Raw().QueryRow(t.Context(), `SELECT string_agg(name || ' = ' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name NOT LIKE 'plpgsql.%'`).Scan(&all))
			found[all]++
		}
		return found
	}
	before := settings()
	require.Len(t, before, 1)
	e.round()
	require.Len(t, e.sessions(), 1, "the round's session is among them")
	require.Equal(t, before, settings())
}
