package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	b.clock.advance(31 * time.Second)
	_, again = b.pullEvents(other, 0)
	require.Equal(t, got, again, "whoever pulled them died: they come again, on any replica")
	b.ackEvents("other", ids)
	b.ackEvents("msp", ids[:3])
	b.clock.advance(31 * time.Second)
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

func TestAnEventWakesWhoWaitsForIt(t *testing.T) {
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
	_, err := b.db.Admin.Exec(t.Context(), `REVOKE INSERT ON status_events FROM entrasync_connection`)
	require.NoError(t, err)
	_, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.Error(t, err)
	require.Equal(t, "connected", b.status("msp").GetStatus(), "no change without its event")
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 403})
	_, err = b.public.ValidateDirect(ctx, &connectionv1.ValidateDirectRequest{})
	require.Error(t, err)
	require.Equal(t, "connected", b.status("msp").GetStatus())
	b.sim.heal()
	_, err = b.db.Admin.Exec(t.Context(), `GRANT INSERT ON status_events TO entrasync_connection`)
	require.NoError(t, err)
	_, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	_, got := b.pullEvents(b.replica, 0)
	require.Len(t, got, 2)
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
		require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM status_events)`).Scan(&n))
		return n
	}
	b.clock.advance(29 * 24 * time.Hour)
	require.NoError(t, b.parts.sweep.Do(t.Context()))
	require.Equal(t, 4, rows())
	b.clock.advance(25 * time.Hour)
	require.NoError(t, b.parts.sweep.Do(t.Context()))
	require.Equal(t, 2, rows(), "what nobody has taken yet is kept")
}

func TestEveryCodeOfAValidation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	ctx := person(t, "msp", "admin")
	with := func(adjust func(*settings)) replica {
		changed := *b
		adjust(&changed.settings)
		return changed.start(b.db.Pool("connection"))
	}
	bare := with(func(s *settings) { s.ClientSecret = "" })
	away := with(func(s *settings) { s.GraphURL = "http://127.0.0.1:1" })
	fault := func(kind string, more map[string]any) func() {
		return func() {
			f := map[string]any{"kind": kind, "route": "graph.relationships"}
			for k, v := range more {
				f[k] = v
			}
			b.sim.fault(f)
		}
	}
	for _, c := range []struct {
		code   string
		by     replica
		before func()
	}{
		{"missing_credentials", bare, func() { b.clock.advance(2 * time.Hour) }},
		{"refresh_failed", b.replica, func() {
			b.clock.advance(2 * time.Hour)
			b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 700082})
		}},
		{"auth_rejected", b.replica, fault("status", map[string]any{"status": 401})},
		{"consent_missing", b.replica, fault("status", map[string]any{"status": 403})},
		{"throttled", b.replica, fault("throttle", map[string]any{"retryAfterSeconds": 3600})},
		{"upstream_error", b.replica, fault("status", map[string]any{"status": 500})},
		{"unreachable", away, func() {}},
	} {
		c.before()
		began := b.clock.now()
		require.Equal(t, outcome{code: c.code}, validate(ctx, c.by), c.code)
		got := b.status("msp")
		require.Equal(t, "validation_failed", got.GetStatus(), c.code)
		require.Equal(t, c.code, got.GetLastValidationError().GetCode())
		if c.code == "missing_credentials" {
			require.NotEmpty(t, got.GetLastValidationError().GetMessage())
		} else {
			require.Regexp(t, `\. Request id: [0-9a-f-]{36}\.$`, got.GetLastValidationError().GetMessage(), c.code)
		}
		require.WithinRange(t, got.GetLastValidationError().GetCheckedAt().AsTime(), began.Add(-time.Millisecond), b.clock.now(), c.code)
		require.Equal(t, got.GetLastValidationError().GetCheckedAt().AsTime(), got.GetLastValidatedAt().AsTime(), c.code)
		b.sim.heal()
		b.clock.advance(61 * time.Minute) // past what a throttled client was told to wait
		require.Equal(t, outcome{valid: true}, validate(ctx, b.replica), c.code)
		got = b.status("msp")
		require.Equal(t, "connected", got.GetStatus(), c.code)
		require.Nil(t, got.GetLastValidationError(), "cleared on success: "+c.code)
	}
}

func TestAProofDoesNotHideALaterFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	// A slow probe begins; meanwhile the grant turns out to be dead.
	b.sim.fault(map[string]any{"kind": "slow", "route": "graph.relationships", "delayMillis": 3000, "times": 1})
	slow := make(chan outcome, 1)
	go func() { slow <- validate(context.WithoutCancel(person(t, "msp", "admin")), b.replica) }()
	eventually(t, "the probe is under way", func() bool {
		var answer struct {
			Faults []struct{ Fired int } `json:"faults"`
		}
		b.sim.admin(http.MethodGet, "faults", nil, &answer)
		return len(answer.Faults) == 1 && answer.Faults[0].Fired == 1
	})
	b.sim.admin(http.MethodPost, "refresh-tokens/revoke", map[string]any{}, nil)
	_, managed := b.sim.directories()
	_, err := b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
	require.Equal(t, "refresh_failed", errs.ReasonOf(err))
	require.Equal(t, outcome{valid: true}, <-slow)
	require.Equal(t, "validation_failed", b.status("msp").GetStatus())
}
