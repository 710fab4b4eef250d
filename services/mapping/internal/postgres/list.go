package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// reading runs fn in a read-only transaction.
func (s *Store) reading(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries) error, opts ...pg.TxOption) error {
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		return fn(ctx, sqlc.New(tx))
	}, append(opts, pg.ReadOnly())...)
}

// Snapshot reads everything that a preview needs, as of one moment.
func (s *Store) Snapshot(ctx context.Context) (snapshot mapping.Snapshot, err error) {
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if snapshot.Version, err = q.Version(ctx); err != nil {
			return err
		}
		if snapshot.Active, err = active(ctx, q); err != nil {
			return err
		}
		if snapshot.Ended, err = ended(ctx, q); err != nil {
			return err
		}
		rows, err := q.LivingClients(ctx)
		snapshot.Clients = clients(rows, func(row sqlc.LivingClientsRow) sqlc.ListClientsRow { return sqlc.ListClientsRow(row) })
		return err
	}, pg.RepeatableRead())
	return snapshot, err
}

// Clients reads a page of clients by name, with their mappings.
func (s *Store) Clients(ctx context.Context, search mapping.ClientSearch, after *page.Cursor, limit int32) (list []mapping.Client, err error) {
	key, id, err := after.Place()
	if err != nil {
		return nil, err
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if search == (mapping.ClientSearch{}) {
			rows, err := q.ListClients(ctx, sqlc.ListClientsParams{AfterKey: key, AfterID: id, Size: limit})
			if err != nil {
				return err
			}
			list = clients(rows, func(row sqlc.ListClientsRow) sqlc.ListClientsRow { return row })
			return withMappings(ctx, q, list)
		}
		rows, err := q.SearchClients(ctx, sqlc.SearchClientsParams{
			NameKey: search.NameKey, DomainFrom: search.DomainFrom, DomainBefore: search.DomainBefore, AfterKey: key, AfterID: id, Size: limit,
		})
		if err != nil {
			return err
		}
		list = clients(rows, func(row sqlc.SearchClientsRow) sqlc.ListClientsRow { return sqlc.ListClientsRow(row) })
		return withMappings(ctx, q, list)
	})
	return list, err
}

// CountClients counts what Clients lists, and stops after so many.
func (s *Store) CountClients(ctx context.Context, search mapping.ClientSearch, most int32) (count int32, err error) {
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if search == (mapping.ClientSearch{}) {
			count, err = q.CountClients(ctx, most)
			return err
		}
		count, err = q.CountFoundClients(ctx, sqlc.CountFoundClientsParams{
			NameKey: search.NameKey, DomainFrom: search.DomainFrom, DomainBefore: search.DomainBefore, Most: most,
		})
		return err
	})
	return count, err
}

// Client reads one client with its mappings; nil when there is none.
func (s *Store) Client(ctx context.Context, id string) (client *mapping.Client, err error) {
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.ClientsByID(ctx, pg.KnownIDs([]string{id}))
		if err != nil || len(rows) == 0 {
			return err
		}
		one := []mapping.Client{clientOf(sqlc.ListClientsRow(rows[0]))}
		client = &one[0]
		return withMappings(ctx, q, one)
	})
	return client, err
}

// Mappings reads a page of decisions in force by the managed tenant's name.
func (s *Store) Mappings(ctx context.Context, search mapping.Search, after *page.Cursor, limit int32) (list []mapping.Mapping, err error) {
	key, id, err := after.Place()
	if err != nil {
		return nil, err
	}
	managed, ok := orphanedTenant(search)
	if !ok {
		return nil, nil
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if search.Orphans {
			rows, err := q.ListOrphaned(ctx, sqlc.ListOrphanedParams{
				ManagedTenantID: managed, State: string(search.State), Exact: search.Exact, NameKey: search.NameKey,
				AfterKey: key, AfterID: id, Size: limit,
			})
			list = mappings(rows, orphaned)
			return err
		}
		rows, err := q.ListMappings(ctx, sqlc.ListMappingsParams{
			State: string(search.State), Exact: search.Exact, NameKey: search.NameKey, AfterKey: key, AfterID: id, Size: limit,
		})
		list = mappings(rows, func(row sqlc.ListMappingsRow) sqlc.ActiveMappingsRow { return sqlc.ActiveMappingsRow(row) })
		return err
	})
	return list, err
}

// CountMappings counts what Mappings lists, and stops after so many.
func (s *Store) CountMappings(ctx context.Context, search mapping.Search, most int32) (count int32, err error) {
	managed, ok := orphanedTenant(search)
	if !ok {
		return 0, nil
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if search.Orphans {
			count, err = q.CountOrphaned(ctx, sqlc.CountOrphanedParams{
				ManagedTenantID: managed, State: string(search.State), Exact: search.Exact, NameKey: search.NameKey, Most: most,
			})
			return err
		}
		count, err = q.CountMappings(ctx, sqlc.CountMappingsParams{State: string(search.State), Exact: search.Exact, NameKey: search.NameKey, Most: most})
		return err
	})
	return count, err
}

// orphanedTenant is the one managed tenant that is searched for, nil for all;
// ok is false for what is no id of ours, of which nothing is known.
func orphanedTenant(search mapping.Search) (id *uuid.UUID, ok bool) {
	if search.ManagedTenantID == "" {
		return nil, true
	}
	parsed, err := uuid.Parse(search.ManagedTenantID)
	return &parsed, err == nil
}

// MappingsOf reads the decisions about one managed tenant, the newest first.
func (s *Store) MappingsOf(ctx context.Context, managedTenantID string, past bool, below int64, limit int32) (list []mapping.Mapping, err error) {
	id, err := uuid.Parse(managedTenantID)
	if err != nil {
		return nil, nil //nolint:nilerr // no id of ours: nothing is known of it
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.MappingsOfTenant(ctx, sqlc.MappingsOfTenantParams{ManagedTenantID: id, Below: below, Past: past, Size: limit})
		list = mappings(rows, func(row sqlc.MappingsOfTenantRow) sqlc.ActiveMappingsRow { return sqlc.ActiveMappingsRow(row) })
		return err
	})
	return list, err
}

// Mapped reads a page of mapped tenants in order of confirmation.
func (s *Store) Mapped(ctx context.Context, of mapping.MappedSearch, after *page.Cursor, limit int32) (list []mapping.MappedTenant, err error) {
	key, id, err := after.Place()
	if err != nil {
		return nil, err
	}
	var at time.Time
	if after != nil {
		if at, err = time.Parse(time.RFC3339Nano, key); err != nil {
			return nil, page.ErrToken
		}
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if of.CreateNew {
			rows, err := q.TenantsToCreate(ctx, sqlc.TenantsToCreateParams{AfterAt: at, AfterID: id, Size: limit})
			list = mapped(rows, func(row sqlc.TenantsToCreateRow) sqlc.MappedTenantRow { return sqlc.MappedTenantRow(row) })
			return err
		}
		if of.ClientID == "" {
			rows, err := q.MappedTenants(ctx, sqlc.MappedTenantsParams{AfterAt: at, AfterID: id, Size: limit})
			list = mapped(rows, func(row sqlc.MappedTenantsRow) sqlc.MappedTenantRow { return sqlc.MappedTenantRow(row) })
			return err
		}
		client, err := uuid.Parse(of.ClientID)
		if err != nil {
			return nil //nolint:nilerr // no id of ours: nothing is mapped to it
		}
		rows, err := q.MappedTenantsOfClient(ctx, sqlc.MappedTenantsOfClientParams{ClientID: &client, AfterAt: at, AfterID: id, Size: limit})
		list = mapped(rows, func(row sqlc.MappedTenantsOfClientRow) sqlc.MappedTenantRow { return sqlc.MappedTenantRow(row) })
		return err
	})
	return list, err
}

// MappedTenant reads the mapping of one managed tenant; nil when it has none.
func (s *Store) MappedTenant(ctx context.Context, managedTenantID string) (tenant *mapping.MappedTenant, err error) {
	id, err := uuid.Parse(managedTenantID)
	if err != nil {
		return nil, nil //nolint:nilerr // no id of ours: it is not mapped
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		row, err := q.MappedTenant(ctx, id)
		if pg.NoRows(err) {
			return nil
		}
		if err == nil {
			tenant = &mapped([]sqlc.MappedTenantRow{row}, func(row sqlc.MappedTenantRow) sqlc.MappedTenantRow { return row })[0]
		}
		return err
	})
	return tenant, err
}

func mapped[R any](rows []R, as func(R) sqlc.MappedTenantRow) []mapping.MappedTenant {
	out := make([]mapping.MappedTenant, 0, len(rows))
	for _, r := range rows {
		row := as(r)
		out = append(out, mapping.MappedTenant{
			ManagedTenantID: row.ManagedTenantID.String(), EntraTenantID: row.EntraTenantID, ClientID: pg.ID(row.ClientID),
			Revision: row.Revision, ConfirmedAt: row.DecidedAt, MappingID: row.ID.String(),
		})
	}
	return out
}

// Resolve reads which of the clients exist and are not deleted.
func (s *Store) Resolve(ctx context.Context, ids, externalIDs []string) (found []mapping.Client, err error) {
	if externalIDs == nil {
		externalIDs = []string{}
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.ResolveClients(ctx, sqlc.ResolveClientsParams{Ids: pg.KnownIDs(ids), ExternalIds: externalIDs})
		for _, row := range rows {
			found = append(found, mapping.Client{ID: row.ID.String(), ExternalID: pg.Text(row.ExternalID)})
		}
		return err
	})
	return found, err
}

// States reads the states of the decisions in force.
func (s *Store) States(ctx context.Context) (inForce mapping.States, err error) {
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		inForce, err = states(ctx, q)
		return err
	})
	return inForce, err
}
