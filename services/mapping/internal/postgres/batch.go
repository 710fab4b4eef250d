package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// separator joins lists of domains on their way to the server.
const separator = "\x1f"

// WriteClients writes clients in one transaction and one pass.
func (s *Store) WriteClients(ctx context.Context, ids, externalIDs []string, at time.Time,
	decide func([]mapping.Client) []mapping.WriteClient,
) error {
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if _, err := lockHead(ctx, q); err != nil {
			return err
		}
		rows, err := q.ClientsByAnyID(ctx, sqlc.ClientsByAnyIDParams{Ids: pg.KnownIDs(ids), ExternalIds: externalIDs})
		if err != nil {
			return err
		}
		stored := clients(rows, func(row sqlc.ClientsByAnyIDRow) sqlc.ListClientsRow { return sqlc.ListClientsRow(row) })
		if err := withMappings(ctx, q, stored); err != nil {
			return err
		}
		writes := decide(stored)
		if len(writes) == 0 {
			return nil
		}
		return writeClients(ctx, tx, q, writes, at)
	})
}

func writeClients(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, writes []mapping.WriteClient, at time.Time) error {
	c, err := clientColumnsOf(writes)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, upsertClients, at, c.id, c.externalID, c.name, c.nameKey, c.website, c.domain,
		c.alternativeDomains, c.emailDomains, c.billingEmail, c.deleted); err != nil {
		return err
	}
	if err := q.DropClientDomains(ctx, c.id); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, addClientDomains, c.domainOf, c.domains)
	return err
}

// clientColumns are clients as the arrays that unnest takes.
type clientColumns struct {
	id                                                                                         []uuid.UUID
	externalID, name, nameKey, website, domain, alternativeDomains, emailDomains, billingEmail []string
	deleted                                                                                    []bool
	domainOf                                                                                   []uuid.UUID
	domains                                                                                    []string
}

func clientColumnsOf(writes []mapping.WriteClient) (c clientColumns, err error) {
	for _, w := range writes {
		id, err := ours(w.ID)
		if err != nil {
			return clientColumns{}, err
		}
		c.id = append(c.id, id)
		c.externalID = append(c.externalID, w.ExternalID)
		c.name = append(c.name, w.Name)
		c.nameKey = append(c.nameKey, w.NameKey)
		c.website = append(c.website, w.Website)
		c.domain = append(c.domain, w.Domain)
		c.alternativeDomains = append(c.alternativeDomains, strings.Join(w.AlternativeDomains, separator))
		c.emailDomains = append(c.emailDomains, strings.Join(w.EmailDomains, separator))
		c.billingEmail = append(c.billingEmail, w.BillingEmail)
		c.deleted = append(c.deleted, w.Deleted)
		for _, domain := range w.Domains {
			c.domainOf = append(c.domainOf, id)
			c.domains = append(c.domains, domain)
		}
	}
	return c, nil
}
