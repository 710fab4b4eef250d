package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// errEffectNotFound is the answer for an effect that is unknown or of another
// tenant.
var errEffectNotFound = errs.New(errs.NotFound, "effect_not_found", "There is no such effect.")

// Effect reads how far an effect is.
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

// LeaseEffects finds due effects of all tenants by their ids and leases each in
// its own tenant; one that somebody else was faster with is left out. One that
// cannot be leased holds up no other: what is leased must be handed out.
func (s *Store) LeaseEffects(ctx context.Context, most int32, now, until time.Time) ([]mapping.Effect, error) {
	var waiting []sqlc.WaitingEffectsRow
	err := pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		waiting, err = sqlc.New(tx).WaitingEffects(ctx, sqlc.WaitingEffectsParams{Now: &now, Most: most})
		return err
	})
	if err != nil {
		return nil, err
	}
	var effects []mapping.Effect
	var failed []error
	for _, w := range waiting {
		within := tenant.With(ctx, tenant.Call{Tenant: tenant.ID(w.TenantID)})
		effect, err := s.lease(within, w.ID, now, until)
		if err != nil {
			failed = append(failed, err)
		}
		if effect != nil {
			effects = append(effects, *effect)
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

func (s *Store) lease(ctx context.Context, id uuid.UUID, now, until time.Time) (effect *mapping.Effect, err error) {
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		row, err := sqlc.New(tx).LeaseEffect(ctx, sqlc.LeaseEffectParams{ID: id, Now: &now, Until: &until})
		if pg.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		effect = &mapping.Effect{
			ID: row.ID.String(), Tenant: row.TenantID, ActorID: row.ActorID, Kind: row.Kind, CreatedAt: row.CreatedAt, Attempt: row.Attempt,
		}
		return json.Unmarshal(row.Arguments, &effect.Arguments)
	})
	if err != nil {
		return nil, err // the lease was rolled back
	}
	return effect, nil
}

// CloseEffect records the end of an effect, once.
func (s *Store) CloseEffect(ctx context.Context, id, outcome string, result map[string]string, at time.Time) error {
	parsed, err := ours(id)
	if err != nil {
		return err
	}
	if result == nil {
		result = map[string]string{}
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if _, err := q.LockEffect(ctx, parsed); pg.NoRows(err) {
			return errEffectNotFound
		} else if err != nil {
			return err
		}
		_, err := q.CloseEffect(ctx, sqlc.CloseEffectParams{At: &at, Outcome: &outcome, Result: encoded, ID: parsed})
		return err
	})
}

// PostponeEffect makes an effect due again later.
func (s *Store) PostponeEffect(ctx context.Context, id string, at time.Time, pause func(attempt int32) time.Duration) error {
	parsed, err := ours(id)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		row, err := q.LockEffect(ctx, parsed)
		if pg.NoRows(err) {
			return errEffectNotFound
		}
		if err != nil {
			return err
		}
		until := at.Add(pause(row.Attempt))
		return q.PostponeEffect(ctx, sqlc.PostponeEffectParams{Until: &until, ID: parsed})
	})
}
