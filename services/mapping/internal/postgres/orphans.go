package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// OrphanedLinks reads how many links of a managed tenant wait for a person.
func (s *Store) OrphanedLinks(ctx context.Context, managedTenantID string) (links int32, err error) {
	id, err := uuid.Parse(managedTenantID)
	if err != nil {
		return 0, nil // no id of ours: nothing is known of it
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		links, err = q.OrphanedLinks(ctx, id)
		return err
	})
	return links, err
}

// DecideOrphans writes a decision about orphaned links with its effect.
func (s *Store) DecideOrphans(ctx context.Context, actor string, at time.Time, managedTenantID string,
	decide func(mapping.OrphanState) (mapping.OrphanDecision, error),
) (id string, err error) {
	managed, err := uuid.Parse(managedTenantID)
	if err != nil {
		_, err = decide(mapping.OrphanState{}) // no id of ours: nothing is known of it
		return "", err
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if _, err := lockHead(ctx, q); err != nil {
			return err
		}
		state, err := orphanState(ctx, q, managed)
		if err != nil {
			return err
		}
		decided, err := decide(state)
		if err != nil {
			return err
		}
		if id = decided.ID; id != "" {
			return nil
		}
		decisionID := s.newID()
		id = decisionID.String()
		err = q.AddOrphanDecision(ctx, sqlc.AddOrphanDecisionParams{
			ID: decisionID, ManagedTenantID: managed, ClientID: optionalID(state.ClientID), Revision: decided.Revision,
			Decision: decided.Decision, DecidedBy: actor, DecidedAt: at,
		})
		if err != nil {
			return err
		}
		return outbox.Add(ctx, tx, decidedEffect(id, managed.String(), actor, at, state, decided))
	})
	return id, err
}

// decidedEffect is the effect of a decision, whose id it has.
func decidedEffect(id, managed, actor string, at time.Time, state mapping.OrphanState, d mapping.OrphanDecision) outbox.Effect {
	return outbox.Effect{ID: id, ActorID: actor, Kind: effectkind.OrphansDecided, OrderKey: outbox.Key(managed), CreatedAt: at, Arguments: map[string]string{
		"decision_id": id, "managed_tenant_id": managed, "entra_tenant_id": state.EntraTenantID, "client_id": state.ClientID,
		"revision": strconv.FormatInt(d.Revision, 10), "decision": d.Decision, "decided_by": actor,
	}}
}

func orphanState(ctx context.Context, q *sqlc.Queries, managed uuid.UUID) (state mapping.OrphanState, err error) {
	last, err := q.LastMapping(ctx, managed)
	if pg.NoRows(err) {
		return state, nil // it was never mapped: it has no links
	}
	if err != nil {
		return state, err
	}
	state.EntraTenantID, state.Revision = last.EntraTenantID, last.Revision
	if last.EndedRevision != nil {
		state.Revision = *last.EndedRevision
	}
	if last.DeactivatedAt == nil && last.ClientID != nil {
		state.ClientID = last.ClientID.String()
	}
	// An effect may end between two of these statements, and the links that are left are part of that:
	// they are read last.
	if state.Revising, err = q.RevisionOpen(ctx, managed.String()); err != nil {
		return state, err
	}
	pending, err := q.PendingOrphanDecision(ctx, managed)
	switch {
	case err == nil:
		state.Pending = &mapping.OrphanDecision{ID: pending.ID.String(), Revision: pending.Revision, Decision: pending.Decision}
	case !pg.NoRows(err):
		return state, err
	}
	state.Links, err = q.OrphanedLinks(ctx, managed)
	return state, err
}

// OrphansDone reads how a decision ended; nil while it is being done.
func (s *Store) OrphansDone(ctx context.Context, id string) (done *mapping.OrphansDone, err error) {
	parsed, err := ours(id)
	if err != nil {
		return nil, err
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		row, err := q.OrphanDecision(ctx, parsed)
		if err != nil || row.SettledAt == nil {
			return err
		}
		done = &mapping.OrphansDone{
			Failed: pg.Text(row.Outcome) == effectkind.OutcomeFailed, Error: pg.Text(row.Error), Relinking: row.Relinking, Left: row.LeftLinks,
		}
		if row.RunID != nil {
			done.RunID = row.RunID.String()
		}
		return nil
	})
	return done, err
}

// recordResult writes what the result of an effect counts of a managed tenant's links.
func recordResult(ctx context.Context, q *sqlc.Queries, e outbox.Effect, result mapping.EffectResult, outcome string, at time.Time) error {
	if managed := optionalID(e.Arguments["managed_tenant_id"]); result.OrphanedLinks != nil && managed != nil {
		err := q.SetOrphanedLinks(ctx, sqlc.SetOrphanedLinksParams{ManagedTenantID: *managed, Links: *result.OrphanedLinks, At: at})
		if err != nil {
			return err
		}
	}
	if result.Orphans == nil {
		return nil
	}
	id, err := ours(e.ID)
	if err != nil {
		return err
	}
	params := sqlc.SettleOrphanDecisionParams{
		ID: id, At: &at, Outcome: &outcome, Relinking: result.Orphans.Relinking, LeftLinks: result.Orphans.Left,
		RunID: optionalID(result.Orphans.RunID),
	}
	if result.Orphans.Error != "" {
		params.Error = &result.Orphans.Error
	}
	return q.SettleOrphanDecision(ctx, params)
}

func optionalID(id string) *uuid.UUID {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil
	}
	return &parsed
}
