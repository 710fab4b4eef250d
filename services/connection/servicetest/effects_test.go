package servicetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/outbox/outboxtest"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

func (b *bundle) pull(wait int32) []*orchestrationv1.Effect {
	b.t.Helper()
	resp, err := b.worker.PullEffects(b.t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10, WaitSeconds: wait})
	require.NoError(b.t, err)
	return resp.GetEffects()
}

func (b *bundle) ack(ctx context.Context, id, outcome string) error {
	b.t.Helper()
	_, err := b.worker.AckEffect(ctx, &orchestrationv1.AckEffectRequest{EffectId: id, Outcome: outcome})
	return err
}

// pass has time pass for the service and for the leases of its effects.
func (b *bundle) pass(d time.Duration) {
	b.t.Helper()
	b.clock.advance(d)
	outboxtest.Pass(b.t, b.db, "outbox", d)
}

func TestEffectsOfAConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Empty(t, b.pull(0))
	b.connect("msp")
	ctx := person(t, "msp", "system")
	got := b.pull(0)
	require.Len(t, got, 1)
	require.Equal(t, "connection_connected", got[0].GetKind())
	require.Equal(t, "msp", got[0].GetTenantId())
	require.Equal(t, "admin", got[0].GetActorId())
	require.EqualValues(t, 1, got[0].GetAttempt())
	require.Empty(t, b.pull(0), "it is leased")
	b.pass(31 * time.Second)
	again := b.pull(0)
	require.Len(t, again, 1)
	require.Equal(t, got[0].GetEffectId(), again[0].GetEffectId())
	require.EqualValues(t, 2, again[0].GetAttempt())

	require.Equal(t, errs.NotFound, errs.KindOf(b.ack(person(t, "other", "system"), got[0].GetEffectId(), "done")), "another tenant's")
	require.NoError(t, b.ack(ctx, got[0].GetEffectId(), "retry"))
	outboxtest.Pass(t, b.db, "outbox", -time.Minute) // the pause may be over when a busy machine comes to the next line
	require.Empty(t, b.pull(0), "it waits before it is tried again")
	b.pass(time.Minute + 5*time.Second)
	require.Len(t, b.pull(0), 1)
	require.NoError(t, b.ack(ctx, got[0].GetEffectId(), "done"))
	require.NoError(t, b.ack(ctx, got[0].GetEffectId(), "failed"), "the same effect again changes nothing")
	var outcome string
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT outcome FROM outbox WHERE kind = 'connection_connected'`).Scan(&outcome))
	require.Equal(t, "done", outcome)
	b.pass(time.Hour)
	require.Empty(t, b.pull(0))
}

func TestATenantsEffectsAreDoneInTheirOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	first := b.pull(0)
	require.Len(t, first, 1, "the second waits for the first")
	require.Equal(t, "connection_connected", first[0].GetKind())
	require.Empty(t, b.pull(0), "also while the first is being done")
	b.connect("other")
	second := b.pull(0)
	require.Len(t, second, 1, "another tenant's waits for nobody")
	require.Equal(t, "other", second[0].GetTenantId())
	require.NoError(t, b.ack(person(t, "msp", "system"), first[0].GetEffectId(), "retry"))
	b.pass(5 * time.Second)
	again := b.pull(0)
	require.Len(t, again, 1)
	require.Equal(t, first[0].GetEffectId(), again[0].GetEffectId())
	require.NoError(t, b.ack(person(t, "msp", "system"), first[0].GetEffectId(), "done"))
	third := b.pull(0)
	require.Len(t, third, 1)
	require.Equal(t, "connection_disconnected", third[0].GetKind())
}

// TestClocksDoNotOrderEffects: those of replicas differ, and a connection whose end
// came before its beginning would have its schedule run on.
func TestClocksDoNotOrderEffects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.clock.advance(-time.Minute)
	_, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	for _, kind := range []string{"connection_connected", "connection_disconnected"} {
		got := b.pull(0)
		require.Len(t, got, 1)
		require.Equal(t, kind, got[0].GetKind())
		require.NoError(t, b.ack(person(t, "msp", "system"), got[0].GetEffectId(), "done"))
	}
}

func TestADisconnectSettlesWhenTheWorkerHasActed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	for _, e := range b.pull(0) {
		require.NoError(t, b.ack(person(t, "msp", "system"), e.GetEffectId(), "done"))
	}
	b.parts.Handling.Effects.Timeout = 20 * time.Second
	acted := make(chan string, 1)
	go func() { // the worker
		resp, err := b.worker.PullEffects(t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10, WaitSeconds: 20})
		if err != nil || len(resp.GetEffects()) != 1 {
			acted <- "nothing came"
			return
		}
		e := resp.GetEffects()[0]
		if _, err := b.worker.AckEffect(person(t, "msp", "system"), &orchestrationv1.AckEffectRequest{EffectId: e.GetEffectId(), Outcome: "done"}); err != nil {
			acted <- err.Error()
			return
		}
		acted <- e.GetKind()
	}()
	resp, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	require.Equal(t, "connection_disconnected", <-acted)
	require.Equal(t, "settled", resp.GetEffects())
}

// The worker asks for whom something recurs: for those that have a connection, whatever its state.
func TestConnectedTenantsAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	named := func(after string, size int32) []string {
		res, err := b.named.ListConnectedTenants(t.Context(), &connectionv1.ListConnectedTenantsRequest{AfterTenantId: after, PageSize: size})
		require.NoError(t, err)
		return res.GetTenantIds()
	}
	require.Empty(t, named("", 10))
	for _, id := range []tenant.ID{"msp-b", "msp-a", "msp-c", "msp-d"} {
		b.connect(id)
	}
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 403})
	require.Equal(t, "consent_missing", validate(person(t, "msp-a", "admin"), b.replica).code)
	b.sim.heal()
	_, err := b.public.Disconnect(person(t, "msp-d", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	b.connect("msp-b") // anew: the one before is history
	require.Equal(t, []string{"msp-a", "msp-b", "msp-c"}, named("", 10))
	require.Equal(t, []string{"msp-b"}, named("msp-a", 1))
	require.Empty(t, named("msp-c", 10))
}

// TestARowThatCannotBeLeasedBlocksNoOther: what is wrong with one tenant's rows, the
// oldest, is no reason to leave the others; readers ask for few.
func TestARowThatCannotBeLeasedBlocksNoOther(t *testing.T) {
	t.Parallel()
	for kinds, pull := range map[string]func(b *bundle, most int32) (tenants []string, err error){
		"connection_": func(b *bundle, most int32) (tenants []string, err error) {
			resp, err := b.worker.PullEffects(b.t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: most})
			for _, e := range resp.GetEffects() {
				tenants = append(tenants, e.GetTenantId())
			}
			return tenants, err
		},
		"status_": func(b *bundle, most int32) (tenants []string, err error) {
			resp, err := b.internal.PullStatusEvents(b.t.Context(), &connectionv1.PullStatusEventsRequest{MaxEvents: most})
			for _, e := range resp.GetEvents() {
				tenants = append(tenants, e.GetTenantId())
			}
			return tenants, err
		},
	} {
		t.Run(kinds, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for _, id := range []tenant.ID{"broken", "one", "two", "three"} {
				b.connect(id)
			}
			b.connect("broken") // a second row, as old as the others' first
			_, err := b.db.Admin.Exec(t.Context(), `
				CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a row that cannot be leased'; END $$;
				CREATE TRIGGER refuse BEFORE UPDATE ON outbox FOR EACH ROW WHEN (OLD.tenant_id = 'broken' AND OLD.kind ^@ '`+kinds+`') EXECUTE FUNCTION refuse()`)
			require.NoError(t, err)
			got, err := pull(b, 1)
			require.NoError(t, err)
			require.Equal(t, []string{"one"}, got)
			got, err = pull(b, 10)
			require.NoError(t, err)
			require.Equal(t, []string{"two", "three"}, got, "the rest, in their order")
			_, err = pull(b, 10)
			require.Error(t, err, "nothing but what cannot be leased")
			_, err = b.db.Admin.Exec(t.Context(), `DROP TRIGGER refuse ON outbox`)
			require.NoError(t, err)
			got, err = pull(b, 10)
			require.NoError(t, err)
			require.Contains(t, got, "broken", "it was not lost")
			require.NotContains(t, got, "one", "which is leased")
			b.pass(31 * time.Second)
			got, err = pull(b, 10)
			require.NoError(t, err)
			require.Subset(t, got, []string{"one", "two", "three"}, "nobody acknowledged")
		})
	}
}
