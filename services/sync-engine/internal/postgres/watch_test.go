package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// A run is watched in one process while another does its rounds.
func TestWhoWatchesARunHearsOfItsRoundsAndItsEnd(t *testing.T) {
	t.Parallel()
	e := setup(t)
	pool := e.db.Pool(postgres.Context)
	here, there := postgres.NewRoundReports(pool), postgres.NewRoundReports(pool)
	watch := syncengine.NewWatchRun(e.store, here, time.Millisecond, time.Hour)
	run := e.started(syncengine.TypeAllTenants, false)
	told, ended := make(chan syncengine.RunProgress), make(chan error, 1)
	go func() {
		ended <- watch.Do(e.ctx(), run.ID, func(p syncengine.RunProgress) error {
			told <- p
			return nil
		})
	}()
	first := <-told
	require.Equal(t, syncengine.StateRunning, first.Run.State)
	require.Equal(t, 1, first.Run.Totals.Tenants)
	require.Empty(t, first.Tenants, "one that is queued is not told of")

	// The first reports may come before anybody listens: rounds tell again and again.
	stranger := tenant.With(e.ctx(), tenant.Call{Tenant: "another"})
	stop := make(chan struct{})
	go func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				_ = there.Publish(stranger, run.ID, managed, syncengine.Progress{Phase: "a stranger's"})
				_ = there.Publish(e.ctx(), run.ID, managed, syncengine.Progress{Phase: syncengine.PhaseStaging, Staged: i})
			}
		}
	}()
	heard := <-told
	require.Len(t, heard.Tenants, 1)
	require.Equal(t, managed, heard.Tenants[0].ManagedTenantID)
	require.Equal(t, syncengine.PhaseStaging, heard.Tenants[0].At.Phase)
	require.Positive(t, heard.Tenants[0].At.Staged)
	close(stop)

	go func() {
		_, _ = e.finalise.Do(e.ctx(), run.ID, syncengine.StateFailed, &syncengine.Problem{Code: "x"}, nil)
		_ = there.Changed(e.ctx(), run.ID)
	}()
	var state syncengine.State
	for last := heard; ; last = <-told {
		for _, at := range last.Tenants {
			require.NotEqual(t, "a stranger's", at.At.Phase)
			state = at.State
			require.True(t, !syncengine.IsTerminal(state) || at.At == syncengine.Progress{}, "of a round that has ended")
		}
		if syncengine.IsTerminal(last.Run.State) {
			require.Equal(t, syncengine.StateFailed, last.Run.State)
			require.Equal(t, 1, last.Run.Totals.Processed)
			require.Equal(t, syncengine.StateFailed, state, "told with the run's end, or before it")
			break
		}
	}
	require.NoError(t, <-ended, "it ends with the run")

	// Who comes later is told how it ended, and who has left nothing.
	require.NoError(t, watch.Do(e.ctx(), run.ID, func(p syncengine.RunProgress) error {
		require.Equal(t, syncengine.StateFailed, p.Run.State)
		require.Len(t, p.Tenants, 1)
		return nil
	}))
	require.Equal(t, errs.NotFound, errs.KindOf(watch.Do(stranger, run.ID, nil)), "of another tenant's run")
	again := e.started(syncengine.TypeAllTenants, false)
	ctx, leave := context.WithCancel(e.ctx())
	require.ErrorIs(t, watch.Do(ctx, again.ID, func(syncengine.RunProgress) error { leave(); return nil }), context.Canceled)
}

// TestWatchersHearWhatMayHaveChanged in another process, each of its own run.
func TestWatchersHearWhatMayHaveChanged(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, postgres.Context)
	pool := db.Pool(postgres.Context)
	here, there := postgres.NewRoundReports(pool), postgres.NewRoundReports(pool)
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: msp})
	stranger := tenant.With(t.Context(), tenant.Call{Tenant: "another"})
	one := here.Subscribe(ctx, "one")
	<-one.News() // it listens from now on
	two, foreign := here.Subscribe(ctx, "two"), here.Subscribe(stranger, "one")
	quiet := func(watches ...syncengine.RoundWatch) {
		t.Helper()
		for _, watch := range watches {
			select {
			case <-watch.News():
				require.Fail(t, "a watcher heard of what is not its own")
			default:
			}
		}
	}
	require.NoError(t, there.Changed(ctx, "one"))
	<-one.News()
	quiet(two, foreign)
	require.NoError(t, there.Changed(ctx, "")) // any run of the tenant
	<-one.News()
	<-two.News()
	quiet(foreign)
	require.NoError(t, there.Publish(ctx, "two", managed, syncengine.Progress{Phase: syncengine.PhaseStaging, Staged: 1}))
	<-two.News()
	quiet(one, foreign)
	require.Empty(t, one.Since())
	require.Equal(t, map[string]syncengine.Progress{managed: {Phase: syncengine.PhaseStaging, Staged: 1}}, two.Since())
	require.Empty(t, two.Since())

	// Of managed tenants that close together the first is heard of at once, the others once
	// more.
	for range 100 {
		require.NoError(t, there.Closed(ctx, "one"))
	}
	<-one.News()
	<-one.News()
	quiet(two, foreign)
	for _, watch := range []syncengine.RoundWatch{one, two, foreign} {
		watch.End()
		watch.End() // once more does nothing
	}
}
