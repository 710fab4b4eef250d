package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres/sqlc"
)

// EffectsChannel is where the database tells that effects came or went.
const EffectsChannel = "mapping_effects"

// errEffectNotFound is the answer for an effect that is unknown or of another
// tenant.
var errEffectNotFound = errs.New(errs.NotFound, "effect_not_found", "There is no such effect.")

// effect is one that is to be added.
type effect struct {
	id            uuid.UUID
	kind          string
	managedTenant *uuid.UUID // whose effects are done in their order
	arguments     string     // JSON; empty for none
}

func idsOf(effects []effect) []string {
	ids := make([]string, 0, len(effects))
	for _, e := range effects {
		ids = append(ids, e.id.String())
	}
	return ids
}

// addEffects adds effects in their order and tells of them at the commit.
func addEffects(ctx context.Context, tx pgx.Tx, actor string, at time.Time, effects []effect) error {
	if len(effects) == 0 {
		return nil
	}
	var ids []uuid.UUID
	var managed []*uuid.UUID
	var kinds, arguments []string
	for _, e := range effects {
		ids, kinds = append(ids, e.id), append(kinds, e.kind)
		managed, arguments = append(managed, e.managedTenant), append(arguments, cmp.Or(e.arguments, "{}"))
	}
	if _, err := tx.Exec(ctx, addEffectRows, actor, at, ids, kinds, managed, arguments); err != nil {
		return err
	}
	return sqlc.New(tx).NotifyEffects(ctx)
}

// revised gives an effect for each decision that moves a managed tenant from or
// to a client, unless it never had one before: then nobody made links.
func (s *Store) revised(decisions []decision, linked []uuid.UUID, revisions map[uuid.UUID]int64) (effects []effect, err error) {
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
		arguments, err := json.Marshal(map[string]string{
			"managed_tenant_id": d.ManagedTenantID, "entra_tenant_id": d.EntraTenantID, "client_id": d.ClientID,
			"revision": strconv.FormatInt(revisions[managed], 10),
		})
		if err != nil {
			return nil, err
		}
		effects = append(effects, effect{id: s.newID(), kind: mapping.EffectMappingRevised, managedTenant: &managed, arguments: string(arguments)})
	}
	return effects, nil
}

// OpenEffects counts those of the effects that have not ended.
func (s *Store) OpenEffects(ctx context.Context, ids []string) (open int32, err error) {
	err = s.reading(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		open, err = q.CountOpenEffects(ctx, known(ids))
		return err
	})
	return open, err
}

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

// beyond is how many more effects than asked for are looked at: whoever pulls at
// the same time sees the same ones first.
const beyond = 256

// LeaseEffects finds due effects of all tenants by their ids and leases each in
// its own tenant; one that somebody else was faster with is left out, and the next
// taken in its place. One that cannot be leased holds up no other: what is leased
// must be handed out.
func (s *Store) LeaseEffects(ctx context.Context, most int32, now, until, linksUntil time.Time) ([]mapping.Effect, error) {
	var waiting []sqlc.WaitingEffectsRow
	err := pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		waiting, err = sqlc.New(tx).WaitingEffects(ctx, sqlc.WaitingEffectsParams{Now: now, Most: most + beyond})
		return err
	})
	if err != nil {
		return nil, err
	}
	var effects []mapping.Effect
	var failed []error
	for _, w := range waiting {
		if len(effects) == int(most) {
			break
		}
		within := tenant.With(ctx, tenant.Call{Tenant: tenant.ID(w.TenantID)})
		effect, err := s.lease(within, w.ID, now, until, linksUntil)
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

func (s *Store) lease(ctx context.Context, id uuid.UUID, now, until, linksUntil time.Time) (effect *mapping.Effect, err error) {
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		row, err := sqlc.New(tx).LeaseEffect(ctx, sqlc.LeaseEffectParams{ID: id, Now: &now, Until: until, LinksUntil: linksUntil})
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

// CloseEffect records the end of an effect, once, with what it says of links.
func (s *Store) CloseEffect(ctx context.Context, id, outcome string, result map[string]string, at time.Time,
	read func(kind string) (mapping.Aftermath, error),
) error {
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
		row, err := q.LockEffect(ctx, parsed)
		if pg.NoRows(err) {
			return errEffectNotFound
		}
		if err != nil || row.DoneAt != nil {
			return err
		}
		after, err := read(row.Kind)
		if err != nil {
			return err
		}
		if _, err := q.CloseEffect(ctx, sqlc.CloseEffectParams{At: &at, Outcome: &outcome, Result: encoded, ID: parsed}); err != nil {
			return err
		}
		if err := follow(ctx, q, parsed, row.ManagedTenantID, after, outcome, at); err != nil {
			return err
		}
		return q.NotifyEffects(ctx)
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

// EraseEffects erases the effects of all tenants that ended before a time, each
// tenant's in its own transaction.
func (s *Store) EraseEffects(ctx context.Context, before time.Time) error {
	var tenants []string
	err := pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		tenants, err = sqlc.New(tx).TenantsWithFinishedEffects(ctx, &before)
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range tenants {
		within := tenant.With(ctx, tenant.Call{Tenant: tenant.ID(id)})
		err := pg.InTenant(within, s.pool, func(ctx context.Context, tx pgx.Tx) error {
			_, err := sqlc.New(tx).EraseFinishedEffects(ctx, &before)
			return err
		})
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
