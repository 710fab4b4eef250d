package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Outbox keeps what changes of connections must cause elsewhere.
type Outbox struct{ database }

// NewOutbox makes the store of effects.
func NewOutbox(pool *pg.Pool) *Outbox { return &Outbox{database{pool}} }

// insertEffect writes an effect in the transaction of the change that has it.
func insertEffect(ctx context.Context, q *sqlc.Queries, e connection.Effect) error {
	id, err := uuid.Parse(e.ID)
	if err != nil {
		return fmt.Errorf("effect id: %w", err)
	}
	arguments := []byte("{}")
	if len(e.Arguments) > 0 {
		if arguments, err = json.Marshal(e.Arguments); err != nil {
			return fmt.Errorf("encoding an effect: %w", err)
		}
	}
	return q.InsertEffect(ctx, sqlc.InsertEffectParams{
		TenantID: e.Tenant, ID: id, ActorID: e.Actor, Kind: e.Kind, Arguments: arguments, CreatedAt: e.CreatedAt,
	})
}

// LeaseEffects finds due effects over all tenants by their ids and leases each in
// its own tenant.
func (s *Outbox) LeaseEffects(ctx context.Context, now time.Time, lease time.Duration, limit int32) ([]connection.Effect, error) {
	var due []waiting
	err := s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.DueEffects(ctx, sqlc.DueEffectsParams{Now: now, MaxEffects: limit + beyond})
		for _, r := range rows {
			due = append(due, waiting{r.TenantID, r.ID})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return handOut(ctx, "effects", due, limit, func(tenantID string, ids []uuid.UUID) ([]connection.Effect, error) {
		return s.lease(ctx, tenantID, ids, now, now.Add(lease))
	})
}

func (s *Outbox) lease(ctx context.Context, tenantID string, ids []uuid.UUID, now, until time.Time) (effects []connection.Effect, err error) {
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.LeaseEffects(ctx, sqlc.LeaseEffectsParams{TenantID: tenantID, Ids: ids, Now: now, LeasedUntil: until})
		for _, r := range rows {
			e := connection.Effect{
				ID: r.ID.String(), Tenant: tenantID, Actor: r.ActorID, Kind: r.Kind, CreatedAt: r.CreatedAt, Attempt: r.Attempt,
			}
			if err := json.Unmarshal(r.Arguments, &e.Arguments); err != nil {
				return fmt.Errorf("reading the arguments of effect %s: %w", e.ID, err)
			}
			effects = append(effects, e)
		}
		return err
	})
	return effects, err
}

// EffectAttempt is how far an effect has come.
func (s *Outbox) EffectAttempt(ctx context.Context, tenantID, effectID string) (attempt int32, done bool, err error) {
	id, err := uuid.Parse(effectID)
	if err != nil {
		return 0, false, errs.Wrap(err, errs.Invalid, "effect_invalid", "The effect id is not well formed.")
	}
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		row, err := q.EffectState(ctx, sqlc.EffectStateParams{TenantID: tenantID, ID: id})
		attempt, done = row.Attempt, row.DoneAt != nil
		return err
	}, pg.ReadOnly())
	return attempt, done, err
}

// FinishEffect ends an effect; one that has ended stays as it is.
func (s *Outbox) FinishEffect(ctx context.Context, tenantID, effectID, outcome string, result map[string]string, at time.Time) error {
	id, err := uuid.Parse(effectID)
	if err != nil {
		return fmt.Errorf("effect id: %w", err)
	}
	encoded := []byte("{}")
	if len(result) > 0 {
		if encoded, err = json.Marshal(result); err != nil {
			return fmt.Errorf("encoding a result: %w", err)
		}
	}
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.FinishEffect(ctx, sqlc.FinishEffectParams{TenantID: tenantID, ID: id, DoneAt: at, Outcome: outcome, Result: encoded})
	})
}

// PostponeEffect hands an effect out again, not before a time.
func (s *Outbox) PostponeEffect(ctx context.Context, tenantID, effectID string, until time.Time) error {
	id, err := uuid.Parse(effectID)
	if err != nil {
		return fmt.Errorf("effect id: %w", err)
	}
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.PostponeEffect(ctx, sqlc.PostponeEffectParams{TenantID: tenantID, ID: id, LeasedUntil: until})
	})
}
