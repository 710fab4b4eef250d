package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// Decide writes decisions in one transaction.
func (s *Store) Decide(ctx context.Context, actor string, at time.Time, ask mapping.Ask,
	decide func(mapping.Current) (mapping.Verdict, error),
) (mapping.Written, error) {
	var written mapping.Written
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		version, err := lockHead(ctx, q)
		if err != nil {
			return err
		}
		current, err := read(ctx, q, ask, version)
		if err != nil {
			return err
		}
		verdict, err := decide(current)
		if err != nil {
			return err
		}
		written.Version = current.Version
		var effects []outbox.Effect
		if len(verdict.Changes) > 0 {
			if written.Version, effects, err = s.write(ctx, tx, actor, at, decisionsOf(verdict.Changes, actor)); err != nil {
				return err
			}
		}
		if err := refresh(ctx, q, at, verdict.Refreshes); err != nil {
			return err
		}
		written.EffectIDs = idsOf(effects)
		if verdict.StartSync {
			start := s.effect(actor, at, effectkind.StartInitialSync, tenantWide, nil)
			written.StartID = start.ID
			effects = append(effects, start)
		}
		if written.Active, err = activeOf(ctx, q, ask.ManagedTenantIDs); err != nil {
			return err
		}
		if written.States, err = states(ctx, q); err != nil {
			return err
		}
		return outbox.Add(ctx, tx, effects...)
	})
	return written, err
}

// Current reads what decisions are checked against.
func (s *Store) Current(ctx context.Context, ask mapping.Ask) (current mapping.Current, err error) {
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		version, err := q.Version(ctx)
		if err != nil {
			return err
		}
		current, err = read(ctx, q, ask, version)
		return err
	}, pg.RepeatableRead())
	return current, err
}

// read reads what decisions are checked against, at the given version.
func read(ctx context.Context, q *sqlc.Queries, ask mapping.Ask, version int64) (mapping.Current, error) {
	current := mapping.Current{Version: version, Active: map[string]mapping.Mapping{}, Clients: map[string]mapping.Client{}}
	inForce, err := activeOf(ctx, q, ask.ManagedTenantIDs)
	if err != nil {
		return mapping.Current{}, err
	}
	for _, m := range inForce {
		current.Active[m.ManagedTenantID] = m
	}
	if current.States, err = states(ctx, q); err != nil {
		return mapping.Current{}, err
	}
	byID, err := q.ClientsByID(ctx, pg.KnownIDs(ask.ClientIDs))
	if err != nil {
		return mapping.Current{}, err
	}
	for _, row := range byID {
		current.Clients[row.ID.String()] = clientOf(sqlc.ListClientsRow(row))
	}
	if len(ask.ExternalIDs) > 0 {
		byExternalID, err := q.ClientsByExternalID(ctx, ask.ExternalIDs)
		if err != nil {
			return mapping.Current{}, err
		}
		for _, row := range byExternalID {
			current.Clients[row.ID.String()] = clientOf(sqlc.ListClientsRow(row))
		}
	}
	if ask.Ended {
		endedOnes, err := ended(ctx, q)
		if err != nil {
			return mapping.Current{}, err
		}
		current.Ended = make(map[string]mapping.Mapping, len(endedOnes))
		for _, m := range endedOnes {
			current.Ended[m.ManagedTenantID] = m
		}
	}
	if ask.Version == nil || *ask.Version == version {
		return current, nil
	}
	since, err := q.DecidedSince(ctx, *ask.Version)
	for _, row := range since {
		current.Since = append(current.Since, mapping.Mapping{
			ManagedTenantID: row.ManagedTenantID.String(), State: mapping.State(row.State), ClientID: pg.ID(row.ClientID), ClientName: pg.Text(row.ClientName),
			DecidedBy: row.DecidedBy, DecidedAt: row.DecidedAt, DeactivatedBy: pg.Text(row.DeactivatedBy), DeactivatedAt: row.DeactivatedAt,
		})
	}
	return current, err
}

// ended reads the last decision about each managed tenant that was unmapped.
func ended(ctx context.Context, q *sqlc.Queries) ([]mapping.Mapping, error) {
	rows, err := q.EndedMappings(ctx)
	list := make([]mapping.Mapping, 0, len(rows))
	for _, row := range rows {
		list = append(list, mapping.Mapping{
			ManagedTenantID: row.ManagedTenantID.String(), Revision: *row.EndedRevision, DeactivatedBy: pg.Text(row.DeactivatedBy),
			DeactivatedAt: row.DeactivatedAt,
		})
	}
	return list, err
}

// decision is a change to be written: a row to be added, or with the state
// undecided the end of one; before is the client that loses the managed tenant.
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
// ones, and makes the columns of every client concerned true. It gives the new
// version, and the effects that apply the new revisions to links, which are still to
// be added.
func (s *Store) write(ctx context.Context, tx pgx.Tx, actor string, at time.Time, decisions []decision) (int64, []outbox.Effect, error) {
	q := sqlc.New(tx)
	version, err := q.RaiseVersion(ctx)
	if err != nil {
		return 0, nil, err
	}
	c := s.decisionColumns(decisions)
	linked, err := q.EverMapped(ctx, c.moved)
	if err != nil {
		return 0, nil, err
	}
	revisions := make(map[uuid.UUID]int64, len(decisions))
	if len(c.ended) > 0 {
		rows, err := q.EndMappings(ctx, sqlc.EndMappingsParams{At: &at, By: &actor, Version: &version, ManagedTenantIds: c.ended})
		if err != nil {
			return 0, nil, err
		}
		for _, row := range rows {
			revisions[row.ManagedTenantID] = *row.EndedRevision
		}
	}
	if len(c.managedTenant) > 0 {
		err := q.DeactivateMappings(ctx, sqlc.DeactivateMappingsParams{At: &at, By: &actor, ManagedTenantIds: c.managedTenant})
		if err != nil {
			return 0, nil, err
		}
		if err := add(ctx, tx, version, at, c, revisions); err != nil {
			return 0, nil, err
		}
	}
	if err := q.RefreshClientColumns(ctx, sqlc.RefreshClientColumnsParams{At: at, Ids: c.concerned}); err != nil {
		return 0, nil, err
	}
	effects, err := s.revised(actor, at, decisions, linked, revisions)
	return version, effects, err
}

// refresh writes the present names and domains of managed tenants to decisions that stay, and
// to the columns of their clients.
func refresh(ctx context.Context, q *sqlc.Queries, at time.Time, refreshed []mapping.Refresh) error {
	if len(refreshed) == 0 {
		return nil
	}
	var params sqlc.RefreshTenantsParams
	var clients []string
	for _, l := range refreshed {
		id, err := ours(l.ManagedTenantID)
		if err != nil {
			return err
		}
		params.ManagedTenantIds, params.Domains = append(params.ManagedTenantIds, id), append(params.Domains, l.PrimaryDomain)
		params.DisplayNames, params.NameKeys = append(params.DisplayNames, l.DisplayName), append(params.NameKeys, searchkey.Of(l.DisplayName))
		clients = append(clients, l.ClientID)
	}
	if err := q.RefreshTenants(ctx, params); err != nil {
		return err
	}
	return q.RefreshClientColumns(ctx, sqlc.RefreshClientColumnsParams{At: at, Ids: pg.KnownIDs(clients)})
}

// add inserts decisions and notes the revision of each.
func add(ctx context.Context, tx pgx.Tx, version int64, at time.Time, c decisionColumns, revisions map[uuid.UUID]int64) error {
	rows, err := tx.Query(ctx, addMappings, version, at, c.id, c.managedTenant, c.entraTenant, c.displayName, c.nameKey,
		c.primaryDomain, c.state, c.client, c.score, c.decidedBy)
	if err != nil {
		return err
	}
	var managed uuid.UUID
	var revision int64
	_, err = pgx.ForEachRow(rows, []any{&managed, &revision}, func() error {
		revisions[managed] = revision
		return nil
	})
	return err
}

// decisionColumns are decisions as the arrays that unnest takes.
type decisionColumns struct {
	id, managedTenant, ended, moved, concerned              []uuid.UUID
	entraTenant, displayName, nameKey, primaryDomain, state []string
	client                                                  []*uuid.UUID
	score                                                   []*float64
	decidedBy                                               []string
}

func (s *Store) decisionColumns(decisions []decision) decisionColumns {
	c := decisionColumns{concerned: []uuid.UUID{}, moved: []uuid.UUID{}}
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
		if d.ClientID != d.before {
			c.moved = append(c.moved, managed)
		}
		if d.State == mapping.StateUndecided {
			c.ended = append(c.ended, managed)
			continue
		}
		c.id = append(c.id, s.newID())
		c.managedTenant = append(c.managedTenant, managed)
		c.entraTenant = append(c.entraTenant, d.EntraTenantID)
		c.displayName = append(c.displayName, d.DisplayName)
		c.nameKey = append(c.nameKey, searchkey.Of(d.DisplayName))
		c.primaryDomain = append(c.primaryDomain, d.PrimaryDomain)
		c.state = append(c.state, string(d.State))
		c.client = append(c.client, concern(d.ClientID))
		c.score = append(c.score, d.Score)
		c.decidedBy = append(c.decidedBy, d.DecidedBy)
	}
	return c
}
