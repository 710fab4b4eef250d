package postgres

import (
	"context"
	"encoding/json"
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

// tenantWide is the order key of effects of no managed tenant.
const tenantWide = ""

// NewOutbox makes the outbox of the pool's context. What the result of an effect counts is
// written with it.
func NewOutbox(pool *pg.Pool, now func() time.Time) *outbox.Box {
	return outbox.New(pool, outbox.Options{Lease: mapping.Lease, Now: now, OnClose: func(
		ctx context.Context, tx pgx.Tx, e outbox.Effect, outcome string, result map[string]string,
	) error {
		if e.Kind == effectkind.ClientsChanged {
			return nil // no caller waits for the feed
		}
		after, err := mapping.EffectResultOf(e.Kind, outcome, result)
		if err != nil {
			return err
		}
		return recordResult(ctx, sqlc.New(tx), e, after, outcome, now())
	}})
}

// effect is one that is to be added; the effects of one managed tenant are done in
// their order.
func (s *Store) effect(actor string, at time.Time, kind, orderKey string, arguments map[string]string) outbox.Effect {
	return outbox.Effect{
		ID: s.newID().String(), ActorID: actor, Kind: kind, OrderKey: outbox.Key(orderKey), Arguments: arguments, CreatedAt: at,
	}
}

func idsOf(effects []outbox.Effect) []string {
	ids := make([]string, 0, len(effects))
	for _, e := range effects {
		ids = append(ids, e.ID)
	}
	return ids
}

// revised gives an effect for each decision that moves a managed tenant from or
// to a client, unless it never had one before: then there are no links.
func (s *Store) revised(actor string, at time.Time, decisions []decision, linked []uuid.UUID, revisions map[uuid.UUID]int64) (effects []outbox.Effect, err error) {
	had := make(map[uuid.UUID]bool, len(linked))
	for _, id := range linked {
		had[id] = true
	}
	for _, d := range decisions {
		managed, err := ours(d.ManagedTenantID)
		if err != nil {
			return nil, err
		}
		if !had[managed] || d.ClientID == d.before {
			continue
		}
		effects = append(effects, s.effect(actor, at, effectkind.MappingRevised, managed.String(), map[string]string{
			"managed_tenant_id": d.ManagedTenantID, "entra_tenant_id": d.EntraTenantID, "client_id": d.ClientID,
			"revision": strconv.FormatInt(revisions[managed], 10),
		}))
	}
	return effects, nil
}

// Effect reads the state of an effect.
func (s *Store) Effect(ctx context.Context, id string) (state mapping.EffectState, err error) {
	parsed, err := ours(id)
	if err != nil {
		return state, err
	}
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		row, err := q.Effect(ctx, parsed)
		if err != nil {
			return err
		}
		state.Done = row.DoneAt != nil
		return json.Unmarshal(row.Result, &state.Result)
	})
	return state, err
}
