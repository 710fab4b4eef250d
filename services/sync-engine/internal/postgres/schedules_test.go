package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (e *engine) schedule() syncengine.Schedule {
	e.t.Helper()
	schedule, err := syncengine.NewReadSchedules(e.store, e.clock).Do(e.ctx())
	require.NoError(e.t, err)
	return schedule
}

// fails ends one more run as failed.
func (e *engine) fails(runType string, dryRun bool) {
	e.t.Helper()
	e.now = e.now.Add(time.Hour)
	run := e.started(runType, dryRun)
	_, err := e.results.Finalise(e.ctx(), run.ID, syncengine.StateFailed, &syncengine.Problem{Code: "unreachable"}, nil)
	require.NoError(e.t, err)
}

// A tenant is scheduled from its first sync on; five failed runs in a row put it into quarantine,
// and the first that gets through ends that.
func TestASchedulesHistory(t *testing.T) {
	t.Parallel()
	e := setup(t)
	read := syncengine.NewReadSchedules(e.store, e.clock)
	require.Equal(t, syncengine.Schedule{IntervalMinutes: 1440}, e.schedule())
	e.fails(syncengine.TypeInitial, false)
	tenants, err := read.Tenants(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, tenants, "nothing was synced yet")

	e.dir.users = people(2)
	e.do(syncengine.TypeInitial, false)
	first := e.schedule()
	require.True(t, first.AutomaticSync)
	require.Equal(t, e.now, first.FirstSyncedAt.UTC())
	require.Zero(t, first.FailedRuns)
	tenants, err = read.Tenants(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{msp}, tenants)
	tenants, err = read.Tenants(t.Context(), msp, 10)
	require.NoError(t, err)
	require.Empty(t, tenants)

	for range 4 {
		e.fails(syncengine.TypeAllTenants, false)
	}
	e.fails(syncengine.TypeAllTenants, true)
	cancelled := e.started(syncengine.TypeAllTenants, false)
	_, err = e.results.Finalise(e.ctx(), cancelled.ID, syncengine.StateCancelled, nil, nil)
	require.NoError(t, err)
	never, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeAllTenants})
	require.NoError(t, err)
	_, err = e.results.Finalise(e.ctx(), never.ID, syncengine.StateFailed, &syncengine.Problem{Code: "orchestrator_unavailable"}, nil)
	require.NoError(t, err)
	single, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ManagedTenantID: managed})
	require.NoError(t, err)
	_, _, err = e.begin.Do(e.ctx(), single.ID)
	require.NoError(t, err)
	_, err = e.results.Finalise(e.ctx(), single.ID, syncengine.StateFailed, &syncengine.Problem{Code: "unreachable"}, nil)
	require.NoError(t, err)
	require.Equal(t, 4, e.schedule().FailedRuns, "dry runs, cancelled ones, those of one client and those that never began say nothing")
	require.Nil(t, e.schedule().QuarantinedAt)

	e.fails(syncengine.TypeAllTenants, false)
	since := e.now
	e.fails(syncengine.TypeAllTenants, false)
	require.Equal(t, since, e.schedule().QuarantinedAt.UTC())
	require.Equal(t, 6, e.schedule().FailedRuns)

	e.round()
	back := e.schedule()
	require.Nil(t, back.QuarantinedAt)
	require.Zero(t, back.FailedRuns)
	require.Equal(t, first.FirstSyncedAt.UTC(), back.FirstSyncedAt.UTC())
}
