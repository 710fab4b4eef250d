// Package postgres keeps clients, mappings and effects in PostgreSQL.
package postgres

import (
	"context"
	"embed"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// Context names the schema and the roles of this service.
const Context = "mapping"

//go:embed bulk/*.sql
var bulk embed.FS

// The statements that write many rows in one pass, which sqlc cannot type.
var (
	upsertClients    = statement("upsert_clients")
	addClientDomains = statement("add_client_domains")
	addMappings      = statement("add_mappings")
	createClients    = statement("create_clients")
)

// statement reads an embedded file; a missing one is a fault of the build.
func statement(name string) string {
	text, err := bulk.ReadFile("bulk/" + name + ".sql")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Store keeps what mapping knows of the tenant that ctx works for.
type Store struct {
	pool  *pg.Pool
	newID func() uuid.UUID
}

// NewStore makes a store on a pool of this context; newID gives a new
// time-ordered UUID.
func NewStore(pool *pg.Pool, newID func() uuid.UUID) *Store { return &Store{pool: pool, newID: newID} }

// lockHead orders everything that changes the tenant's clients and mappings, and
// gives their version.
func lockHead(ctx context.Context, q *sqlc.Queries) (int64, error) {
	if err := q.EnsureHead(ctx); err != nil {
		return 0, err
	}
	return q.LockHead(ctx)
}

// ours parses an id that we made ourselves.
func ours(id string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, errs.Wrap(err, errs.Internal, reason.IDMalformed, "")
	}
	return parsed, nil
}

func clientOf(row sqlc.ListClientsRow) mapping.Client {
	return mapping.Client{
		ID: row.ID.String(), ExternalID: pg.Text(row.ExternalID), Name: row.Name, Website: row.Website, Domain: row.Domain,
		AlternativeDomains: row.AlternativeDomains, EmailDomains: row.EmailDomains, BillingEmail: row.BillingEmail,
		Deleted: row.Deleted, EntraTenantID: row.EntraTenantID, EntraPrimaryDomain: row.EntraPrimaryDomain,
		Version: row.Version,
	}
}

// clients maps rows, which queries with the same columns give as different types
// of the same shape.
func clients[R any](rows []R, as func(R) sqlc.ListClientsRow) []mapping.Client {
	out := make([]mapping.Client, 0, len(rows))
	for _, row := range rows {
		out = append(out, clientOf(as(row)))
	}
	return out
}

func mappings[R any](rows []R, as func(R) sqlc.ActiveMappingsRow) []mapping.Mapping {
	out := make([]mapping.Mapping, 0, len(rows))
	for _, r := range rows {
		row := as(r)
		m := row.EntraClientTenantMapping
		out = append(out, mapping.Mapping{
			ManagedTenantID: m.ManagedTenantID.String(), EntraTenantID: m.EntraTenantID, DisplayName: m.DisplayName,
			PrimaryDomain: m.PrimaryDomain, State: mapping.State(m.State), ClientID: pg.ID(m.ClientID), ClientName: pg.Text(row.ClientName), Score: m.Score,
			Revision: m.Revision, Version: m.Version, DecidedBy: m.DecidedBy, DecidedAt: m.DecidedAt,
			DeactivatedBy: pg.Text(m.DeactivatedBy), DeactivatedAt: m.DeactivatedAt, OrphanedLinks: &row.OrphanedLinks,
		})
	}
	return out
}

// orphaned is a mapping with orphaned links, as the others are read: its state is that of no column.
func orphaned(row sqlc.ListOrphanedRow) sqlc.ActiveMappingsRow {
	return sqlc.ActiveMappingsRow{
		EntraClientTenantMapping: sqlc.EntraClientTenantMapping{
			ManagedTenantID: row.ManagedTenantID, EntraTenantID: row.EntraTenantID, DisplayName: row.DisplayName,
			PrimaryDomain: row.PrimaryDomain, State: row.State, ClientID: row.ClientID, Score: row.Score,
			Revision: row.Revision, Version: row.Version, DecidedBy: row.DecidedBy, DecidedAt: row.DecidedAt,
			DeactivatedBy: row.DeactivatedBy, DeactivatedAt: row.DeactivatedAt,
		},
		ClientName: row.ClientName, OrphanedLinks: row.OrphanedLinks,
	}
}

func active(ctx context.Context, q *sqlc.Queries) ([]mapping.Mapping, error) {
	rows, err := q.ActiveMappings(ctx)
	return mappings(rows, func(row sqlc.ActiveMappingsRow) sqlc.ActiveMappingsRow { return row }), err
}

// activeOf reads the decisions in force about the given managed tenants.
func activeOf(ctx context.Context, q *sqlc.Queries, managedTenantIDs []string) ([]mapping.Mapping, error) {
	rows, err := q.ActiveMappingsOf(ctx, pg.KnownIDs(managedTenantIDs))
	return mappings(rows, func(row sqlc.ActiveMappingsOfRow) sqlc.ActiveMappingsRow { return sqlc.ActiveMappingsRow(row) }), err
}

// states reads the states of the decisions in force.
func states(ctx context.Context, q *sqlc.Queries) (mapping.States, error) {
	rows, err := q.StatesInForce(ctx)
	inForce := make(mapping.States, len(rows))
	for _, row := range rows {
		inForce[row.ManagedTenantID.String()] = mapping.State(row.State)
	}
	return inForce, err
}

// withMappings adds to each client its active mappings.
func withMappings(ctx context.Context, q *sqlc.Queries, clients []mapping.Client) error {
	if len(clients) == 0 {
		return nil
	}
	ids := make([]string, 0, len(clients))
	at := make(map[string]int, len(clients))
	for i, c := range clients {
		ids = append(ids, c.ID)
		at[c.ID] = i
	}
	rows, err := q.MappingsOfClients(ctx, pg.KnownIDs(ids))
	if err != nil {
		return err
	}
	for _, row := range rows {
		c := &clients[at[row.ClientID.String()]]
		c.Mappings = append(c.Mappings, mapping.ClientMapping{
			ManagedTenantID: row.ManagedTenantID.String(), EntraTenantID: row.EntraTenantID, DisplayName: row.DisplayName,
		})
	}
	return nil
}
