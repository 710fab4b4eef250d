package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// addEnded adds so many runs that ended since dawn, one a minute, four of each five at the same time as
// the one before, made in another order than they ended. Beside them it adds what is no end of a sync:
// discoveries, dry runs, open runs, and another MSP's.
func (e *engine) addEnded(n int) {
	e.exec(`
		INSERT INTO entra_sync_runs (tenant_id, id, type, dry_run, trigger, state, workflow_id, initiated_by, created_at, completed_at)
		SELECT of.tenant, gen_random_uuid(), of.type, of.dry_run, 'schedule', (ARRAY['completed', 'partial', 'failed', 'cancelled', 'held'])[1 + n % 5], 'w', 'u',
		       $1::timestamptz, $1::timestamptz + interval '1 minute' * (n / 5)
		FROM generate_series(0, $2::int - 1) n, (VALUES ($3, 'all-tenants', false), ($3, 'all-tenants', true), ($3, 'discovery', false),
		     ('msp-2', 'all-tenants', false)) of (tenant, type, dry_run)`, e.now, n, msp)
	e.exec(`
		INSERT INTO entra_sync_runs (tenant_id, id, type, dry_run, trigger, state, workflow_id, initiated_by, created_at)
		VALUES ($1, gen_random_uuid(), 'all-tenants', false, 'schedule', 'running', 'w', 'u', $2)`, msp, e.now)
}

// TestEndedRunsAreNamedInTheOrderInWhichTheyEnded, however many there are, without one twice.
func TestEndedRunsAreNamedInTheOrderInWhichTheyEnded(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.addEnded(1000)
	ended := syncengine.NewListEndedRuns(e.store)
	since := e.now.Add(20 * time.Minute)
	want := e.rows(`SELECT id::text FROM entra_sync_runs WHERE tenant_id = 'msp-1' AND NOT dry_run AND type <> 'discovery' AND completed_at >= $1
		ORDER BY completed_at, id`, since)
	require.Len(t, want, 900)

	at, after, got := since, "", []string{}
	for {
		page, err := ended.Do(e.ctx(), at, after, 113)
		require.NoError(t, err)
		for _, run := range page {
			got = append(got, run.RunID)
			require.True(t, syncengine.IsTerminal(run.State))
			require.False(t, run.At.Before(at))
			at, after = run.At, run.RunID
		}
		if len(page) < 113 {
			break
		}
	}
	require.Equal(t, want, got)
	none, err := ended.Do(e.ctx(), at, after, 113)
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = ended.Do(e.ctx(), at, "no id", 113)
	require.Error(t, err)

	shown, err := ended.Show(e.ctx(), got[0])
	require.NoError(t, err)
	require.Equal(t, got[0], shown.ID)
	_, err = ended.Show(e.ctx(), e.rows(`SELECT id::text FROM entra_sync_runs WHERE tenant_id = 'msp-2' LIMIT 1`)[0])
	require.ErrorIs(t, err, syncengine.ErrUnknownRun)
}

// TestAnEndedRunIsShownWithItsTotals, as the list of runs shows it.
func TestAnEndedRunIsShownWithItsTotals(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = crowd(3)
	run := e.round().RunID
	listed, _, _, err := e.runs.Do(e.ctx(), syncengine.RunPage{Size: 1})
	require.NoError(t, err)
	ended := syncengine.NewListEndedRuns(e.store)
	shown, err := ended.Show(e.ctx(), run)
	require.NoError(t, err)
	require.Equal(t, listed[0], shown)
	require.Equal(t, 3, shown.Totals.Counters.Created)
	named, err := ended.Do(e.ctx(), *shown.CompletedAt, "", 10)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(named, func(r syncengine.EndedRun) bool { return r.RunID == run && r.At.Equal(*shown.CompletedAt) }))
}

// TestAskingForEndedRunsCostsWhatItFinds: while nothing has ended since, it costs a few blocks whatever
// else the tenant has, also before PostgreSQL has looked at the table.
func TestAskingForEndedRunsCostsWhatItFinds(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.addEnded(10_000)
	sql := pgtest.Queries(t, "queries/runs.sql")["ListEndedRuns"]
	look := func(since time.Time, rows, blocks int) {
		t.Helper()
		err := pg.InTenant(e.ctx(), e.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
			cost, err := pgtest.Explain(ctx, tx, sql, pgx.NamedArgs{"since": since, "after": uuid.Nil, "size": 200})
			require.NoError(t, err)
			require.Equal(t, rows, cost.Rows)
			require.Less(t, cost.Blocks, blocks)
			return nil
		}, pg.ReadOnly())
		require.NoError(t, err)
	}
	for range 2 {
		look(e.now.Add(10_000*time.Minute), 0, 10)
		look(e.now.Add(1999*time.Minute), 5, 20)
		look(e.now, 200, 300)
		e.exec(`ANALYZE entra_sync_runs`)
	}
}
