package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// CreateDecided makes the clients of create_new decisions, in one transaction.
func (s *Store) CreateDecided(ctx context.Context, actor, runID string, at time.Time, design func(mapping.Mapping) mapping.NewClient,
) (created int32, err error) {
	run, err := ours(runID)
	if err != nil {
		return 0, err
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if _, err := lockHead(ctx, q); err != nil {
			return err
		}
		if created, err = q.CountClientsOfRun(ctx, &run); err != nil || created > 0 {
			return err
		}
		inForce, err := active(ctx, q)
		if err != nil {
			return err
		}
		c, decisions, err := newClients(inForce, design)
		if err != nil || len(decisions) == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, createClients, run, at, c.ids, c.names, c.keys, c.domains); err != nil {
			return err
		}
		if err := addDomains(ctx, tx, c.ids, c.domains); err != nil {
			return err
		}
		_, effects, err := s.write(ctx, tx, actor, at, decisions)
		if err != nil {
			return err
		}
		created = int32(len(decisions))
		return outbox.Add(ctx, tx, effects...)
	})
	return created, err
}

// newColumns are new clients as the arrays that unnest takes.
type newColumns struct {
	ids                  []uuid.UUID
	names, keys, domains []string
}

// newClients designs a client for each create_new decision and the decision that
// maps the managed tenant to it.
func newClients(inForce []mapping.Mapping, design func(mapping.Mapping) mapping.NewClient) (c newColumns, decisions []decision, err error) {
	for _, m := range inForce {
		if m.State != mapping.StateCreateNew {
			continue
		}
		client := design(m)
		id, err := ours(client.ID)
		if err != nil {
			return newColumns{}, nil, err
		}
		c.ids, c.names = append(c.ids, id), append(c.names, client.Name)
		c.keys, c.domains = append(c.keys, client.NameKey), append(c.domains, client.Domain)
		m.State, m.ClientID = mapping.StateMapped, client.ID
		decisions = append(decisions, decision{Mapping: m})
	}
	return c, decisions, nil
}

// addDomains stores one domain of each client, where it has one.
func addDomains(ctx context.Context, tx pgx.Tx, ids []uuid.UUID, domains []string) error {
	var withDomain []uuid.UUID
	var normalised []string
	for i, text := range domains {
		if domain, ok := mapping.NormaliseDomain(text); ok {
			withDomain, normalised = append(withDomain, ids[i]), append(normalised, domain)
		}
	}
	_, err := tx.Exec(ctx, addClientDomains, withDomain, normalised)
	return err
}
