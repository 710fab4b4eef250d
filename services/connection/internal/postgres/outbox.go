package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// LeaseEffects finds due effects over all tenants and leases each in its own
// tenant's transaction; one that somebody else leased in between is left out. One
// that cannot be leased holds up no other: what is leased must be handed out.
func (s *Store) LeaseEffects(ctx context.Context, now time.Time, lease time.Duration, limit int32) ([]connection.Effect, error) {
	var due []sqlc.DueEffectsRow
	err := s.across(ctx, func(ctx context.Context, q *sqlc.Queries) (err error) {
		due, err = q.DueEffects(ctx, sqlc.DueEffectsParams{Now: now, MaxEffects: limit})
		return err
	})
	if err != nil {
		return nil, err
	}
	var effects []connection.Effect
	var failed []error
	for _, d := range due {
		effect, ok, err := s.lease(ctx, d.TenantID, d.ID, now, now.Add(lease))
		if err != nil {
			failed = append(failed, err)
			continue // the lease was rolled back
		}
		if ok {
			effects = append(effects, effect)
		}
	}
	if len(effects) == 0 {
		return nil, errors.Join(failed...)
	}
	if len(failed) > 0 {
		slog.WarnContext(ctx, "effects not leased", "number", len(failed), "error", errors.Join(failed...))
	}
	return effects, nil
}

func (s *Store) lease(ctx context.Context, tenantID string, id uuid.UUID, now, until time.Time) (e connection.Effect, ok bool, err error) {
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		row, err := q.LeaseEffect(ctx, sqlc.LeaseEffectParams{TenantID: tenantID, ID: id, Now: now, LeasedUntil: until})
		if pg.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		e = connection.Effect{
			ID: row.ID.String(), Tenant: tenantID, Actor: row.ActorID, Kind: row.Kind, CreatedAt: row.CreatedAt, Attempt: row.Attempt,
		}
		if err := json.Unmarshal(row.Arguments, &e.Arguments); err != nil {
			return fmt.Errorf("reading the arguments of effect %s: %w", e.ID, err)
		}
		ok = true
		return nil
	})
	return e, ok, err
}

// EffectAttempt is how far an effect has come.
func (s *Store) EffectAttempt(ctx context.Context, tenantID, effectID string) (attempt int32, done bool, err error) {
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
func (s *Store) FinishEffect(ctx context.Context, tenantID, effectID, outcome string, result map[string]string, at time.Time) error {
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
func (s *Store) PostponeEffect(ctx context.Context, tenantID, effectID string, until time.Time) error {
	id, err := uuid.Parse(effectID)
	if err != nil {
		return fmt.Errorf("effect id: %w", err)
	}
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.PostponeEffect(ctx, sqlc.PostponeEffectParams{TenantID: tenantID, ID: id, LeasedUntil: until})
	})
}
