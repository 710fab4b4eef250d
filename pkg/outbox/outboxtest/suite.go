// Package outboxtest holds what every outbox must do: a context whose schema has
// one runs Suite against it.
package outboxtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

const (
	// tries is how often an effect of the suite is tried.
	tries = 3
	// keep is how many effects of a tenant are kept after their end.
	keep = 4
	// lookAgain is longer than a test: who waits is woken, or knows when something is due.
	lookAgain = time.Hour
)

// bundle is an outbox, with a clock of its own for the ends of effects.
type bundle struct {
	t    *testing.T
	db   *pgtest.DB
	pool *pg.Pool
	box  *outbox.Box
	kind string

	mu     sync.Mutex
	now    time.Time
	closed []string
}

func setup(t *testing.T, name, kind string) *bundle {
	t.Helper()
	b := &bundle{t: t, db: pgtest.Database(t, name), kind: kind, now: time.Now().Truncate(time.Microsecond)}
	b.pool = b.db.Pool(name)
	b.box = outbox.New(b.pool, outbox.Options{
		Tries: func(string) int32 { return tries }, Keep: keep, LookAgain: lookAgain, Now: b.clock,
		OnClose: func(_ context.Context, _ pgx.Tx, e outbox.Effect, outcome string, _ map[string]string) error {
			b.closed = append(b.closed, e.Tenant+" "+outcome)
			return nil
		},
	})
	return b
}

func (b *bundle) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bundle) advance(d time.Duration) {
	b.t.Helper()
	b.mu.Lock()
	b.now = b.now.Add(d)
	b.mu.Unlock()
	Pass(b.t, b.db, "outbox", d)
}

// Pass has time pass for the effects of an outbox, which go by the database's clock. A negative time
// puts off what waits.
func Pass(t testing.TB, db *pgtest.DB, table string, d time.Duration) {
	t.Helper()
	_, err := db.Admin.Exec(t.Context(), `UPDATE `+table+` SET leased_until = leased_until - make_interval(secs => $1), created_at = created_at - make_interval(secs => $1)`, d.Seconds())
	require.NoError(t, err)
}

func (b *bundle) in(id string) context.Context {
	return tenant.With(b.t.Context(), tenant.Call{Tenant: tenant.ID(id)})
}

// add adds effects of a tenant with order keys in one transaction.
func (b *bundle) add(tenantID string, keys ...*string) (ids []string) {
	b.t.Helper()
	var effects []outbox.Effect
	for _, key := range keys {
		id := uuid.Must(uuid.NewV7()).String()
		ids = append(ids, id)
		effects = append(effects, outbox.Effect{
			ID: id, ActorID: "person-1", Kind: b.kind, OrderKey: key, Arguments: map[string]string{"k": "v"}, CreatedAt: time.Now(),
		})
	}
	require.NoError(b.t, pg.InTenant(b.in(tenantID), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return outbox.Add(ctx, tx, effects...)
	}))
	return ids
}

func (b *bundle) pull(most int32) (ids []string) {
	b.t.Helper()
	effects, err := b.box.Pull(b.t.Context(), most, 0)
	require.NoError(b.t, err)
	for _, e := range effects {
		ids = append(ids, e.ID)
	}
	return ids
}

// ack answers for an effect of the tenant acme.
func (b *bundle) ack(id, outcome string) {
	b.t.Helper()
	require.NoError(b.t, b.box.Ack(b.in("acme"), id, outcome, map[string]string{"n": "1"}))
}

// Suite runs against the outbox of a context; kind is one that its table takes.
func Suite(t *testing.T, name, kind string) {
	t.Helper()
	for title, test := range map[string]func(*bundle){
		"an effect is handed out until it is acknowledged":  handedOut,
		"effects of one key are done in their order":        ordered,
		"unordered effects wait for nobody":                 unordered,
		"tenants take turns":                                turns,
		"an effect that fails again and again is set aside": setAside,
		"an effect that nobody answers is set aside":        unanswered,
		"what is rolled back has no effect":                 rolledBack,
		"a pull and a settlement are woken":                 woken,
		"a pull waits for what is due later":                waitsForItsTime,
		"a pull waits for the end of a lease":               waitsForALease,
		"what somebody did before it was handed out wakes":  finished,
		"a pull looks for itself while nobody listens":      unheard,
		"two pull at once and none gets the other's":        concurrent,
		"a process whose clock is wrong takes from nobody":  clocks,
		"one whose clock is behind keeps nobody waiting":    behind,
		"what ended long ago is erased":                     swept,
		"of what ended the latest are kept":                 kept,
		"what waits and what is set aside is measured":      measured,
		"a tenant is told of what was set aside":            counted,
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			b := setup(t, name, kind)
			test(b)
		})
	}
}

func handedOut(b *bundle) {
	id := b.add("acme", outbox.Key("a"))[0]
	effects, err := b.box.Pull(b.t.Context(), 10, 0)
	require.NoError(b.t, err)
	require.Len(b.t, effects, 1)
	e := effects[0]
	require.Equal(b.t, []any{id, "acme", "person-1", b.kind, "v", int32(1)}, []any{e.ID, e.Tenant, e.ActorID, e.Kind, e.Arguments["k"], e.Attempt})
	require.Empty(b.t, b.pull(10), "it is leased")
	b.advance(time.Minute)
	require.Equal(b.t, []string{id}, b.pull(10), "nobody answered")
	var before time.Time // by the database's clock
	require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(), `SELECT now()`).Scan(&before))
	b.ack(id, outbox.Retry)
	var due time.Time
	require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(), `SELECT leased_until FROM outbox`).Scan(&due))
	require.GreaterOrEqual(b.t, due.Sub(before), 2*time.Second, "after the second try")
	b.advance(-time.Minute) // the two seconds may be over when a busy machine comes to the next line
	require.Empty(b.t, b.pull(10), "it waits for its next try")
	require.ErrorIs(b.t, b.box.Ack(b.in("globex"), id, outbox.Done, nil), outbox.ErrUnknown, "another tenant's")
	for range 2 {
		b.ack(id, outbox.Done)
	}
	b.ack(id, outbox.Retry)
	b.advance(time.Hour)
	require.Empty(b.t, b.pull(10), "what is done stays done")
	require.Equal(b.t, []string{"acme done"}, b.closed, "once")
	state, err := b.box.State(b.in("acme"), id)
	require.NoError(b.t, err)
	require.Equal(b.t, outbox.State{Done: true, Outcome: outbox.Done, Result: map[string]string{"n": "1"}}, state)
}

func ordered(b *bundle) {
	a := b.add("acme", outbox.Key("a"), outbox.Key("a"), outbox.Key("b"))
	require.Equal(b.t, []string{a[0], a[2]}, b.pull(10))
	b.ack(a[0], outbox.Failed)
	require.Equal(b.t, []string{a[1]}, b.pull(10))
	other := b.add("globex", outbox.Key("a"))
	require.Equal(b.t, other, b.pull(10), "another tenant's key is another key")
}

func unordered(b *bundle) {
	ids := b.add("acme", nil, nil, nil)
	if got := b.pull(10); len(got) < 3 {
		// A schema of before may order those without a key among themselves.
		require.Equal(b.t, ids[:1], got)
		return
	}
	require.Empty(b.t, b.pull(10))
}

func turns(b *bundle) {
	many := b.add("acme", outbox.Key("a"), outbox.Key("b"), outbox.Key("c"))
	one := b.add("globex", outbox.Key("a"))
	require.Equal(b.t, []string{many[0], one[0]}, b.pull(2))
	require.Equal(b.t, many[1:], b.pull(10))
}

func setAside(b *bundle) {
	ids := b.add("acme", outbox.Key("a"), outbox.Key("a"))
	for range tries {
		require.Equal(b.t, ids[:1], b.pull(10))
		b.ack(ids[0], outbox.Retry)
		b.advance(time.Hour)
	}
	require.Equal(b.t, ids[1:], b.pull(10), "it blocks nobody behind it")
	dead, err := b.box.Dead(b.t.Context())
	require.NoError(b.t, err)
	require.Len(b.t, dead, 1)
	require.Equal(b.t, []any{"acme", ids[0], b.kind, int32(tries)}, []any{dead[0].Tenant, dead[0].ID, dead[0].Kind, dead[0].Attempt})
	require.False(b.t, b.box.Settle(b.in("acme"), ids[:1], time.Millisecond), "it has not happened")
	b.ack(ids[1], outbox.Done)
	require.ErrorIs(b.t, b.box.HandOutAgain(b.in("globex"), ids[0]), outbox.ErrUnknown, "another tenant's")
	require.ErrorIs(b.t, b.box.HandOutAgain(b.in("acme"), ids[1]), outbox.ErrUnknown, "it is not dead")
	require.NoError(b.t, b.box.HandOutAgain(b.in("acme"), ids[0]))
	require.Equal(b.t, ids[:1], b.pull(10))
	b.ack(ids[0], outbox.Done)
	require.True(b.t, b.box.Settle(b.in("acme"), ids, time.Minute))
}

func unanswered(b *bundle) {
	ids := b.add("acme", outbox.Key("a"), outbox.Key("a"))
	for range tries {
		require.Equal(b.t, ids[:1], b.pull(10))
		b.advance(time.Hour)
	}
	require.Empty(b.t, b.pull(10), "this pull sets it aside")
	require.Equal(b.t, ids[1:], b.pull(10))
	b.ack(ids[0], outbox.Done) // an answer that comes late counts
	dead, err := b.box.Dead(b.t.Context())
	require.NoError(b.t, err)
	require.Empty(b.t, dead)
}

func rolledBack(b *bundle) {
	err := pg.InTenant(b.in("acme"), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		err := outbox.Add(ctx, tx, outbox.Effect{ID: uuid.NewString(), Kind: b.kind, CreatedAt: time.Now()})
		require.NoError(b.t, err)
		return context.Canceled
	})
	require.ErrorIs(b.t, err, context.Canceled)
	require.Empty(b.t, b.pull(10))
}

// listen has the box hear what is announced until stop is called; ended has then what
// became of it.
func (b *bundle) listen() (stop func(), ended <-chan error) {
	listening, stop := context.WithCancel(b.t.Context())
	first := b.box.Signal.Next() // it comes once the listening begins
	became := make(chan error, 1)
	go func() { became <- b.box.Listen(listening) }()
	<-first
	return stop, became
}

// pulling pulls one effect beside the test and waits for it.
func (b *bundle) pulling() <-chan []outbox.Effect {
	pulled := make(chan []outbox.Effect, 1)
	go func() {
		effects, err := b.box.Pull(b.t.Context(), 1, time.Minute)
		if err != nil {
			b.t.Errorf("pulling: %v", err)
		}
		pulled <- effects
	}()
	return pulled
}

func woken(b *bundle) {
	stop, ended := b.listen()
	pulled := b.pulling()
	id := b.add("acme", outbox.Key("a"))[0]
	require.Equal(b.t, id, (<-pulled)[0].ID)
	settled := make(chan bool, 1)
	go func() { settled <- b.box.Settle(b.in("acme"), []string{id}, time.Minute) }()
	b.ack(id, outbox.Done)
	require.True(b.t, <-settled)
	stop()
	require.NoError(b.t, <-ended)
}

func waitsForItsTime(b *bundle) {
	stop, ended := b.listen()
	id := b.add("acme", outbox.Key("a"))[0]
	require.Equal(b.t, []string{id}, b.pull(1))
	pulled := b.pulling()
	b.ack(id, outbox.Retry) // a second later
	effects := <-pulled
	require.Len(b.t, effects, 1)
	require.Equal(b.t, int32(2), effects[0].Attempt)
	stop()
	require.NoError(b.t, <-ended)
}

func waitsForALease(b *bundle) {
	stop, ended := b.listen()
	id := b.add("acme", outbox.Key("a"))[0]
	dies := outbox.New(b.pool, outbox.Options{Lease: func(string) time.Duration { return time.Second }})
	leased, err := dies.Pull(b.t.Context(), 1, 0)
	require.NoError(b.t, err)
	require.Len(b.t, leased, 1)
	effects := <-b.pulling() // nobody answers, and nothing is announced
	require.Len(b.t, effects, 1)
	require.Equal(b.t, []any{id, int32(2)}, []any{effects[0].ID, effects[0].Attempt})
	stop()
	require.NoError(b.t, <-ended)
}

func finished(b *bundle) {
	stop, ended := b.listen()
	added := b.box.Signal.Next()
	ids := b.add("acme", outbox.Key("a"), outbox.Key("a"))
	<-added
	require.Equal(b.t, ids[:1], b.pull(10))
	signalled := b.box.Signal.Next()
	require.NoError(b.t, pg.InTenant(b.in("acme"), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return outbox.Finish(ctx, tx, ids[0], time.Now())
	}))
	select {
	case <-signalled:
	case <-time.After(time.Minute):
		require.Fail(b.t, "nobody is told")
	}
	require.Equal(b.t, ids[1:], b.pull(10))
	stop()
	require.NoError(b.t, <-ended)
}

func unheard(b *bundle) {
	stop, ended := b.listen()
	defer stop()
	pulled := b.pulling()
	_, err := b.db.Admin.Exec(b.t.Context(), `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query ^@ 'LISTEN'`)
	require.NoError(b.t, err)
	require.Error(b.t, <-ended, "it is to be called again")
	id := b.add("acme", outbox.Key("a"))[0]
	effects := <-pulled
	require.Len(b.t, effects, 1)
	require.Equal(b.t, id, effects[0].ID)
}

func concurrent(b *bundle) {
	keys := make([]*string, 20)
	for i := range keys {
		keys[i] = outbox.Key(uuid.NewString())
	}
	ids := b.add("acme", keys...)
	got := make([][]string, 4)
	var pulls sync.WaitGroup
	for i := range got {
		pulls.Go(func() {
			effects, err := b.box.Pull(b.t.Context(), 20, 0)
			if err != nil {
				b.t.Errorf("pulling: %v", err)
			}
			for _, e := range effects {
				got[i] = append(got[i], e.ID)
			}
		})
	}
	pulls.Wait()
	var all []string
	for _, some := range got {
		all = append(all, some...)
	}
	all = append(all, b.pull(20)...)
	require.ElementsMatch(b.t, ids, all)
}

// replica is another process, by whose clock it is so much later.
func (b *bundle) replica(later time.Duration) *outbox.Box {
	return outbox.New(b.pool, outbox.Options{Now: func() time.Time { return b.clock().Add(later) }})
}

func clocks(b *bundle) {
	ids := b.add("acme", outbox.Key("a"), outbox.Key("b"))
	for _, wrong := range []time.Duration{time.Hour, -time.Hour} {
		require.Len(b.t, b.pull(1), 1)
		effects, err := b.replica(wrong).Pull(b.t.Context(), 1, 0)
		require.NoError(b.t, err)
		require.Len(b.t, effects, 1, "the other one")
		for _, box := range []*outbox.Box{b.box, b.replica(time.Hour), b.replica(-time.Hour)} {
			effects, err := box.Pull(b.t.Context(), 10, 0)
			require.NoError(b.t, err)
			require.Empty(b.t, effects, "both are leased")
		}
		b.advance(time.Minute)
	}
	require.ElementsMatch(b.t, ids, b.pull(10), "nobody answered")
}

func behind(b *bundle) {
	id := b.add("acme", outbox.Key("a"))[0]
	ahead, late := b.replica(time.Hour), b.replica(-time.Hour)
	effects, err := ahead.Pull(b.t.Context(), 1, 0)
	require.NoError(b.t, err)
	require.Len(b.t, effects, 1)
	require.NoError(b.t, ahead.Ack(b.in("acme"), id, outbox.Retry, nil))
	b.advance(time.Minute)
	effects, err = late.Pull(b.t.Context(), 1, 0)
	require.NoError(b.t, err)
	require.Len(b.t, effects, 1, "the pause is over, whoever made it")
}

func swept(b *bundle) {
	ids := b.add("acme", outbox.Key("a"), outbox.Key("b"))
	b.pull(10)
	b.ack(ids[0], outbox.Done)
	b.advance(29 * 24 * time.Hour)
	require.NoError(b.t, b.box.Sweep(b.t.Context()))
	_, err := b.box.State(b.in("acme"), ids[0])
	require.NoError(b.t, err)
	b.advance(2 * 24 * time.Hour)
	require.NoError(b.t, b.box.Sweep(b.t.Context()))
	_, err = b.box.State(b.in("acme"), ids[0])
	require.ErrorIs(b.t, err, outbox.ErrUnknown)
	_, err = b.box.State(b.in("acme"), ids[1])
	require.NoError(b.t, err, "what is open stays")
}

// finish adds unordered effects and ends each a second after the one before.
func (b *bundle) finish(n int) (ids []string) {
	b.t.Helper()
	for range n {
		id := b.add("acme", outbox.Key(uuid.NewString()))[0]
		require.Equal(b.t, []string{id}, b.pull(1))
		b.ack(id, outbox.Done)
		b.advance(time.Second)
		ids = append(ids, id)
	}
	return ids
}

// there tells which of the effects are kept.
func (b *bundle) there(ids []string) (kept []string) {
	b.t.Helper()
	for _, id := range ids {
		_, err := b.box.State(b.in("acme"), id)
		if err == nil {
			kept = append(kept, id)
			continue
		}
		require.ErrorIs(b.t, err, outbox.ErrUnknown)
	}
	return kept
}

func kept(b *bundle) {
	other := b.add("globex", outbox.Key("a"))
	require.Equal(b.t, other, b.pull(1))
	require.NoError(b.t, b.box.Ack(b.in("globex"), other[0], outbox.Done, nil))
	ids := b.finish(keep)
	open := b.add("acme", outbox.Key("open"))
	require.NoError(b.t, b.box.Sweep(b.t.Context()))
	require.Equal(b.t, ids, b.there(ids), "no more than may be kept")
	require.Equal(b.t, open, b.pull(1)) // leased, so that the next ones are handed out
	ids = append(ids, b.finish(3)...)
	require.NoError(b.t, b.box.Sweep(b.t.Context()))
	require.Equal(b.t, ids[len(ids)-keep:], b.there(ids))
	require.Equal(b.t, open, b.there(open), "what is open stays")
	_, err := b.box.State(b.in("globex"), other[0])
	require.NoError(b.t, err, "another tenant's")
}

// process runs once what an outbox does beside calls.
type process struct {
	do map[string]func(context.Context) error
}

// Every implements outbox.Process.
func (p process) Every(name string, _ time.Duration, do func(context.Context) error) { p.do[name] = do }

// gauges reads the metrics of the outbox.
func gauges(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		values[family.GetName()] = family.GetMetric()[0].GetGauge().GetValue()
	}
	return values
}

func measured(b *bundle) {
	registry, beside := prometheus.NewRegistry(), process{do: map[string]func(context.Context) error{}}
	b.box.Keep(beside, registry)
	shows := func(waiting, oldest, dead float64) {
		b.t.Helper()
		require.NoError(b.t, beside.do["effects measure"](b.t.Context()))
		shown := gauges(b.t, registry)
		require.InDelta(b.t, oldest, shown["outbox_oldest_seconds"], 30, "it goes on meanwhile")
		delete(shown, "outbox_oldest_seconds")
		require.Equal(b.t, map[string]float64{"outbox_waiting": waiting, "outbox_dead": dead}, shown)
	}
	shows(0, 0, 0)
	id := b.add("acme", outbox.Key("a"))[0]
	b.advance(time.Minute)
	require.NoError(b.t, pg.InTenant(b.in("globex"), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return outbox.Add(ctx, tx, outbox.Effect{ID: uuid.NewString(), Kind: b.kind, OrderKey: outbox.Key("a"), CreatedAt: time.Now(), Delay: time.Hour})
	}))
	shows(2, 60, 0)
	for range tries {
		require.Equal(b.t, []string{id}, b.pull(1))
		b.ack(id, outbox.Retry)
		b.advance(10 * time.Minute)
	}
	shows(1, 0, 1) // the other is not due yet
	b.advance(31 * time.Minute)
	shows(1, 60, 1)
	require.NoError(b.t, b.box.HandOutAgain(b.in("acme"), id))
	shows(2, 62*60, 0)
}

func counted(b *bundle) {
	id := b.add("acme", outbox.Key("a"), outbox.Key("b"))[0]
	for range tries {
		require.Contains(b.t, b.pull(10), id)
		b.ack(id, outbox.Retry)
		b.advance(time.Hour)
	}
	for tenantID, want := range map[string]int32{"acme": 1, "globex": 0} {
		dead, err := b.box.CountDead(b.in(tenantID))
		require.NoError(b.t, err)
		require.Equal(b.t, want, dead, tenantID)
	}
}
