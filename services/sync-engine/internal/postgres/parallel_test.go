package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// largePlan is so many people that two sessions apply what is planned for them: the first range, then two at
// once.
const largePlan = 2*syncengine.RangeSize + 700

// syncedByTwo does the round of a run and calls act when the first range is applied and both sessions have
// the locks. applied is how far it came, step by step.
func (e *engine) syncedByTwo(runID string, act func() error) (applied []int, err error) {
	e.t.Helper()
	_, err = e.sync.Do(e.ctx(), runID, managed, func(p syncengine.Progress) error {
		first := p.Applied == syncengine.RangeSize && !slices.Contains(applied, p.Applied)
		applied = slices.Compact(append(applied, p.Applied))
		if !first {
			return nil
		}
		require.Eventually(e.t, func() bool { // the index comes last
			return e.lockers() == 2 && e.count(`SELECT count(*) FROM pg_class WHERE relname = 'plan_contact'`) > 0
		}, time.Minute, 10*time.Millisecond)
		return act()
	})
	return applied, err
}

// TestTwoSessionsApplyALargePlan: what is written is the same as that of one session.
func TestTwoSessionsApplyALargePlan(t *testing.T) {
	t.Parallel()
	alone, e := setup(t), setup(t)
	pool, err := pg.Open(t.Context(), alone.db.URLFor(postgres.Context), pg.Options{Context: postgres.Context, MaxConns: 3}) // one round at a time
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	alone.sync = syncengine.NewSyncTenant(postgres.New(pool, round.Timeouts{}), alone.dir, alone.mapping, alone.queue, alone.clock)
	users := people(largePlan)
	for i := range 300 {
		users = append(users, person(fmt.Sprintf("svc-%d", i), "svc-backup", fmt.Sprintf("svc-backup-%d@corp.example", i)))
		users = append(users, person(fmt.Sprintf("twin-%d", i), fmt.Sprintf("Twin %d", i), fmt.Sprintf("twin%d@corp.example", i/2)))
		for _, name := range []string{"One", "Another"} { // of one id: it fails
			users = append(users, person(fmt.Sprintf("bad-%d", i), name, fmt.Sprintf("bad%d@corp.example", i)))
		}
	}
	for _, each := range []*engine{alone, e} { // in both halves of the plan, and beyond it
		each.dir.users = slices.Concat(users[largePlan:largePlan+120], users[:7000], users[largePlan+120:largePlan+600], users[7000:largePlan], users[largePlan+600:])
	}
	want := alone.round()
	require.Positive(t, want.Counters.Filtered)
	require.Positive(t, want.Counters.Ambiguous)
	require.Positive(t, want.Counters.Failed)

	run := e.started(syncengine.TypeAllTenants, false)
	another := syncengine.ManagedTenant{RunID: run.ID, ManagedTenantID: "m2", EntraTenantID: "d2", ClientID: client}
	applied, err := e.syncedByTwo(run.ID, func() error {
		_, err := e.store.OpenRound(e.ctx(), another, e.now)
		require.Equal(t, "round_in_progress", errs.ReasonOf(err), "two sessions have the client's lock, and nobody else")
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, syncengine.RangeSize, largePlan + 300}, applied)
	got := e.finished(run.ID)
	require.Equal(t, want.Counters, got.Counters)
	require.Equal(t, want.Filtered, got.Filtered)
	require.Equal(t, alone.state(), e.state())
	written := []string{
		`SELECT entra_object_id, failure, verdict, linked, full_name, addresses FROM kept_identities ORDER BY 1`,
		`SELECT i.entra_object_id, i.n, i.outcome, i.reason, c.full_name, i.before, i.after
			FROM entra_run_identities i JOIN entra_sync_runs r ON r.id = i.run_id LEFT JOIN contacts c ON c.id = i.contact_id ORDER BY r.created_at, 1, 2`,
		`SELECT f.type, f.version, f.link_status, c.full_name FROM contact_changes f JOIN contacts c ON c.id = f.contact_id ORDER BY 4, 2`,
	}
	for _, of := range written {
		require.Equal(t, alone.rows(of), e.rows(of), of)
	}
	e.gapless()
	e.ended()

	// Everybody has another name; some are disabled, and some are gone: as a whole listing says it, and as a list of
	// changes does.
	for i, whole := range []bool{true, false} {
		for _, each := range []*engine{alone, e} {
			each.setting("field_display_name", true)
			each.dir.expired = whole
			changed := slices.Clone(each.dir.users[:len(each.dir.users)-20])
			for at := range changed {
				changed[at].DisplayName += " Renamed"
				changed[at].AccountEnabled = ptr(at%100 != 50+i)
			}
			each.dir.users = slices.DeleteFunc(changed, func(u syncengine.User) bool { return strings.HasSuffix(u.ObjectID, strconv.Itoa(77+i)) })
		}
		want = alone.round()
		require.Positive(t, want.Counters.Inactivated)
		require.Greater(t, want.Counters.Updated, largePlan/2)
		if !whole {
			require.Positive(t, want.Counters.Reactivated)
		}
		e.now = alone.now
		run = e.started(syncengine.TypeAllTenants, false)
		_, err = e.syncedByTwo(run.ID, func() error { return nil })
		require.NoError(t, err)
		require.Equal(t, want.Counters, e.finished(run.ID).Counters)
		require.Equal(t, alone.state(), e.state())
		for _, of := range written {
			require.Equal(t, alone.rows(of), e.rows(of), of)
		}
		e.gapless()
	}
}

// connections bounds those to the test's database; -1 for no bound.
func (e *engine) connections(limit int) {
	e.t.Helper()
	e.exec(fmt.Sprintf(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I CONNECTION LIMIT %d', current_database()); END $$`, limit))
}

// TestARoundAppliesALargePlanByItselfWhereNoWorkerOpens: the server takes no further connection.
func TestARoundAppliesALargePlanByItselfWhereNoWorkerOpens(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(largePlan)
	run := e.started(syncengine.TypeAllTenants, false)
	var applied []int
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if len(applied) == 0 {
			e.connections(0)
			e.exec(`SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
				AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')`)
		}
		applied = slices.Compact(append(applied, p.Applied))
		return nil
	})
	require.NoError(t, err)
	e.connections(-1)
	require.Equal(t, []int{0, syncengine.RangeSize, 2 * syncengine.RangeSize, largePlan}, applied)
	require.Equal(t, syncengine.Counters{Created: largePlan}, e.finished(run.ID).Counters)
	require.Equal(t, largePlan, e.count(`SELECT count(*) FROM contacts`))
	e.gapless()
	e.ended()
}

// TestAMappingIsRevisedWhileTwoSessionsApply: what was applied before stays, and nothing else is written.
func TestAMappingIsRevisedWhileTwoSessionsApply(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(largePlan)
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.syncedByTwo(run.ID, func() error {
		e.exec(`UPDATE directory_mappings SET revision = revision + 1, client_id = $1`, other) // announced, and mapping not asked since
		return nil
	})
	require.ErrorIs(t, err, syncengine.ErrMappingChanged)
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM contacts`))
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM entra_run_identities WHERE outcome = 'created'`))
	e.gapless()
	e.ended()
}

// TestTheHostWritesWhileTwoSessionsApply: the round goes on by itself, and decides again.
func TestTheHostWritesWhileTwoSessionsApply(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(largePlan)
	run := e.started(syncengine.TypeAllTenants, false)
	applied, err := e.syncedByTwo(run.ID, func() error {
		e.host(syncengine.ContactRecord{ExternalID: ptr("h"), ClientID: ptr(client), FullName: "By the host", Email: &e.dir.users[largePlan-1].Mail})
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, syncengine.RangeSize, 2 * syncengine.RangeSize, largePlan}, applied)
	require.Equal(t, syncengine.Counters{Created: largePlan - 1, Linked: 1}, e.finished(run.ID).Counters)
	require.Equal(t, largePlan, e.count(`SELECT count(*) FROM contacts`))
	e.gapless()
}

// TestARunIsCancelledWhileTwoSessionsApply: what was applied is counted, and nothing else.
func TestARunIsCancelledWhileTwoSessionsApply(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(largePlan)
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.syncedByTwo(run.ID, func() error {
		_, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{})
		return err
	})
	require.NoError(t, err)
	require.Equal(t, syncengine.Counters{Created: syncengine.RangeSize}, e.finished(run.ID).Counters)
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM contacts`))
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM entra_run_identities WHERE outcome = 'created'`))
	e.gapless()
}

// TestTwoSessionsCutAnywhereLeaveWholeRanges cuts the connection of either at a random message, and has the
// round tried again. -rapid.checks does it thirty times.
func TestTwoSessionsCutAnywhereLeaveWholeRanges(t *testing.T) {
	t.Parallel()
	rounds := 2
	if thorough {
		rounds = 30
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range rounds {
		e := setup(t)
		cutter := e.db.Cutter()
		pool, err := pg.Open(t.Context(), cutter.Through(e.db.URLFor(postgres.Context)), pg.Options{Context: postgres.Context, MaxConns: 8})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		e.sync = syncengine.NewSyncTenant(postgres.New(pool, round.Timeouts{}), e.dir, e.mapping, e.queue, e.clock)
		e.dir.users = people(largePlan)
		run := e.started(syncengine.TypeAllTenants, false)
		at := 1 + random.IntN(40) // what follows takes some more
		_, err = e.syncedByTwo(run.ID, func() error {
			cutter.Arm(at, random.IntN(2) == 0)
			return nil
		})
		require.True(t, cutter.Disarm(), "cut at %d", at)
		require.Equal(t, errs.Unavailable, errs.KindOf(err), "cut at %d: %v", at, err)
		before := e.count(`SELECT count(*) FROM contacts`)
		require.Contains(t, []int{0, 700}, before%syncengine.RangeSize, "cut at %d", at)
		require.Eventually(t, func() bool { // the server gives the locks back when it has noticed
			_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
			return err == nil
		}, time.Minute, 20*time.Millisecond)
		require.Equal(t, syncengine.Counters{Created: largePlan}, e.finished(run.ID).Counters, "cut at %d", at)
		require.Equal(t, largePlan, e.count(`SELECT count(*) FROM contacts c JOIN entra_contact_links l ON l.contact_id = c.id`), "cut at %d", at)
		require.Equal(t, largePlan, e.count(`SELECT count(DISTINCT entra_object_id) FROM entra_run_identities WHERE outcome = 'created'`), "cut at %d", at)
		e.gapless()
	}
}
