package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// startSync confirms one mapping, asks for the initial sync and does not wait
// for the answer.
func (b *bundle) startSync() {
	b.t.Helper()
	tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com")
	ctx, cancel := context.WithTimeout(b.ctx(), 500*time.Millisecond)
	defer cancel()
	resp, err := b.mappings.ConfirmMappings(ctx, &mappingv1.ConfirmMappingsRequest{
		Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0])}, StartInitialSync: true,
	})
	if err == nil { // else the caller went away; the confirm stands all the same
		require.Equal(b.t, "start_pending", resp.GetRunError().GetCode())
	}
	require.Equal(b.t, "mapped", b.history(tenants[0])[0].GetState())
}

func (b *bundle) pull() []*orchestrationv1.Effect {
	b.t.Helper()
	resp, err := b.effects.PullEffects(b.t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10})
	require.NoError(b.t, err)
	return resp.GetEffects()
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
	b.clock.advance(time.Minute)
	again := b.pull()
	require.Len(t, again, 1)
	require.Equal(t, first[0].GetEffectId(), again[0].GetEffectId(), "the key of idempotency")
	require.EqualValues(t, 2, again[0].GetAttempt())

	ack := &orchestrationv1.AckEffectRequest{EffectId: first[0].GetEffectId(), Outcome: "retry"}
	_, err := b.effects.AckEffect(b.ctx(), ack)
	require.NoError(t, err)
	require.Empty(t, b.pull(), "it waits for its next try")
	b.clock.advance(time.Minute)
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
	b.clock.advance(time.Hour)
	require.Empty(t, b.pull(), "what is done stays done")
}

func TestATenantsEffectsAreDoneInTheirOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.startSync()
	b.clock.advance(time.Second)
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
	b.clock.advance(time.Second)
	effects := b.pull()
	require.Len(t, effects, 1)
	require.Equal(t, "msp", effects[0].GetTenantId())
	_, err := b.effects.PullEffects(t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10})
	require.Error(t, err, "with nothing to hand out the failure is told")
}
