package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// Decide writes decisions in one transaction.
func (s *Store) Decide(ctx context.Context, actor string, at time.Time, wanted []string,
	decide func(mapping.Current) (mapping.Verdict, error),
) (mapping.Written, error) {
	var written mapping.Written
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		current, err := read(ctx, q, wanted)
		if err != nil {
			return err
		}
		verdict, err := decide(current)
		if err != nil {
			return err
		}
		written.Version = current.Version
		if len(verdict.Changes) > 0 {
			if written.Version, err = s.write(ctx, tx, actor, at, decisionsOf(verdict.Changes, actor)); err != nil {
				return err
			}
		}
		if written.Active, err = active(ctx, q); err != nil || verdict.Effect == "" {
			return err
		}
		written.EffectID, err = s.addEffect(ctx, q, actor, verdict.Effect, at)
		return err
	})
	return written, err
}

// read locks the tenant's mappings and reads what decisions are checked against.
func read(ctx context.Context, q *sqlc.Queries, wanted []string) (mapping.Current, error) {
	version, err := lockHead(ctx, q)
	if err != nil {
		return mapping.Current{}, err
	}
	current := mapping.Current{Version: version, Active: map[string]mapping.Mapping{}, Clients: map[string]mapping.Client{}}
	inForce, err := active(ctx, q)
	if err != nil {
		return mapping.Current{}, err
	}
	for _, m := range inForce {
		current.Active[m.ManagedTenantID] = m
	}
	rows, err := q.ClientsByID(ctx, known(wanted))
	if err != nil {
		return mapping.Current{}, err
	}
	for _, row := range rows {
		current.Clients[row.ID.String()] = clientOf(sqlc.ListClientsRow(row))
	}
	return current, nil
}

// decision is a row to be added; before is the client that loses the tenant.
type decision struct {
	mapping.Mapping
	before string
}

func decisionsOf(changes []mapping.Change, actor string) []decision {
	out := make([]decision, 0, len(changes))
	for _, c := range changes {
		d := decision{Mapping: mapping.Mapping{
			ManagedTenantID: c.Tenant.ID, EntraTenantID: c.Tenant.EntraTenantID, DisplayName: c.Tenant.DisplayName,
			PrimaryDomain: c.Tenant.PrimaryDomain, State: c.State, ClientID: c.ClientID, Score: c.Score, DecidedBy: actor,
		}}
		if c.Before != nil {
			d.before = c.Before.ClientID
		}
		out = append(out, d)
	}
	return out
}

// write ends the decisions in force about the managed tenants, adds the new
// ones, and makes the columns of every client concerned true.
func (s *Store) write(ctx context.Context, tx pgx.Tx, actor string, at time.Time, decisions []decision) (int64, error) {
	q := sqlc.New(tx)
	version, err := q.RaiseVersion(ctx)
	if err != nil {
		return 0, err
	}
	c := s.decisionColumns(decisions)
	err = q.DeactivateMappings(ctx, sqlc.DeactivateMappingsParams{At: &at, By: &actor, ManagedTenantIds: c.managedTenant})
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, addMappings, version, at, c.id, c.managedTenant, c.entraTenant, c.displayName, c.nameKey,
		c.primaryDomain, c.state, c.client, c.score, c.decidedBy); err != nil {
		return 0, err
	}
	return version, q.RefreshClientColumns(ctx, sqlc.RefreshClientColumnsParams{At: at, Ids: c.concerned})
}

// decisionColumns are decisions as the arrays that unnest takes.
type decisionColumns struct {
	id, managedTenant, concerned                            []uuid.UUID
	entraTenant, displayName, nameKey, primaryDomain, state []string
	client                                                  []*uuid.UUID
	score                                                   []*float64
	decidedBy                                               []string
}

func (s *Store) decisionColumns(decisions []decision) decisionColumns {
	c := decisionColumns{concerned: []uuid.UUID{}}
	seen := map[uuid.UUID]bool{}
	concern := func(id string) *uuid.UUID {
		parsed, err := uuid.Parse(id)
		if err != nil {
			return nil // a decision without a client
		}
		if !seen[parsed] {
			seen[parsed] = true
			c.concerned = append(c.concerned, parsed)
		}
		return &parsed
	}
	for _, d := range decisions {
		managed, err := uuid.Parse(d.ManagedTenantID)
		if err != nil {
			continue // ids that discovery gave are UUIDs
		}
		concern(d.before)
		c.id = append(c.id, s.newID())
		c.managedTenant = append(c.managedTenant, managed)
		c.entraTenant = append(c.entraTenant, d.EntraTenantID)
		c.displayName = append(c.displayName, d.DisplayName)
		c.nameKey = append(c.nameKey, mapping.SearchKey(d.DisplayName))
		c.primaryDomain = append(c.primaryDomain, d.PrimaryDomain)
		c.state = append(c.state, d.State)
		c.client = append(c.client, concern(d.ClientID))
		c.score = append(c.score, d.Score)
		c.decidedBy = append(c.decidedBy, d.DecidedBy)
	}
	return c
}

func (s *Store) addEffect(ctx context.Context, q *sqlc.Queries, actor, kind string, at time.Time) (string, error) {
	arguments, err := json.Marshal(map[string]string{})
	if err != nil {
		return "", err
	}
	id := s.newID()
	return id.String(), q.AddEffect(ctx, sqlc.AddEffectParams{ID: id, ActorID: actor, Kind: kind, Arguments: arguments, CreatedAt: at})
}

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
		inForce, err := active(ctx, q)
		if err != nil {
			return err
		}
		var ids []uuid.UUID
		var names, keys, domains []string
		var decisions []decision
		for _, m := range inForce {
			if m.State != mapping.StateCreateNew {
				continue
			}
			c := design(m)
			id, err := ours(c.ID)
			if err != nil {
				return err
			}
			ids, names, keys, domains = append(ids, id), append(names, c.Name), append(keys, c.NameKey), append(domains, c.Domain)
			m.State, m.ClientID = mapping.StateMapped, c.ID
			decisions = append(decisions, decision{Mapping: m})
		}
		if len(decisions) > 0 {
			if _, err := tx.Exec(ctx, createClients, run, at, ids, names, keys, domains); err != nil {
				return err
			}
			if err := addDomains(ctx, tx, ids, domains); err != nil {
				return err
			}
			if _, err := s.write(ctx, tx, actor, at, decisions); err != nil {
				return err
			}
		}
		created, err = q.CountClientsOfRun(ctx, &run)
		return err
	})
	return created, err
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
