package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestARoundNeverWaitsLongerThanAStatementMay locks tables that rounds need, one
// after the other when the round comes to a phase, and for good.
func TestARoundNeverWaitsLongerThanAStatementMay(t *testing.T) {
	t.Parallel()
	for _, stop := range []struct{ phase, table string }{
		{syncengine.PhaseMapping, "directory_mappings"},
		{syncengine.PhaseStaging, "directory_mappings"},
		{syncengine.PhasePreparing, "entra_contact_links"},
		{syncengine.PhaseDeciding, "client_heads"},
		{syncengine.PhaseDeciding, "contacts"},
		{syncengine.PhaseApplying, "client_heads"},
		{syncengine.PhaseApplying, "contacts"},
		{syncengine.PhaseApplying, "entra_contact_links"},
		{syncengine.PhaseApplying, "feed_heads"},
		{syncengine.PhaseClosing, "directories"},
	} {
		t.Run(stop.phase+" "+stop.table, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			patient := e.sync
			store := postgres.New(e.db.Pool(postgres.Context), round.Timeouts{Range: 2 * time.Second, Directory: 2 * time.Second})
			e.sync = syncengine.NewSyncTenant(store, e.dir, e.mapping, e.queue, e.clock)
			e.dir.users = people(3)
			run := e.started(syncengine.TypeAllTenants, false)
			var lock pgx.Tx
			try := func() error {
				_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) (err error) {
					if p.Phase == stop.phase && lock == nil {
						if lock, err = e.admin.Begin(e.ctx()); err == nil {
							_, err = lock.Exec(e.ctx(), `LOCK TABLE `+stop.table+` IN ACCESS EXCLUSIVE MODE`)
						}
					}
					return err
				})
				return err
			}
			err := try()
			for lock == nil { // on a busy machine a statement may take that long by itself
				require.Equal(t, "database_timeout", errs.ReasonOf(err), "%v", err)
				err = try()
			}
			require.NoError(t, lock.Rollback(e.ctx()))
			require.Equal(t, errs.Deadline, errs.KindOf(err), "%v", err)
			require.Equal(t, "database_timeout", errs.ReasonOf(err))

			_, err = patient.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
			require.NoError(t, err, "another try finds what was done and does the rest")
			require.Equal(t, syncengine.Counters{Created: 3}, e.finished(run.ID).Counters)
		})
	}
}

// TestProgressShowsHowFarAPhaseHasCome stages more than one transaction decides.
func TestProgressShowsHowFarAPhaseHasCome(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const users, step = 26_000, 25_000
	e.dir.stream = streamOf(users)
	run := e.started(syncengine.TypeAllTenants, false)
	seen := map[string][]int{}
	applied := 0
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		seen[p.Phase] = append(seen[p.Phase], p.Done)
		require.GreaterOrEqual(t, p.Applied, applied)
		applied = p.Applied
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, step, users}, seen[syncengine.PhasePreparing])
	require.Equal(t, []int{0, step, users, users + step, 2 * users}, seen[syncengine.PhaseDeciding], "those with a link, then those without")
	require.Equal(t, e.finished(run.ID).Counters.Created, applied)

	// Links of another client are brought in line range by range.
	e.remap(other)
	seen, run = map[string][]int{}, e.started(syncengine.TypeAllTenants, false)
	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		seen[p.Phase] = append(seen[p.Phase], p.Done)
		return nil
	})
	require.NoError(t, err)
	links := seen[syncengine.PhaseMapping]
	require.Equal(t, []int{0, syncengine.RangeSize, 2 * syncengine.RangeSize}, links[:3])
	require.Equal(t, applied, links[len(links)-1])
}
