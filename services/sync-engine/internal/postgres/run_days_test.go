package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// since has runs be made so many days from now on, in the middle of the day: statistics are by the
// day, and some runs begin an hour later.
func (e *engine) since(days int) {
	e.now = time.Now().UTC().Truncate(24*time.Hour).Add(12*time.Hour).AddDate(0, 0, days)
	id := func() string { return idOf(e.t, e.now) }
	e.create = syncengine.NewCreateRun(e.store, e.mapping, id, e.clock)
	e.held = syncengine.NewDecideHeld(e.store, e.mapping, id, e.clock)
}

// standing lists the runs that are there, oldest first.
func (e *engine) standing() []string {
	return e.rows(`SELECT id::text FROM entra_sync_runs ORDER BY id`)
}

// TestOldRunsGo: a run goes with its results and with what was decided about it, once nothing follows
// from it any longer; what syncs came to, day by day, stays.
func TestOldRunsGo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = crowd(12)
	e.since(-500)
	initial := e.do(syncengine.TypeInitial, false).RunID
	e.do(syncengine.TypeInitial, true)
	e.since(-499)
	e.dir.users = disabled(crowd(12)[:9], 0, 1, 2)
	held := e.round()
	require.Equal(t, syncengine.StateHeld, held.State)
	e.since(-498)
	carried := e.approved(held).RunID
	e.since(-100)
	recent := e.round().RunID
	summed := e.rows(`SELECT * FROM sync_statistics ORDER BY day`)
	require.Len(t, summed, 4)

	runs, err := e.store.DropRuns(t.Context(), 0)
	require.NoError(t, err)
	require.Zero(t, runs, "0 keeps all")
	runs, err = e.store.DropRuns(t.Context(), 400)
	require.NoError(t, err)
	require.Equal(t, 3, runs, "the preflight, the held run, and then the one that its approval started")
	require.NotContains(t, e.standing(), carried)
	require.Equal(t, []string{initial, recent}, e.standing(), "the initial run stays: by it automatic sync was switched on")
	for _, table := range []string{"held_decisions", "held_identities"} {
		require.Zero(t, e.count(`SELECT count(*) FROM `+table), table)
	}
	require.Equal(t, 2, e.count(`SELECT count(*) FROM entra_sync_run_tenants`))
	require.Equal(t, summed, e.rows(`SELECT * FROM sync_statistics ORDER BY day`))
	_, _, err = e.show.Do(e.ctx(), held.RunID)
	require.Equal(t, errs.NotFound, errs.KindOf(err))

	// Off is a person's decision, also for an initial run after all others went.
	e.setting("automatic_sync", false)
	e.do(syncengine.TypeInitial, false)
	require.Zero(t, e.count(`SELECT count(*) FROM entra_sync_settings WHERE automatic_sync`))
}

// TestTheLastRunStays: what a tenant, or one of its directories, had last is shown however long ago it was.
func TestTheLastRunStays(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = crowd(2)
	e.since(-500)
	e.round()
	e.since(-490)
	last := e.round().RunID
	e.since(-480)
	open, _, err := e.create.Do(e.ctx(), syncengine.NewRun{Actor: "user-1", Type: syncengine.TypeSingleClient, ClientID: client, Trigger: "manual"})
	require.NoError(t, err)
	e.since(-470)
	e.mapping.tenants = nil
	run := e.started(syncengine.TypeAllTenants, false).ID
	_, err = e.finalise.Do(e.ctx(), run, "", nil, nil)
	require.NoError(t, err)

	runs, err := e.store.DropRuns(t.Context(), 400)
	require.NoError(t, err)
	require.Equal(t, 1, runs)
	require.Equal(t, []string{last, open.ID, run}, e.standing(), "the directory's last, an open one, the tenant's last")
}

// TestOldRunsGoAFewAtATime: one transaction deletes about so many rows, and finds them by their age.
func TestOldRunsGoAFewAtATime(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.exec(`
		INSERT INTO entra_sync_runs (tenant_id, id, type, dry_run, trigger, state, workflow_id, initiated_by, created_at, completed_at)
		SELECT 'msp-' || n % 7, (lpad(to_hex((extract(epoch FROM now() - interval '1 hour' * n) * 1000)::bigint), 12, '0') || '7' || lpad(n::text, 19, '0'))::uuid,
		       'all-tenants', false, 'schedule', 'completed', 'w', 'u', now(), now()
		FROM generate_series(1, 20000) n`)
	e.exec(`
		INSERT INTO entra_sync_run_tenants (tenant_id, run_id, managed_tenant_id, entra_tenant_id, client_id, mapping_revision, group_no, position, state,
		    started_at, completed_at)
		SELECT r.tenant_id, r.id, 'm' || m, 'd' || m, $1, 1, 1, 1, 'completed', now(), now() FROM entra_sync_runs r, generate_series(1, 3) m`, client)
	e.exec(`ANALYZE entra_sync_runs, entra_sync_run_tenants`)
	var first int
	require.NoError(t, e.admin.QueryRow(t.Context(), `SELECT drop_runs_at(now(), 400, 1000)`).Scan(&first))
	require.Equal(t, 250, first)
	runs, err := e.store.DropRuns(t.Context(), 400)
	require.NoError(t, err)
	left := e.count(`SELECT count(*) FROM entra_sync_runs`)
	require.Equal(t, 20000, first+runs+left)
	require.InDelta(t, 400*24, left, 24)
	require.Equal(t, 3*left, e.count(`SELECT count(*) FROM entra_sync_run_tenants`))
}
