package postgres

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// RunIdentitiesTo reads the place of the last of so many identities of a report.
func (s *Store) RunIdentitiesTo(ctx context.Context, page syncengine.IdentityPage, most int) (to *syncengine.IdentityPlace, err error) {
	run, err := parse(page.RunID, syncengine.ErrUnknownRun)
	if err != nil {
		return nil, err
	}
	params := sqlc.RunIdentitiesToParams{RunID: run, Reads: int32(most), BeforeLast: int32(most - 1)} // some ten thousand
	params.AfterManagedTenant, params.AfterObject, params.AfterN = beginning(page)
	params.ToManagedTenant, params.ToObject, params.ToN = end(page)
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		row, err := q.RunIdentitiesTo(ctx, params)
		if pg.NoRows(err) {
			return nil
		}
		to = &syncengine.IdentityPlace{ManagedTenantID: row.ManagedTenantID, ObjectID: row.EntraObjectID, Number: int(row.N)}
		return err
	}, pg.ReadOnly())
	return to, err
}

// beginning is the place after which a page begins. That of one managed tenant begins
// where that does.
func beginning(page syncengine.IdentityPage) (managedTenantID, objectID string, n int32) {
	first := page.Filter.ManagedTenantID
	if at := page.After; at != nil && at.ManagedTenantID >= first {
		return at.ManagedTenantID, at.ObjectID, int32(at.Number) // as it was stored
	}
	return first, "", -1
}

// end is the place up to which a page goes.
func end(page syncengine.IdentityPage) (managedTenantID, objectID string, n int32) {
	switch to := page.UpTo; {
	case to != nil:
		return to.ManagedTenantID, to.ObjectID, int32(to.Number) // as it was stored
	case page.Filter.ManagedTenantID != "":
		return page.Filter.ManagedTenantID, lastKey, math.MaxInt32
	}
	return lastKey, lastKey, math.MaxInt32
}

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
	params.AfterManagedTenant, params.AfterObject, params.AfterN = beginning(page)
	params.ToManagedTenant, params.ToObject, params.ToN = end(page)
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
func (s *Store) CountRunIdentities(ctx context.Context, page syncengine.IdentityPage, most int) (count int, err error) {
	run, err := parse(page.RunID, syncengine.ErrUnknownRun)
	if err != nil {
		return 0, err
	}
	f := page.Filter
	params := sqlc.CountRunIdentitiesParams{
		RunID: run, ManagedTenantID: pg.TextOrNil(f.ManagedTenantID), Outcome: pg.TextOrNil(f.Outcome), Reason: pg.TextOrNil(f.Reason),
		Q: pg.TextOrNil(f.Q), Most: int32(most), // some thousand
	}
	params.AfterManagedTenant, params.AfterObject, params.AfterN = beginning(page)
	params.ToManagedTenant, params.ToObject, params.ToN = end(page)
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		n, err := q.CountRunIdentities(ctx, params)
		count = int(n)
		return err
	}, pg.ReadOnly())
	return count, err
}

// KeepReports makes the partitions of reports to come and drops those of runs that
// were made more than so many days ago; 0 drops none. It returns what it did.
func (s *Store) KeepReports(ctx context.Context, days int) (done []string, err error) {
	err = pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		done, err = sqlc.New(tx).KeepReportDays(ctx, int32(days)) // a few thousand
		return err
	})
	return done, err
}
