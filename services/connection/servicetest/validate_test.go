package servicetest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

func TestValidateStoresTheOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	ctx := person(t, "msp", "admin")
	validate := func() *connectionv1.ValidateDirectResponse {
		resp, err := b.public.ValidateDirect(ctx, &connectionv1.ValidateDirectRequest{})
		require.NoError(t, err)
		return resp
	}
	require.EqualValues(t, 1, validate().GetManagedTenantSampleCount())
	for _, c := range []struct {
		fault map[string]any
		code  string
	}{
		{map[string]any{"kind": "status", "route": "graph.relationships", "status": 401}, "auth_rejected"},
		{map[string]any{"kind": "status", "route": "graph.relationships", "status": 403}, "consent_missing"},
		{map[string]any{"kind": "throttle", "route": "graph.relationships", "retryAfterSeconds": 3600}, "throttled"},
		{map[string]any{"kind": "status", "route": "graph.relationships", "status": 500}, "upstream_error"},
	} {
		b.sim.fault(c.fault)
		b.clock.advance(time.Hour + time.Second) // past what Microsoft asked to wait
		got := validate()
		require.False(t, got.GetValid())
		require.Equal(t, c.code, got.GetError().GetCode())
		stored := b.status("msp")
		require.Equal(t, "validation_failed", stored.GetStatus())
		require.Equal(t, c.code, stored.GetLastValidationError().GetCode())
		require.NotEmpty(t, stored.GetLastValidationError().GetMessage())
		b.sim.heal()
	}
	require.True(t, validate().GetValid())
	require.Equal(t, "connected", b.status("msp").GetStatus())
	require.Nil(t, b.status("msp").GetLastValidationError(), "cleared on success")

	b.sim.admin(http.MethodPost, "refresh-tokens/revoke", map[string]any{"aadsts": 50173}, nil)
	b.clock.advance(2 * time.Hour)
	got := validate()
	require.Equal(t, "refresh_failed", got.GetError().GetCode())
	require.Contains(t, got.GetError().GetMessage(), "AADSTS50173")
	require.Equal(t, "validation_failed", b.status("msp").GetStatus())
}

func TestEveryCodeOfAValidation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	ctx := person(t, "msp", "admin")
	with := func(adjust func(*assembly.Settings)) replica {
		changed := *b
		adjust(&changed.settings)
		return changed.start(b.pool())
	}
	bare := with(func(s *assembly.Settings) { s.ClientSecret = "" })
	away := with(func(s *assembly.Settings) { s.GraphURL = "http://127.0.0.1:1" })
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
		b.clock.advance(61 * time.Minute) // past what a throttled client has to wait
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
