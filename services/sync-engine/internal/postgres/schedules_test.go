package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (e *engine) schedule() syncengine.Schedule {
	e.t.Helper()
	schedule, err := syncengine.NewReadSchedule(e.store, e.clock).Do(e.ctx())
	require.NoError(e.t, err)
	return schedule
}

// fails ends one more run as failed.
func (e *engine) fails(runType syncengine.RunType, dryRun bool) {
	e.t.Helper()
	e.now = e.now.Add(time.Hour)
	run := e.started(runType, dryRun)
	_, err := e.finalise.Do(e.ctx(), run.ID, syncengine.StateFailed, &syncengine.Problem{Code: "unreachable"}, nil)
	require.NoError(e.t, err)
}

// A tenant is scheduled from its first sync on; five failed runs in a row put it into quarantine,
// and the first that gets through ends that.
func TestASchedulesHistory(t *testing.T) {
	t.Parallel()
	e := setup(t)
	scheduled := syncengine.NewListScheduledTenants(e.store)
	require.Equal(t, syncengine.Schedule{IntervalMinutes: 1440}, e.schedule())
	e.fails(syncengine.TypeInitial, false)
	tenants, err := scheduled.Do(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, tenants, "nothing was synced yet")

	e.dir.users = people(2)
	e.do(syncengine.TypeInitial, false)
	first := e.schedule()
	require.True(t, first.AutomaticSync)
	require.Equal(t, e.now, first.FirstSyncedAt.UTC())
	require.Zero(t, first.FailedRuns)
	tenants, err = scheduled.Do(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{msp}, tenants)
	tenants, err = scheduled.Do(t.Context(), msp, 10)
	require.NoError(t, err)
	require.Empty(t, tenants)

	for range 4 {
		e.fails(syncengine.TypeAllTenants, false)
	}
	e.fails(syncengine.TypeAllTenants, true)
	cancelled := e.started(syncengine.TypeAllTenants, false)
	_, err = e.finalise.Do(e.ctx(), cancelled.ID, syncengine.StateCancelled, nil, nil)
	require.NoError(t, err)
	never, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeAllTenants})
	require.NoError(t, err)
	_, err = e.finalise.Do(e.ctx(), never.ID, syncengine.StateFailed, &syncengine.Problem{Code: "orchestrator_unavailable"}, nil)
	require.NoError(t, err)
	single, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ManagedTenantID: managed})
	require.NoError(t, err)
	_, _, err = e.begin.Do(e.ctx(), single.ID)
	require.NoError(t, err)
	_, err = e.finalise.Do(e.ctx(), single.ID, syncengine.StateFailed, &syncengine.Problem{Code: "unreachable"}, nil)
	require.NoError(t, err)
	require.Equal(t, 4, e.schedule().FailedRuns, "dry runs, cancelled ones, those of one client and those that never began say nothing")
	require.Nil(t, e.schedule().QuarantinedAt)

	e.fails(syncengine.TypeAllTenants, false)
	since := e.now
	e.fails(syncengine.TypeAllTenants, false)
	require.Equal(t, since, e.schedule().QuarantinedAt.UTC())
	require.Equal(t, 6, e.schedule().FailedRuns)

	told := func() int { return e.count(`SELECT count(*) FROM outbox WHERE kind = 'schedule_changed'`) }
	require.Equal(t, 2, told(), "the first sync and the quarantine, and no run between")
	e.round()
	require.Equal(t, 3, told())
	back := e.schedule()
	require.Nil(t, back.QuarantinedAt)
	require.Zero(t, back.FailedRuns)
	require.Equal(t, first.FirstSyncedAt.UTC(), back.FirstSyncedAt.UTC())
}

// failing has a managed tenant fail in a run that gets through.
func (e *engine) failing() {
	e.t.Helper()
	before := e.mapping.tenants
	e.mapping.tenants = append(slices.Clone(before), syncengine.MappedTenant{
		ManagedTenantID: "m-failing", EntraTenantID: "99999999-0000-4000-8000-000000000000", ClientID: other, Revision: 1,
	})
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(e.t, err)
	_, err = e.finalise.Do(e.ctx(), run.ID, "", &syncengine.Problem{Code: "unreachable"}, nil)
	require.NoError(e.t, err)
	e.mapping.tenants = before
}

// A managed tenant that fails in five runs in a row is left out of scheduled runs for a day; a
// person's run tries it all the same, and the first sync that gets through ends that.
func TestAFailingManagedTenantIsTriedOnceADay(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const failing = "m-failing"
	e.mapping.tenants = append(e.mapping.tenants, syncengine.MappedTenant{
		ManagedTenantID: failing, EntraTenantID: "99999999-0000-4000-8000-000000000000", ClientID: other, Revision: 1,
	})
	e.dir.users = people(2)
	// run ends one in which the other managed tenant fails, and returns its result.
	run := func(trigger string, after time.Duration, fails bool) syncengine.ManagedTenant {
		e.now = e.now.Add(after)
		run, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeAllTenants, Trigger: trigger})
		require.NoError(t, err)
		_, total, err := e.begin.Do(e.ctx(), run.ID)
		require.NoError(t, err)
		require.Equal(t, 2, total)
		_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
		require.NoError(t, err)
		if fails {
			require.NoError(t, e.record.Do(e.ctx(), run.ID, failing, syncengine.StateFailed, &syncengine.Problem{Code: "consent_missing"}))
		} else {
			_, err = e.sync.Do(e.ctx(), run.ID, failing, func(syncengine.Progress) error { return nil })
			require.NoError(t, err)
		}
		_, err = e.finalise.Do(e.ctx(), run.ID, "", nil, nil)
		require.NoError(t, err)
		tenants, err := e.store.RunTenants(e.ctx(), run.ID, 100)
		require.NoError(t, err)
		for _, tenant := range tenants {
			if tenant.ManagedTenantID == failing {
				return tenant
			}
		}
		require.Fail(t, "it has no result")
		return syncengine.ManagedTenant{}
	}
	quarantined := func() []syncengine.QuarantinedTenant {
		tenants, err := syncengine.NewListQuarantinedTenants(e.store).Do(e.ctx())
		require.NoError(t, err)
		return tenants
	}
	for range 5 {
		require.Empty(t, quarantined())
		require.Equal(t, "consent_missing", run(syncengine.TriggerSchedule, time.Hour, true).Problem.Code)
	}
	since := e.now
	for range 3 {
		left := run(syncengine.TriggerSchedule, time.Hour, true)
		require.Equal(t, syncengine.StateFailed, left.State)
		require.Equal(t, "tenant_quarantined", left.Problem.Code, "it is not tried, and its result says so")
		require.NotEmpty(t, left.Problem.Remedy)
	}
	in := quarantined()
	require.Len(t, in, 1)
	require.Equal(t, since, in[0].Since.UTC())
	in[0].Since = time.Time{}
	require.Equal(t, syncengine.QuarantinedTenant{ManagedTenantID: failing, FailedRuns: 5, Code: "consent_missing"}, in[0])
	require.Equal(t, "consent_missing", run(syncengine.TriggerManual, time.Hour, true).Problem.Code, "a person's run tries it")
	require.Equal(t, "consent_missing", run(syncengine.TriggerSchedule, 24*time.Hour, true).Problem.Code, "it is tried once a day")
	require.Equal(t, "tenant_quarantined", run(syncengine.TriggerSchedule, time.Hour, true).Problem.Code)
	require.Equal(t, 7, quarantined()[0].FailedRuns)

	require.Equal(t, syncengine.StateCompleted, run(syncengine.TriggerSchedule, 24*time.Hour, false).State)
	require.Empty(t, quarantined())
	require.Equal(t, "consent_missing", run(syncengine.TriggerSchedule, time.Hour, true).Problem.Code, "counting starts again")
	require.Nil(t, e.schedule().QuarantinedAt, "the tenant itself is not in quarantine")
}
