package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres/sqlc"
)

// streamSize is how many managed tenants one query of a stream reads.
const streamSize = 500

// Latest reads the latest discovery and what it could not read.
func (s *Store) Latest(ctx context.Context) (discovery.Latest, error) {
	var latest discovery.Latest
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		row, err := q.LatestDiscovery(ctx)
		switch {
		case pg.NoRows(err):
		case err != nil:
			return err
		default:
			latest.Discovery = discoveryOf(row)
		}
		if latest.LastDiscoveryAt, err = lastCompleted(ctx, q); err != nil {
			return err
		}
		latest.Unreadable, err = unreadable(ctx, q)
		return err
	}, pg.ReadOnly(), pg.RepeatableRead())
	return latest, err
}

func discoveryOf(row sqlc.LatestDiscoveryRow) *discovery.Discovery {
	d := &discovery.Discovery{
		OperationID: row.ID.String(), State: discovery.RunState(row.State), StartedAt: row.StartedAt,
		CompletedAt: row.CompletedAt, Discovered: row.DiscoveredTenantCount,
	}
	if row.ErrorCode != nil {
		d.Error = &discovery.Problem{Code: *row.ErrorCode, Message: pg.Text(row.ErrorMessage), Remedy: pg.Text(row.ErrorRemedy)}
	}
	return d
}

func lastCompleted(ctx context.Context, q *sqlc.Queries) (*time.Time, error) {
	head, err := q.Head(ctx)
	if pg.NoRows(err) {
		return nil, nil
	}
	return head.LastCompletedAt, err
}

func unreadable(ctx context.Context, q *sqlc.Queries) ([]discovery.ManagedTenant, error) {
	rows, err := q.UnreadableTenants(ctx)
	return tenants(rows, func(row sqlc.UnreadableTenantsRow) sqlc.ListManagedTenantsRow { return sqlc.ListManagedTenantsRow(row) }), err
}

// Summary counts managed tenants and lists those that need a person.
func (s *Store) Summary(ctx context.Context, endingBefore time.Time) (discovery.Summary, error) {
	var summary discovery.Summary
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		counts, err := q.CountByState(ctx)
		if err != nil {
			return err
		}
		summary.Active, summary.Gone = counts.Active, counts.Gone
		if summary.LastDiscoveryAt, err = lastCompleted(ctx, q); err != nil {
			return err
		}
		if summary.Unreadable, err = unreadable(ctx, q); err != nil {
			return err
		}
		rows, err := q.TenantsWithAccessEnding(ctx, &endingBefore)
		summary.AccessEnding = tenants(rows, func(row sqlc.TenantsWithAccessEndingRow) sqlc.ListManagedTenantsRow {
			return sqlc.ListManagedTenantsRow(row)
		})
		return err
	}, pg.ReadOnly(), pg.RepeatableRead())
	return summary, err
}

// List reads a page of managed tenants by name.
func (s *Store) List(ctx context.Context, state discovery.State, queryKey, query string, after *page.Cursor, limit int32,
) ([]discovery.ManagedTenant, error) {
	key, id, err := after.Place()
	if err != nil {
		return nil, err
	}
	params := sqlc.ListManagedTenantsParams{State: string(state), QueryKey: queryKey, Query: query, AfterKey: key, AfterID: id, Size: limit}
	var list []discovery.ManagedTenant
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).ListManagedTenants(ctx, params)
		list = tenants(rows, func(row sqlc.ListManagedTenantsRow) sqlc.ListManagedTenantsRow { return row })
		return err
	}, pg.ReadOnly())
	return list, err
}

// Count counts what List lists, and stops after so many.
func (s *Store) Count(ctx context.Context, state discovery.State, queryKey, query string, most int32) (count int32, err error) {
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		count, err = sqlc.New(tx).CountManagedTenants(ctx, sqlc.CountManagedTenantsParams{
			State: string(state), QueryKey: queryKey, Query: query, Most: most,
		})
		return err
	}, pg.ReadOnly())
	return count, err
}

// Each reads the managed tenants with the given ids, or all, by id.
func (s *Store) Each(ctx context.Context, ids []string, each func([]discovery.ManagedTenant) error) error {
	if len(ids) > 0 {
		return s.eachOf(ctx, ids, each)
	}
	var after uuid.UUID
	for {
		var rows []sqlc.ManagedTenantsAfterRow
		err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
			rows, err = sqlc.New(tx).ManagedTenantsAfter(ctx, sqlc.ManagedTenantsAfterParams{After: after, Size: streamSize})
			return err
		}, pg.ReadOnly())
		if err != nil || len(rows) == 0 {
			return err
		}
		part := tenants(rows, func(row sqlc.ManagedTenantsAfterRow) sqlc.ListManagedTenantsRow {
			return sqlc.ListManagedTenantsRow(row)
		})
		if err := each(part); err != nil || len(rows) < streamSize {
			return err
		}
		after = rows[len(rows)-1].ID
	}
}

// CountOthers counts the managed tenants that are not gone, except the given ones.
func (s *Store) CountOthers(ctx context.Context, exceptIDs []string) (count int32, err error) {
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		count, err = sqlc.New(tx).CountOthers(ctx, pg.KnownIDs(exceptIDs))
		return err
	}, pg.ReadOnly())
	return count, err
}

func (s *Store) eachOf(ctx context.Context, ids []string, each func([]discovery.ManagedTenant) error) error {
	parsed := pg.KnownIDs(ids)
	var part []discovery.ManagedTenant
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).ManagedTenantsByID(ctx, parsed)
		part = tenants(rows, func(row sqlc.ManagedTenantsByIDRow) sqlc.ListManagedTenantsRow {
			return sqlc.ListManagedTenantsRow(row)
		})
		return err
	}, pg.ReadOnly())
	if err != nil || len(part) == 0 {
		return err
	}
	return each(part)
}

// tenants maps rows, which queries with the same columns give as different
// types of the same shape.
func tenants[R any](rows []R, as func(R) sqlc.ListManagedTenantsRow) []discovery.ManagedTenant {
	out := make([]discovery.ManagedTenant, 0, len(rows))
	for _, r := range rows {
		row := as(r)
		tenant := discovery.ManagedTenant{
			ID: row.ID.String(), EntraTenantID: row.EntraTenantID, DisplayName: row.DisplayName,
			PrimaryDomain: row.PrimaryDomain, Domains: row.Domains, SourceUserCount: row.SourceUserCount,
			State: discovery.State(row.State), AccessEndsAt: row.AccessEndsAt, DiscoveredAt: row.DiscoveredAt, LastSeenAt: row.LastSeenAt,
		}
		if row.ProblemCode != nil {
			tenant.Problem = &discovery.Problem{Code: *row.ProblemCode, Message: pg.Text(row.ProblemMessage), Remedy: pg.Text(row.ProblemRemedy)}
		}
		out = append(out, tenant)
	}
	return out
}
