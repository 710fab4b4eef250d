package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/backoff"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// defaultLease is how long the puller of an effect may take to answer.
	defaultLease = 30 * time.Second
	// DefaultTries is after how many tries an effect is set aside: some hours, where
	// each is answered with Retry.
	DefaultTries = 50
	// firstPause and longestPause bound the pause before another try; see Backoff.
	firstPause   = time.Second
	longestPause = 5 * time.Minute
	// life is how long an effect is kept after its end, for an operator who
	// looks into what happened.
	life = 30 * 24 * time.Hour
	// DefaultKeep is how many effects of one tenant are kept after their end: some
	// thousand mappings of one import have an effect each.
	DefaultKeep = 20_000
	// eraseAtOnce is how many effects one transaction erases.
	eraseAtOnce = 5000
	// beyond is how many more effects than asked for are looked at: callers that
	// pull at the same time see the same ones first.
	beyond = 256
	// deadShown is how many dead effects are listed.
	deadShown = 1000
)

// Options adjust a box; the zero value is usable.
type Options struct {
	Lease func(kind string) time.Duration // nil: 30 s
	Tries func(kind string) int32         // nil: 50
	Keep  int                             // effects of one tenant after their end; 0: 20,000
	// LookAgain is how often a caller that waits looks for itself while Listen wakes it; 0: 5 s.
	LookAgain time.Duration
	Now       func() time.Time // when an effect ends; leases go by the database's clock. nil: time.Now
	// OnClose does in the same transaction what the end of an effect means; its
	// error comes back to the caller of Ack and nothing is written.
	OnClose func(ctx context.Context, tx pgx.Tx, effect Effect, outcome string, result map[string]string) error
}

// Box hands out the effects of one context.
type Box struct {
	pool   *pg.Pool
	opts   Options
	gauge  gauges
	Signal *Signal // when effects come or go
}

// New makes a box over the outbox of the pool's context. It works on the pool's
// background connections.
func New(pool *pg.Pool, opts Options) *Box {
	if opts.Lease == nil {
		opts.Lease = func(string) time.Duration { return defaultLease }
	}
	if opts.Tries == nil {
		opts.Tries = func(string) int32 { return DefaultTries }
	}
	if opts.Keep == 0 {
		opts.Keep = DefaultKeep
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Box{pool: pool, opts: opts, gauge: newGauges(), Signal: &Signal{lookAgain: opts.LookAgain}}
}

// Pull leases at most so many effects of the given kinds (all, where none is
// given) that are due, of each tenant one before a second of any, in their order.
// It waits up to the given time for the first. An effect that is not acknowledged
// within its lease is handed out again.
func (b *Box) Pull(ctx context.Context, most int32, wait time.Duration, kinds ...string) (effects []Effect, err error) {
	if wait == 0 {
		effects, _, err = b.lease(ctx, most, kinds)
		return effects, err
	}
	look := func(context.Context) (done bool, again time.Duration) { // not cut off by the wait: what it leased would lie
		effects, again, err = b.lease(ctx, most, kinds)
		return err != nil || len(effects) > 0, again
	}
	if !b.Signal.until(ctx, wait, look) {
		return nil, ctx.Err()
	}
	return effects, err
}

type place struct {
	tenant string
	id     uuid.UUID
	due    time.Duration // from now; 0: it is due
}

// lease finds due effects of all tenants by their ids and leases each in its own
// tenant. One that cannot be leased holds up no other; what is leased must be
// handed out, or it would lie until its lease ends. again is when one is due that
// is not yet; 0 where none is known.
func (b *Box) lease(ctx context.Context, most int32, kinds []string) (effects []Effect, again time.Duration, err error) {
	waiting, err := b.waiting(ctx, most, kinds)
	if err != nil {
		return nil, 0, err
	}
	var failed []error
	for _, p := range waiting {
		if p.due > 0 {
			again = p.due
			break
		}
		if len(effects) == int(most) {
			break
		}
		effect, err := b.leaseOne(in(ctx, p.tenant), p.id)
		if err != nil {
			failed = append(failed, err)
		}
		if effect != nil {
			effects = append(effects, *effect)
		}
	}
	if len(effects) == 0 {
		return nil, again, errors.Join(failed...)
	}
	if len(failed) > 0 {
		slog.WarnContext(ctx, "effects not leased", "number", len(failed), "error", errors.Join(failed...))
	}
	return effects, again, nil
}

// waiting finds effects that are due, in the order in which they are leased, and then those
// that are due later.
func (b *Box) waiting(ctx context.Context, most int32, kinds []string) (waiting []place, err error) {
	if kinds == nil {
		kinds = []string{}
	}
	err = b.across(ctx, "waiting", pgx.NamedArgs{"kinds": kinds, "most": most + beyond}, func(row pgx.CollectableRow) error {
		var p place
		var seconds float64
		err := row.Scan(&p.tenant, &p.id, &seconds)
		if seconds > 0 {
			p.due = time.Duration(seconds*float64(time.Second)) + time.Millisecond // not a moment too early
		}
		waiting = append(waiting, p)
		return err
	})
	return waiting, err
}

// leaseOne is nil for an effect that another process was faster with, and for one
// that has had all of its tries.
func (b *Box) leaseOne(ctx context.Context, id uuid.UUID) (effect *Effect, err error) {
	err = pg.InTenant(ctx, b.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		var kind string
		var attempt int32
		err := tx.QueryRow(ctx, sql["lock"], pgx.NamedArgs{"id": id}).Scan(&kind, &attempt)
		if pg.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if attempt >= b.opts.Tries(kind) { // nobody answered the last one
			return b.setAside(ctx, tx, id)
		}
		var leased Effect
		if leased, err = scan(tx.QueryRow(ctx, sql["lease"], pgx.NamedArgs{"id": id, "seconds": b.opts.Lease(kind).Seconds()})); err == nil {
			effect = &leased
		}
		return err
	})
	if err != nil {
		return nil, err // the lease was rolled back
	}
	return effect, nil
}

func scan(row pgx.Row, more ...any) (e Effect, err error) {
	var arguments []byte
	var key string
	err = row.Scan(append([]any{&e.ID, &e.Tenant, &e.ActorID, &e.Kind, &key, &arguments, &e.CreatedAt, &e.Attempt}, more...)...)
	if err != nil {
		return e, err
	}
	e.OrderKey = &key
	return e, json.Unmarshal(arguments, &e.Arguments)
}

// Ack records what became of an effect of the context's tenant: Done or Failed
// end it, once; Retry hands it out again after a pause, or sets it aside when it
// has had all of its tries. The same answer again changes nothing. ErrUnknown.
func (b *Box) Ack(ctx context.Context, id, outcome string, result map[string]string) error {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return errs.Of(reason.EffectInvalid, errs.WithCause(err))
	}
	encoded, err := encode(result)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, b.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		var ended bool
		effect, err := scan(tx.QueryRow(ctx, sql["open"], pgx.NamedArgs{"id": parsed}), &ended)
		switch {
		case pg.NoRows(err):
			return ErrUnknown
		case err != nil || ended:
			return err
		case outcome == Retry && effect.Attempt >= b.opts.Tries(effect.Kind):
			return b.setAside(ctx, tx, parsed)
		case outcome == Retry:
			pause := backoff.Pause(int(effect.Attempt), firstPause, longestPause)
			_, err := tx.Exec(ctx, sql["postpone"], pgx.NamedArgs{"id": parsed, "seconds": pause.Seconds()})
			if err == nil {
				_, err = tx.Exec(ctx, sql["notify"]) // who waits learns when to look again
			}
			return err
		}
		_, err = tx.Exec(ctx, sql["close"], pgx.NamedArgs{"id": parsed, "at": b.opts.Now(), "outcome": outcome, "result": encoded})
		if err == nil && b.opts.OnClose != nil {
			err = b.opts.OnClose(ctx, tx, effect, outcome, result)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sql["notify"])
		return err
	})
}

// setAside gives an effect up until an operator retries it, and raises the alarm.
func (b *Box) setAside(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	var kind string
	var attempt int32
	err := tx.QueryRow(ctx, sql["set_aside"], pgx.NamedArgs{"id": id, "at": b.opts.Now()}).Scan(&kind, &attempt)
	if pg.NoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	slog.ErrorContext(ctx, "an effect is set aside: an operator must retry it", "effect", id, "kind", kind, "attempts", attempt)
	_, err = tx.Exec(ctx, sql["notify"]) // what waits behind it is due
	return err
}

// Settle waits up to the given time for the effects of the context's tenant to
// end, and reports whether all have. Whatever happens, the change is committed.
func (b *Box) Settle(ctx context.Context, ids []string, wait time.Duration) bool {
	if len(ids) == 0 {
		return true
	}
	return b.Signal.Until(ctx, wait, func(ctx context.Context) bool {
		var open int
		err := pg.InTenant(ctx, b.pool, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, sql["unsettled"], pgx.NamedArgs{"ids": ids}).Scan(&open)
		}, pg.ReadOnly())
		return err == nil && open == 0
	})
}

// State reads how far an effect of the context's tenant is. ErrUnknown.
func (b *Box) State(ctx context.Context, id string) (state State, err error) {
	err = pg.InTenant(ctx, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		var result []byte
		err := tx.QueryRow(ctx, sql["state"], pgx.NamedArgs{"id": id}).Scan(&state.Done, &state.Outcome, &result)
		if pg.NoRows(err) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(result, &state.Result)
	}, pg.ReadOnly())
	return state, err
}

// Dead lists effects of all tenants that were set aside, the oldest first, at
// most a thousand.
func (b *Box) Dead(ctx context.Context) (dead []Dead, err error) {
	err = b.across(ctx, "dead", pgx.NamedArgs{"most": deadShown}, func(row pgx.CollectableRow) error {
		var d Dead
		err := row.Scan(&d.Tenant, &d.ID, &d.Kind, &d.Attempt, &d.At)
		dead = append(dead, d)
		return err
	})
	return dead, err
}

// CountDead is how many effects of the context's tenant are set aside.
func (b *Box) CountDead(ctx context.Context) (dead int32, err error) {
	err = pg.InTenant(ctx, b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, sql["dead_of_tenant"]).Scan(&dead)
	}, pg.ReadOnly())
	return dead, err
}

// HandOutAgain hands out again an effect of the context's tenant that was set aside,
// with all of its tries. ErrUnknown for one that is not dead.
func (b *Box) HandOutAgain(ctx context.Context, id string) error {
	return pg.InTenant(ctx, b.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql["hand_out_again"], pgx.NamedArgs{"id": id})
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrUnknown
		}
		_, err = tx.Exec(ctx, sql["notify"])
		return err
	})
}

// Until looks at each signal; see Signal.Until.
func (b *Box) Until(ctx context.Context, wait time.Duration, done func(context.Context) bool) bool {
	return b.Signal.Until(ctx, wait, done)
}

// Listen signals each notification of effects until ctx ends (nil) or
// the connection is lost: call it again. Meanwhile callers that wait look for
// themselves, often.
func (b *Box) Listen(ctx context.Context) error {
	defer b.Signal.Hear(false)
	return pg.Listen(ctx, b.pool, b.pool.Context()+"_effects", func() { b.Signal.Hear(true) }, func(string) { b.Signal.Broadcast() })
}

// across reads rows over all tenants.
func (b *Box) across(ctx context.Context, name string, args pgx.NamedArgs, each func(pgx.CollectableRow) error) error {
	return pg.AcrossTenants(ctx, b.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql[name], args)
		if err != nil {
			return err
		}
		_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) { return struct{}{}, each(row) })
		return err
	})
}

func in(ctx context.Context, id string) context.Context {
	return tenant.With(ctx, tenant.Call{Tenant: tenant.ID(id)})
}
