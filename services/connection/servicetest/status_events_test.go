package servicetest

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// change is a status event without its id and time.
type change struct{ tenant, actor, from, to, reason string }

func (b *bundle) pullEvents(r replica, wait int32) (ids []string, changes []change) {
	b.t.Helper()
	resp, err := r.internal.PullStatusEvents(b.t.Context(), &connectionv1.PullStatusEventsRequest{MaxEvents: 100, WaitSeconds: wait})
	require.NoError(b.t, err)
	for _, e := range resp.GetEvents() {
		require.Equal(b.t, "direct", e.GetConnectionType())
		require.WithinDuration(b.t, b.clock.now(), e.GetAt().AsTime(), 24*time.Hour)
		ids = append(ids, e.GetEventId())
		changes = append(changes, change{e.GetTenantId(), e.GetActorId(), e.GetFromStatus(), e.GetToStatus(), e.GetReason()})
	}
	return ids, changes
}

func (b *bundle) ackEvents(id tenant.ID, ids []string) {
	b.t.Helper()
	_, err := b.internal.AckStatusEvents(person(b.t, id, "system"), &connectionv1.AckStatusEventsRequest{EventIds: ids})
	require.NoError(b.t, err)
}

func TestEveryChangeOfAConnectionIsAnEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := person(t, "msp", "admin")
	b.connect("msp")
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 403})
	require.Equal(t, "consent_missing", validate(ctx, b.replica).code)
	require.Equal(t, "consent_missing", validate(ctx, b.replica).code) // nothing new
	b.sim.heal()
	require.True(t, validate(ctx, b.replica).valid)
	require.True(t, validate(ctx, b.replica).valid)
	b.clock.advance(time.Minute)
	b.connect("msp") // over the one that there is
	b.sim.admin(http.MethodPost, "refresh-tokens/revoke", map[string]any{}, nil)
	b.clock.advance(2 * time.Hour)
	_, err := b.managedTenants(b.inside("msp"))
	require.Error(t, err)
	_, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	_, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{}) // there is nothing
	require.NoError(t, err)
	b.connect("msp")

	ids, got := b.pullEvents(b.replica, 0)
	require.Equal(t, []change{
		{"msp", "admin", "not_connected", "connected", ""},
		{"msp", "", "connected", "validation_failed", "consent_missing"},
		{"msp", "", "validation_failed", "connected", ""},
		{"msp", "admin", "connected", "connected", ""},
		{"msp", "", "connected", "validation_failed", "refresh_failed"},
		{"msp", "admin", "validation_failed", "disconnected", ""},
		{"msp", "admin", "disconnected", "connected", ""},
	}, got)

	other := b.replicaNamed("other")
	_, again := b.pullEvents(other, 0)
	require.Empty(t, again, "they are leased to whoever pulled them")
	b.pass(31 * time.Second)
	_, again = b.pullEvents(other, 0)
	require.Equal(t, got, again, "whoever pulled them died: they come again, on any replica")
	b.ackEvents("other", ids)
	b.ackEvents("msp", ids[:3])
	b.pass(31 * time.Second)
	_, again = b.pullEvents(other, 0)
	require.Equal(t, got[3:], again, "another tenant acknowledges nothing")
	b.ackEvents("msp", ids)
	b.ackEvents("msp", ids)
	b.clock.advance(time.Hour)
	_, again = b.pullEvents(other, 0)
	require.Empty(t, again)
	_, err = b.internal.AckStatusEvents(ctx, &connectionv1.AckStatusEventsRequest{EventIds: []string{"x"}})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
}

func TestAnEventWakesItsReader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	came := make(chan int, 1)
	go func() {
		resp, _ := b.internal.PullStatusEvents(t.Context(), &connectionv1.PullStatusEventsRequest{MaxEvents: 10, WaitSeconds: 25})
		came <- len(resp.GetEvents())
	}()
	b.connect("msp")
	select {
	case n := <-came:
		require.Equal(t, 1, n)
	case <-time.After(15 * time.Second):
		require.Fail(t, "the pull slept on")
	}
}

func TestAChangeAndItsEventAreOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	ctx := person(t, "msp", "admin")
	_, err := b.db.Admin.Exec(t.Context(), `REVOKE INSERT ON outbox FROM entrasync_connection`)
	require.NoError(t, err)
	_, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.Error(t, err)
	require.Equal(t, "connected", b.status("msp").GetStatus(), "no change without its event")
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 403})
	_, err = b.public.ValidateDirect(ctx, &connectionv1.ValidateDirectRequest{})
	require.Error(t, err)
	require.Equal(t, "connected", b.status("msp").GetStatus())
	b.sim.heal()
	_, err = b.db.Admin.Exec(t.Context(), `GRANT INSERT ON outbox TO entrasync_connection`)
	require.NoError(t, err)
	_, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	_, got := b.pullEvents(b.replica, 0)
	require.Len(t, got, 2)
}

// TestEventsOfEarlierBuildsAreTakenAlong: those that waited when the database was
// migrated, and those that a process of an earlier build writes after that.
func TestEventsOfEarlierBuildsAreTakenAlong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	written := func(actor string) {
		_, err := b.db.Admin.Exec(t.Context(), `INSERT INTO status_events (tenant_id, id, at, actor_id, from_status, to_status, connection_type, reason)
			VALUES ('msp', gen_random_uuid(), $1, $2, 'connected', 'validation_failed', 'direct', 'refresh_failed')`, b.clock.now(), actor)
		require.NoError(t, err)
	}
	require.NoError(t, migrations.Steps(t.Context(), b.db.AdminURL, "connection", -2))
	written("before")
	require.NoError(t, migrations.Steps(t.Context(), b.db.AdminURL, "connection", 2))
	written("behind")
	ids, got := b.pullEvents(b.replica, 0)
	require.Equal(t, []change{
		{"msp", "before", "connected", "validation_failed", "refresh_failed"}, {"msp", "behind", "connected", "validation_failed", "refresh_failed"},
	}, got)
	b.ackEvents("msp", ids)
	b.clock.advance(time.Hour)
	ids, _ = b.pullEvents(b.replica, 0)
	require.Empty(t, ids)
}

func TestWhatHasEndedIsErasedAfterThirtyDays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	ids, _ := b.pullEvents(b.replica, 0)
	b.ackEvents("msp", ids)
	for _, e := range b.pull(0) {
		require.NoError(t, b.ack(person(t, "msp", "system"), e.GetEffectId(), "done"))
	}
	b.connect("other") // its effect and its event stay open
	rows := func() (n int) {
		require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM outbox`).Scan(&n))
		return n
	}
	b.clock.advance(29 * 24 * time.Hour)
	require.NoError(t, b.parts.Effects.Sweep(t.Context()))
	require.Equal(t, 4, rows())
	b.clock.advance(25 * time.Hour)
	require.NoError(t, b.parts.Effects.Sweep(t.Context()))
	require.Equal(t, 2, rows(), "what nobody has taken yet is kept")
}
