package postgres_test

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// through has the engine reach its database through a cutter.
func (e *engine) through() *pgtest.Cutter {
	e.t.Helper()
	c := e.db.Cutter()
	pool, err := pg.Open(e.t.Context(), c.Through(e.db.URLFor(postgres.Context)), pg.Options{Context: postgres.Context, MaxConns: 4})
	require.NoError(e.t, err)
	e.t.Cleanup(pool.Close)
	store := postgres.New(pool, round.Timeouts{})
	clock := e.clock
	e.revise = syncengine.NewReviseMapping(store, e.queue, clock)
	e.orphans = syncengine.NewDecideOrphans(store, e.mapping, clock)
	return c
}

// state is all that matters of links, contacts and history, without ids.
func (e *engine) state() []string {
	e.t.Helper()
	return append(e.rows(`SELECT c.client_id, c.full_name, c.email, c.entra_object_id, c.entra_sync_status, c.inactive, c.version FROM contacts c ORDER BY 1, 2, 3`),
		append(e.rows(`SELECT l.entra_object_id, l.status, l.client_id, c.full_name, c.client_id, l.ended_at IS NOT NULL, l.relink_client_id
			FROM entra_contact_links l JOIN contacts c ON c.id = l.contact_id ORDER BY 1`),
			e.rows(`SELECT h.entra_object_id, h.event, o.full_name, n.full_name, h.decided_by FROM entra_contact_link_history h
				JOIN contacts o ON o.id = h.old_contact_id LEFT JOIN contacts n ON n.id = h.new_contact_id ORDER BY 1`)...)...)
}

// sampleOfCuts says at which messages to cut: at all of them with -rapid.checks,
// else at every sixth, from another one on each time, or by -rapid.seed.
func sampleOfCuts(t *testing.T) (first, step int) {
	t.Helper()
	if thorough {
		return 1, 1
	}
	const every = 6
	seed := rand.Uint64()
	if given, err := strconv.ParseUint(flag.Lookup("rapid.seed").Value.String(), 10, 64); err == nil && given != 0 {
		seed = given
	}
	first = 1 + int(seed%every) // below six
	t.Logf("cutting at every %dth message from the %dth on; -rapid.seed=%d does it again, -rapid.checks cuts at all", every, first, seed)
	return first, every
}

// TestADecisionCutAtEveryStatementIsFinishedByTheNext cuts the connection at the
// messages of following a mapping and of a decision, and lets them be done again.
func TestADecisionCutAtEveryStatementIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{syncengine.DecisionRelink, syncengine.DecisionLeave} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			e := relinked(t)
			// The state that every cut begins from is put back by an image of the tables.
			tables := []string{"contacts", "entra_contact_links", "contact_changes", "feed_heads", "client_heads", "directories", "directory_mappings"}
			e.remap(other) // not followed yet
			for _, table := range tables {
				e.exec(`CREATE TABLE public.image_` + table + ` AS TABLE ` + table)
			}
			back := `DELETE FROM entra_contact_link_history; DELETE FROM orphan_decisions; DELETE FROM entra_contact_links;`
			for _, table := range tables {
				back += `DELETE FROM ` + table + `; INSERT INTO ` + table + ` SELECT * FROM public.image_` + table + `;`
			}
			restore := func() {
				e.exec(back)
				e.queue.items = nil
			}
			c := e.through()
			do := func(d syncengine.OrphanDecision) (syncengine.OrphanResult, error) {
				if _, err := e.revise.Do(e.ctx(), e.mapped()); err != nil {
					return syncengine.OrphanResult{}, err
				}
				return e.orphans.Do(e.ctx(), d)
			}
			want, err := do(e.decision(decision))
			require.NoError(t, err)
			state, feed, items := e.state(), e.seq(), len(e.queue.items)

			cuts, statements := 0, 0
			first, step := sampleOfCuts(t)
			for at := first; ; at += step {
				restore()
				d := e.decision(decision)
				c.Arm(at-1, false)
				_, err := do(d)
				if !c.Disarm() {
					require.NoError(t, err)
					break
				}
				statements = at
				if err != nil {
					cuts++
				}
				got, err := do(d)
				for again := 0; err != nil && again < 5; again++ { // connections of the pool that were cut too
					got, err = do(d)
				}
				require.NoError(t, err, "cut at %d", at)
				require.Equal(t, want, got, "cut at %d", at)
				require.Equal(t, state, e.state(), "cut at %d", at)
				require.Equal(t, feed, e.seq(), "cut at %d", at)
				require.Len(t, e.queue.items, items)
				e.gapless()
			}
			require.Greater(t, statements, 20)
			require.Greater(t, cuts*step, 20)
		})
	}
}
