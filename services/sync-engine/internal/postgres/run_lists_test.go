package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// manyTenants maps so many managed tenants to one client each and begins a run.
func (e *engine) manyTenants(n int) syncengine.Run {
	e.t.Helper()
	e.mapping.tenants = nil
	for i := range n {
		e.mapping.tenants = append(e.mapping.tenants, syncengine.MappedTenant{
			ManagedTenantID: fmt.Sprintf("mt-%03d", i), EntraTenantID: fmt.Sprintf("entra-%03d", i), ClientID: uuid.NewString(), Revision: 1,
		})
	}
	return e.started(syncengine.TypeAllTenants, false)
}

// TestARunShowsWhatNeedsAPersonFirst: of many managed tenants 200 are shown, and all
// can be read in pages.
func TestARunShowsWhatNeedsAPersonFirst(t *testing.T) {
	t.Parallel()
	e := setup(t)
	run := e.manyTenants(230)
	e.exec(`UPDATE entra_sync_run_tenants SET state = 'completed', completed_at = now()`)
	e.exec(`UPDATE entra_sync_run_tenants SET state = 'held', held_reason = 'empty_directory' WHERE managed_tenant_id = 'mt-229'`)
	e.exec(`UPDATE entra_sync_run_tenants SET state = 'failed', error_code = 'consent_missing' WHERE managed_tenant_id IN ('mt-225', 'mt-226')`)
	_, tenants, err := e.show.Do(e.ctx(), run.ID)
	require.NoError(t, err)
	require.Len(t, tenants, 200)
	require.Equal(t, "mt-229", tenants[0].ManagedTenantID)
	require.Equal(t, []string{"mt-225", "mt-226", "mt-000"}, []string{tenants[1].ManagedTenantID, tenants[2].ManagedTenantID, tenants[3].ManagedTenantID})

	list := syncengine.NewListTenantResults(e.store)
	var all []string
	page := syncengine.TenantResultPage{RunID: run.ID, Size: 100}
	for {
		results, more, total, err := list.Do(e.ctx(), page)
		require.NoError(t, err)
		if page.AfterGroup == 0 {
			require.Equal(t, 230, total)
		}
		for _, r := range results {
			all = append(all, r.ManagedTenantID)
		}
		if !more {
			break
		}
		last := results[len(results)-1]
		page.AfterGroup, page.AfterPosition = last.Group, last.Position
	}
	require.Len(t, all, 230)
	require.IsIncreasing(t, all)
	for filter, want := range map[syncengine.TenantResultFilter]int{
		{State: "failed"}: 2, {State: "held"}: 1, {Q: "MT-22"}: 10, {Q: "entra-000"}: 1, {Q: "consent_missing"}: 2, {Q: "nobody"}: 0,
		{State: "failed", Q: "mt-226"}: 1,
	} {
		results, more, total, err := list.Do(e.ctx(), syncengine.TenantResultPage{RunID: run.ID, Filter: filter, Size: 50})
		require.NoError(t, err)
		require.False(t, more)
		require.Len(t, results, want, filter)
		require.Equal(t, want, total)
	}
	_, _, _, err = list.Do(e.ctx(), syncengine.TenantResultPage{RunID: uuid.NewString(), Size: 1})
	require.Equal(t, errs.NotFound, errs.KindOf(err))
}

// TestResultsAreFoundByTheStateThatIsShown: those whose rounds have not stopped are shown as cancelled from
// the moment on in which their run is, and found as that, in pages and in the order of all.
func TestResultsAreFoundByTheStateThatIsShown(t *testing.T) {
	t.Parallel()
	e := setup(t)
	run := e.manyTenants(10)
	e.exec(`UPDATE entra_sync_run_tenants SET state = 'running' WHERE managed_tenant_id IN ('mt-002', 'mt-007')`)
	e.exec(`UPDATE entra_sync_run_tenants SET state = 'completed', completed_at = now() WHERE managed_tenant_id = 'mt-003'`)
	list := syncengine.NewListTenantResults(e.store)
	found := func(state syncengine.State) (ids []string) {
		t.Helper()
		page := syncengine.TenantResultPage{RunID: run.ID, Filter: syncengine.TenantResultFilter{State: state}, Size: 3}
		for {
			results, more, total, err := list.Do(e.ctx(), page)
			require.NoError(t, err)
			for _, r := range results {
				require.Equal(t, state, r.State)
				ids = append(ids, r.ManagedTenantID)
			}
			if page.AfterGroup == 0 {
				defer func() { require.Len(t, ids, total) }()
			}
			if !more {
				return ids
			}
			last := results[len(results)-1]
			page.AfterGroup, page.AfterPosition = last.Group, last.Position
		}
	}
	require.Equal(t, []string{"mt-002", "mt-007"}, found(syncengine.StateRunning))
	require.Empty(t, found(syncengine.StateCancelled))

	_, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{RunID: run.ID})
	require.NoError(t, err)
	require.Equal(t, 2, e.count(`SELECT count(*) FROM entra_sync_run_tenants WHERE state = 'running'`), "their rounds stop at their next range")
	require.Equal(t, []string{"mt-000", "mt-001", "mt-002", "mt-004", "mt-005", "mt-006", "mt-007", "mt-008", "mt-009"}, found(syncengine.StateCancelled))
	require.Empty(t, found(syncengine.StateRunning))
	require.Empty(t, found(syncengine.StateQueued))
	require.Equal(t, []string{"mt-003"}, found(syncengine.StateCompleted))
}

// TestStatisticsAddUpByDay: each run counts once, on the day on which it was made;
// dry runs do not.
func TestStatisticsAddUpByDay(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-1", "Ann", "ann@c.de"), person("o-svc", "svc-x", "svc@c.de")}
	e.do(syncengine.TypeAllTenants, true)
	first := e.round()
	_, err := e.finalise.Do(e.ctx(), first.RunID, "", nil, nil) // again: a retry of the activity
	require.NoError(t, err)
	e.round()
	e.now = e.now.AddDate(0, 0, 2)
	failed := e.started(syncengine.TypeAllTenants, false)
	e.now = e.now.Add(90 * time.Second)
	require.NoError(t, e.record.Do(e.ctx(), failed.ID, managed, syncengine.StateFailed, &syncengine.Problem{Code: "consent_missing"}))
	_, err = e.finalise.Do(e.ctx(), failed.ID, "", nil, nil)
	require.NoError(t, err)
	cancelled := e.started(syncengine.TypeAllTenants, false)
	_, err = e.cancel.Do(e.ctx(), syncengine.Cancellation{RunID: cancelled.ID})
	require.NoError(t, err)

	days, err := syncengine.NewReadStatistics(e.store, e.clock).Do(e.ctx(), 4)
	require.NoError(t, err)
	require.Len(t, days, 4)
	require.Equal(t, syncengine.DayStatistics{Day: "2026-04-30"}, days[0])
	require.Equal(t, syncengine.DayStatistics{
		Day: "2026-05-01", Completed: 2, Tenants: 2, Counters: syncengine.Counters{Created: 1, Unchanged: 1, Filtered: 2},
	}, days[1])
	require.Zero(t, days[2].Runs())
	require.Equal(t, syncengine.DayStatistics{
		Day: "2026-05-03", Failed: 1, Cancelled: 1, Tenants: 2, FailedTenants: 1, Seconds: 90, LongestSeconds: 90,
		Failures: map[string]int{"consent_missing": 1},
	}, days[3])
}

// TestOneRunIsCancelled: what is written stays, and a run that has ended otherwise is
// not cancelled.
func TestOneRunIsCancelled(t *testing.T) {
	t.Parallel()
	e := setup(t)
	run := e.started(syncengine.TypeAllTenants, false)
	for range 2 {
		workflows, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{RunID: run.ID})
		require.NoError(t, err, "again")
		_ = workflows
		got, err := e.store.Run(e.ctx(), run.ID)
		require.NoError(t, err)
		require.Equal(t, syncengine.StateCancelled, got.State)
	}
	e.dir.users = []syncengine.User{person("o-1", "Ann", "ann@c.de")}
	_, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{RunID: e.round().RunID})
	require.Equal(t, "run_not_running", errs.ReasonOf(err))
	_, err = e.cancel.Do(e.ctx(), syncengine.Cancellation{RunID: uuid.NewString()})
	require.Equal(t, errs.NotFound, errs.KindOf(err))
}
