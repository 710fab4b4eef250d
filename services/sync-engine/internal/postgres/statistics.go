package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// addStatistics adds runs that the transaction has ended to their days.
func addStatistics(ctx context.Context, q *sqlc.Queries, runs ...uuid.UUID) error {
	if len(runs) == 0 {
		return nil
	}
	if err := q.AddStatistics(ctx, runs); err != nil {
		return err
	}
	return q.AddFailures(ctx, runs)
}

// Statistics implements syncengine.StatisticsReader.
func (s *Store) Statistics(ctx context.Context, since string) (days []syncengine.DayStatistics, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListStatistics(ctx, since)
		if err != nil {
			return err
		}
		failures, err := q.ListFailures(ctx, since)
		if err != nil {
			return err
		}
		byDay := map[string]map[string]int{}
		for _, f := range failures {
			if byDay[f.Day] == nil {
				byDay[f.Day] = map[string]int{}
			}
			byDay[f.Day][f.Code] = int(f.Tenants)
		}
		days = make([]syncengine.DayStatistics, len(rows))
		for i, r := range rows {
			days[i] = syncengine.DayStatistics{
				Day: r.Day, Completed: int(r.Completed), Partial: int(r.Partial), Failed: int(r.Failed), Cancelled: int(r.Cancelled), Held: int(r.Held),
				Seconds: int(r.Seconds), LongestSeconds: int(r.LongestSeconds), Tenants: int(r.Tenants), FailedTenants: int(r.FailedTenants),
				HeldTenants: int(r.HeldTenants), Failures: byDay[r.Day],
				Counters: syncengine.Counters{
					Created: int(r.Created), Linked: int(r.Linked), Updated: int(r.Updated), Unchanged: int(r.Unchanged), Ambiguous: int(r.Ambiguous),
					Inactivated: int(r.Inactivated), Reactivated: int(r.Reactivated), Filtered: int(r.Filtered), Failed: int(r.Failures),
				},
			}
		}
		return nil
	}, pg.ReadOnly())
	return days, err
}

// TenantResults implements syncengine.TenantResultReader.
func (s *Store) TenantResults(
	ctx context.Context, page syncengine.TenantResultPage, states []syncengine.State,
) (results []syncengine.ManagedTenant, err error) {
	run, err := parse(page.RunID, syncengine.ErrUnknownRun)
	if err != nil {
		return nil, err
	}
	params := sqlc.ListTenantResultsParams{
		RunID: run, AfterGroup: int32(page.AfterGroup), AfterPosition: int32(page.AfterPosition), // of rows that there are
		States: textsOf(states), Q: pg.TextOrNil(page.Filter.Q), Size: int32(page.Size),
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListTenantResults(ctx, params)
		if err != nil {
			return err
		}
		results = make([]syncengine.ManagedTenant, len(rows))
		for i, row := range rows {
			if results[i], err = managedTenantOf(sqlc.GetRunTenantRow(row)); err != nil {
				return err
			}
		}
		return addDecisions(ctx, q, run, results)
	}, pg.ReadOnly())
	return results, err
}

// CountTenantResults implements syncengine.TenantResultReader.
func (s *Store) CountTenantResults(ctx context.Context, runID, search string, states []syncengine.State) (count int, err error) {
	run, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return 0, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		n, err := q.CountTenantResults(ctx, sqlc.CountTenantResultsParams{RunID: run, States: textsOf(states), Q: pg.TextOrNil(search)})
		count = int(n)
		return err
	}, pg.ReadOnly())
	return count, err
}

// textsOf is nil for nil, which is no filter.
func textsOf(states []syncengine.State) (texts []string) {
	if states != nil {
		texts = make([]string, len(states))
	}
	for i, state := range states {
		texts[i] = string(state)
	}
	return texts
}
