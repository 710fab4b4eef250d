package servicetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/outbox/outboxtest"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// startSync confirms one mapping, asks for the initial sync and does not wait
// for the answer.
func (b *bundle) startSync() {
	b.t.Helper()
	tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com")
	b.leaving(func(ctx context.Context) error {
		_, err := b.mappings.ConfirmMappings(ctx, &mappingv1.ConfirmMappingsRequest{
			Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0])}, StartInitialSync: true,
		})
		return err
	})
	require.Equal(b.t, "mapped", b.history(tenants[0])[0].GetState())
}

func (b *bundle) pull() []*orchestrationv1.Effect {
	b.t.Helper()
	resp, err := b.effects.PullEffects(b.t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10})
	require.NoError(b.t, err)
	return resp.GetEffects()
}

// pass has time pass for the service and for the leases of its effects.
func (b *bundle) pass(d time.Duration) {
	b.t.Helper()
	b.clock.Advance(d)
	outboxtest.Pass(b.t, b.db, "outbox", d)
}

func TestAnEffectThatNobodyAnswersIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.startSync()
	first := b.pull()
	require.Len(t, first, 1)
	require.Equal(t, "msp", first[0].GetTenantId())
	require.Equal(t, "person-1", first[0].GetActorId())
	require.EqualValues(t, 1, first[0].GetAttempt())
	require.Empty(t, b.pull(), "it is leased")
	b.pass(time.Minute)
	again := b.pull()
	require.Len(t, again, 1)
	require.Equal(t, first[0].GetEffectId(), again[0].GetEffectId(), "the key of idempotency")
	require.EqualValues(t, 2, again[0].GetAttempt())

	ack := &orchestrationv1.AckEffectRequest{EffectId: first[0].GetEffectId(), Outcome: "retry"}
	_, err := b.effects.AckEffect(b.ctx(), ack)
	require.NoError(t, err)
	outboxtest.Pass(t, b.db, "outbox", -time.Minute) // the pause may be over when a busy machine comes to the next line
	require.Empty(t, b.pull(), "it waits for its next try")
	b.pass(2 * time.Minute)
	require.Len(t, b.pull(), 1)

	ack.Outcome = "done"
	_, err = b.effects.AckEffect(as(t, "other"), ack)
	require.Equal(t, errs.NotFound, errs.KindOf(err), "another tenant's effect")
	for range 2 {
		_, err = b.effects.AckEffect(b.ctx(), ack)
		require.NoError(t, err)
	}
	ack.Outcome = "retry"
	_, err = b.effects.AckEffect(b.ctx(), ack)
	require.NoError(t, err)
	b.pass(time.Hour)
	require.Empty(t, b.pull(), "what is done stays done")
}

func TestATenantsEffectsAreDoneInTheirOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.startSync()
	b.clock.Advance(time.Second)
	_, err := b.db.Admin.Exec(t.Context(), `INSERT INTO outbox (tenant_id, id, actor_id, kind, arguments, created_at)
		SELECT tenant_id, gen_random_uuid(), actor_id, kind, arguments, created_at + interval '1 second' FROM outbox`)
	require.NoError(t, err)
	first := b.pull()
	require.Len(t, first, 1, "the second waits for the first")
	require.Empty(t, b.pull(), "also while the first is being done")
	_, err = b.effects.AckEffect(b.ctx(), &orchestrationv1.AckEffectRequest{EffectId: first[0].GetEffectId(), Outcome: "done"})
	require.NoError(t, err)
	second := b.pull()
	require.Len(t, second, 1)
	require.NotEqual(t, first[0].GetEffectId(), second[0].GetEffectId())
}

func TestAnEffectThatCannotBeLeasedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.startSync()
	for tenant, age := range map[string]string{"before": "1 hour", "behind": "-1 millisecond"} {
		_, err := b.db.Admin.Exec(t.Context(), `INSERT INTO outbox (tenant_id, id, actor_id, kind, arguments, created_at)
			SELECT $1, gen_random_uuid(), actor_id, kind, '{"odd": 1}', created_at - $2::interval FROM outbox WHERE tenant_id = 'msp'`, tenant, age)
		require.NoError(t, err)
	}
	b.clock.Advance(time.Second)
	effects := b.pull()
	require.Len(t, effects, 1)
	require.Equal(t, "msp", effects[0].GetTenantId())
	_, err := b.effects.PullEffects(t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10})
	require.Error(t, err, "with nothing to hand out the failure is told")
}

// TestEffectsOfOneManagedTenantAreDoneInTheirOrder: the next is handed out only
// when the one before has ended; other managed tenants do not wait for it.
func TestEffectsOfOneManagedTenantAreDoneInTheirOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	clients := b.add("One", "one.io", "Two", "two.io")
	b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "map", clients[0]))
	for _, d := range []*mappingv1.MappingDecision{
		decide(tenants[0], "map", clients[1]), decide(tenants[0], "skip"), decide(tenants[1], "skip"), decide(tenants[0], "map", clients[0]),
	} {
		b.leaving(func(ctx context.Context) error {
			_, err := b.mappings.ConfirmMappings(ctx, &mappingv1.ConfirmMappingsRequest{Decisions: []*mappingv1.MappingDecision{d}})
			return err
		})
	}
	require.Len(t, b.revised(), 4)
	// Clocks differ between replicas: the order is that of the commits.
	_, err := b.db.Admin.Exec(t.Context(), `UPDATE outbox SET created_at = created_at - number * interval '1 hour'`)
	require.NoError(t, err)
	first := b.pull()
	require.Equal(t, []string{tenants[0] + " 2", tenants[1] + " 2"}, revisions(first))
	require.Empty(t, b.pull())
	b.ack(first[0], "retry", nil)
	b.pass(5 * time.Minute)
	require.Equal(t, []string{tenants[0] + " 2"}, revisions(b.pull()), "the lease of one that goes through links is longer")
	b.ack(first[0], "retry", nil)
	b.pass(2 * time.Minute)
	again := b.pull()
	require.Equal(t, []string{tenants[0] + " 2", tenants[1] + " 2"}, revisions(again), "it is tried again, and the other lease is over")
	b.ack(again[0], "done", map[string]string{"orphaned_links": "5"})
	require.Equal(t, []string{tenants[0] + " 3"}, revisions(b.pull()))
	require.EqualValues(t, 5, b.history(tenants[0])[0].GetOrphanedLinks())
}

// due writes open effects of a tenant, each of another managed tenant or, with
// none, of no managed tenant.
func (b *bundle) due(tenant, kind string, managed ...string) {
	b.t.Helper()
	for _, id := range append(managed, slices.Repeat([]string{""}, max(0, 1-len(managed)))...) {
		_, err := b.db.Admin.Exec(b.t.Context(), `INSERT INTO outbox (tenant_id, id, actor_id, kind, managed_tenant_id, created_at)
			VALUES ($1, gen_random_uuid(), 'p', $2, NULLIF($3, '')::uuid, now())`, tenant, kind, id)
		require.NoError(b.t, err)
	}
}

// TestPullersAtOnceGetAllThatIsDue: they see the same effects first, and take the
// next where somebody was faster.
func TestPullersAtOnceGetAllThatIsDue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.due("msp", "mapping_revised", newID(), newID(), newID(), newID())
	for range 4 {
		var wait sync.WaitGroup
		got, failures := make([]int, 4), make([]error, 4)
		for i := range got {
			wait.Go(func() {
				resp, err := b.effects.PullEffects(t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 1})
				got[i], failures[i] = len(resp.GetEffects()), err
			})
		}
		wait.Wait()
		for _, err := range failures {
			require.NoError(t, err)
		}
		require.Equal(t, []int{1, 1, 1, 1}, got)
		b.pass(10 * time.Minute) // the leases are over
	}
}

// TestEachTenantHasItsTurn: the many effects of one do not hold up another's, and a
// sync that a person waits for does not wait for the links of the same tenant.
func TestEachTenantHasItsTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.due("busy", "mapping_revised", newID(), newID(), newID())
	b.due("busy", "start_initial_sync")
	b.due("other", "mapping_revised", newID())
	var order []string
	for range 5 {
		resp, err := b.effects.PullEffects(t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 1})
		require.NoError(t, err)
		require.Len(t, resp.GetEffects(), 1)
		order = append(order, resp.GetEffects()[0].GetTenantId()+" "+resp.GetEffects()[0].GetKind())
	}
	require.Equal(t, "busy start_initial_sync", order[0])
	require.Equal(t, "other mapping_revised", order[1], "what is being done counts as a turn")
}

// revisions are the managed tenants and revisions of effects.
func revisions(effects []*orchestrationv1.Effect) (all []string) {
	for _, e := range effects {
		all = append(all, e.GetArguments()["managed_tenant_id"]+" "+e.GetArguments()["revision"])
	}
	return all
}

func (b *bundle) ack(effect *orchestrationv1.Effect, outcome string, result map[string]string) {
	b.t.Helper()
	_, err := b.effects.AckEffect(b.ctx(), &orchestrationv1.AckEffectRequest{EffectId: effect.GetEffectId(), Outcome: outcome, Result: result})
	require.NoError(b.t, err)
}

// TestTheDatabaseWakesWhoeverWaits rings when effects come and when they end.
func TestTheDatabaseWakesWhoeverWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rings := func(cause func()) {
		t.Helper()
		signalled := b.box.Signal.Next()
		cause()
		select {
		case <-signalled:
		case <-time.After(time.Minute):
			require.Fail(t, "the bell stays silent")
		}
	}
	select {
	case <-b.listens:
	case <-time.After(time.Minute):
		require.Fail(t, "nobody listens")
	}
	rings(b.startSync)
	effects := b.pull()
	require.Len(t, effects, 1)
	rings(func() { b.ack(effects[0], "done", map[string]string{"run_id": "r"}) })
}

func TestFinishedEffectsAreErasedAfterThirtyDays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.startSync()
	_, err := b.db.Admin.Exec(t.Context(), `INSERT INTO outbox (tenant_id, id, actor_id, kind, arguments, created_at, done_at, outcome)
		SELECT 'another', gen_random_uuid(), actor_id, kind, arguments, created_at, created_at, 'failed' FROM outbox`)
	require.NoError(t, err)
	count := func() (all int) {
		require.NoError(t, b.box.Sweep(t.Context()))
		require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM outbox`).Scan(&all))
		return all
	}
	b.clock.Advance(29 * 24 * time.Hour)
	require.Equal(t, 2, count())
	b.clock.Advance(2 * 24 * time.Hour)
	require.Equal(t, 1, count(), "one that is not done stays")
	b.ack(b.pull()[0], "done", nil)
	require.Equal(t, 1, count(), "its time begins with its end")
	b.clock.Advance(31 * 24 * time.Hour)
	require.Zero(t, count())
}

// TestRunsAtOnceCreateEachClientOnce: several runs, each asking more than once.
func TestRunsAtOnceCreateEachClientOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("A", "a.io", "B", "b.io", "C", "c.io")
	b.mustConfirm(decide(tenants[0], "create_new"), decide(tenants[1], "create_new"), decide(tenants[2], "create_new"))
	runs := []string{newID(), newID(), newID()}
	created := make([]int32, 9)
	failures := make([]error, len(created))
	var wait sync.WaitGroup
	for i := range created {
		wait.Go(func() {
			resp, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: runs[i%len(runs)]})
			created[i], failures[i] = resp.GetCreated(), err
		})
	}
	wait.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetClients(), 3)
	slices.Sort(created)
	require.EqualValues(t, 3, created[8], "one run made them all")

	// A run that has made clients makes no more: what is decided later waits for the
	// next one.
	var maker string
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT DISTINCT created_by_run::text FROM clients`).Scan(&maker))
	late := b.discover("D", "d.io")
	b.mustConfirm(decide(late[0], "create_new"))
	resp, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: maker})
	require.NoError(t, err)
	require.EqualValues(t, 3, resp.GetCreated())
	require.Equal(t, "create_new", b.history(late[0])[0].GetState())
}
