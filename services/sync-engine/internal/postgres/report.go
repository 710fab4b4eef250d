package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// RunIdentities reads one page of a run's report.
func (s *Store) RunIdentities(ctx context.Context, page syncengine.IdentityPage) (found []syncengine.RunIdentity, err error) {
	run, err := parse(page.RunID, syncengine.ErrUnknownRun)
	if err != nil {
		return nil, err
	}
	f := page.Filter
	params := sqlc.ListRunIdentitiesParams{
		RunID: run, ManagedTenantID: pg.TextOrNil(f.ManagedTenantID), Outcome: pg.TextOrNil(f.Outcome), Reason: pg.TextOrNil(f.Reason),
		Q: pg.TextOrNil(f.Q), Size: int32(page.Size), // some thousand
	}
	if page.After != nil {
		params.AfterManagedTenant, params.AfterObject, params.AfterN = page.After.ManagedTenantID, page.After.ObjectID, int32(page.After.Number)
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListRunIdentities(ctx, params)
		found = make([]syncengine.RunIdentity, len(rows))
		for i := range rows {
			found[i] = runIdentityOf(&rows[i])
		}
		return err
	}, pg.ReadOnly())
	return found, err
}

func runIdentityOf(r *sqlc.ListRunIdentitiesRow) syncengine.RunIdentity {
	identity := syncengine.RunIdentity{
		Place:       syncengine.IdentityPlace{ManagedTenantID: r.ManagedTenantID, ObjectID: r.EntraObjectID, Number: int(r.N)},
		DisplayName: r.DisplayName, UserPrincipalName: r.UserPrincipalName, Outcome: r.Outcome, Reason: pg.Text(r.Reason),
		Pattern: pg.Text(r.Pattern), ContactID: pg.ID(r.ContactID),
	}
	for i, field := range r.Fields {
		if r.Before[i] != r.After[i] { // what is created may have empty fields
			identity.Changes = append(identity.Changes, syncengine.FieldChange{Field: field, Before: r.Before[i], After: r.After[i]})
		}
	}
	return identity
}

// CountRunIdentities counts a run's report, up to so many.
func (s *Store) CountRunIdentities(ctx context.Context, runID string, f syncengine.IdentityFilter, most int) (count int, err error) {
	run, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return 0, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		n, err := q.CountRunIdentities(ctx, sqlc.CountRunIdentitiesParams{
			RunID: run, ManagedTenantID: pg.TextOrNil(f.ManagedTenantID), Outcome: pg.TextOrNil(f.Outcome), Reason: pg.TextOrNil(f.Reason),
			Q: pg.TextOrNil(f.Q), Most: int32(most), // some thousand
		})
		count = int(n)
		return err
	}, pg.ReadOnly())
	return count, err
}

// KeepReports makes the partitions of reports to come and drops those of runs that
// were made more than so many days ago; 0 drops none. It tells what it did.
func (s *Store) KeepReports(ctx context.Context, days int) (done []string, err error) {
	err = pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		done, err = sqlc.New(tx).KeepReportDays(ctx, int32(days)) // a few thousand
		return err
	})
	return done, err
}
