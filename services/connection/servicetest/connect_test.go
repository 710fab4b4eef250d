package servicetest

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

func TestConnectInASession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	partner, _ := b.sim.directories()
	require.Equal(t, "not_connected", b.status("msp").GetStatus())
	require.Nil(t, b.status("msp").GetConnectedAt())

	started := b.begin(browser(t, "msp", "admin", "s1"))
	require.WithinDuration(t, b.clock.now().Add(10*time.Minute), started.GetExpiresAt().AsTime(), time.Minute)
	asked, err := url.Parse(started.GetAuthorizeUrl())
	require.NoError(t, err)
	require.Equal(t, "/organizations/oauth2/v2.0/authorize", asked.Path)
	require.Equal(t, "S256", asked.Query().Get("code_challenge_method"))
	require.Equal(t, "select_account", asked.Query().Get("prompt"))
	require.Len(t, asked.Query().Get("state"), 43)

	end := b.back(b.sim.consent(started.GetAuthorizeUrl()), "s1")
	require.Equal(t, "success", end.Get("entra_status"))
	require.Equal(t, "connection", end.Get("tab"), "the address of the allow-list is kept whole")
	got := b.status("msp")
	require.Equal(t, "connected", got.GetStatus())
	require.Equal(t, "direct", got.GetConnectionType())
	require.Equal(t, []string{"direct"}, got.GetAvailableConnectionTypes())
	require.Equal(t, "env", got.GetCredentialSource())
	require.Equal(t, partner.TenantID, got.GetPartnerTenantId())
	require.Nil(t, got.GetLastValidationError())
	require.NotNil(t, got.GetLastValidatedAt())
	require.Equal(t, "not_connected", b.status("other").GetStatus(), "another tenant sees nothing")
}

func TestConnectWithABearerToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := person(t, "msp", "admin")
	answer := b.sim.consent(b.begin(ctx).GetAuthorizeUrl())
	end := b.back(answer, "the session of whoever opened the link")
	require.Equal(t, "pending", end.Get("entra_status"))
	code := end.Get("completion_code")
	require.Len(t, code, 43)
	require.Equal(t, "not_connected", b.status("msp").GetStatus(), "nothing is stored before the person completes it")

	complete := func(who string, tenantID string) error {
		c := person(t, "msp", who)
		if tenantID == "other" {
			c = person(t, "other", who)
		}
		_, err := b.public.CompleteConnect(c, &connectionv1.CompleteConnectRequest{CompletionCode: code})
		return err
	}
	require.Equal(t, "invalid_completion", errs.ReasonOf(complete("colleague", "msp")))
	require.Equal(t, "invalid_completion", errs.ReasonOf(complete("admin", "other")))
	_, err := b.public.CompleteConnect(ctx, &connectionv1.CompleteConnectRequest{CompletionCode: "guessed"})
	require.Equal(t, "invalid_completion", errs.ReasonOf(err))
	require.Equal(t, "not_connected", b.status("msp").GetStatus())
	require.Nil(t, b.status("msp").GetConnectedAt())

	require.NoError(t, complete("admin", "msp"))
	require.Equal(t, "connected", b.status("msp").GetStatus())
	require.Equal(t, "invalid_completion", errs.ReasonOf(complete("admin", "msp")), "a code works once")
}

func TestCompletionExpiresAndIsDestroyed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := person(t, "msp", "admin")
	code := b.back(b.sim.consent(b.begin(ctx).GetAuthorizeUrl()), "").Get("completion_code")
	b.clock.advance(5*time.Minute + time.Second)
	for range 2 { // before and after the sweeper came
		_, err := b.public.CompleteConnect(ctx, &connectionv1.CompleteConnectRequest{CompletionCode: code})
		require.Equal(t, "expired_completion", errs.ReasonOf(err))
		require.NoError(t, b.parts.Sweep.Do(t.Context()))
	}
	var left int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(sealed_grant) FROM pending_grants`).Scan(&left))
	require.Zero(t, left)
	require.Equal(t, "not_connected", b.status("msp").GetStatus())
	require.Nil(t, b.status("msp").GetConnectedAt())
}

// A person who starts flows without end keeps the last of them, and others lose none.
func TestAPersonHasABoundedNumberOfFlows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	begin := func(user string) url.Values {
		return b.sim.consent(b.begin(browser(t, "msp", user, "s1")).GetAuthorizeUrl())
	}
	others, first := begin("other"), begin("admin")
	for range 30 {
		b.clock.advance(time.Second)
		b.begin(browser(t, "msp", "admin", "s1"))
	}
	last := begin("admin")
	var kept int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM oauth_states WHERE user_id = 'admin'`).Scan(&kept))
	require.Equal(t, 20, kept)
	require.Equal(t, "invalid_state", b.back(first, "s1").Get("error"))
	require.Equal(t, "success", b.back(last, "s1").Get("entra_status"))
	require.Equal(t, "success", b.back(others, "s1").Get("entra_status"))
}

func TestAFailedConnectLeavesTheWorkingOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	before := b.status("msp")
	for _, c := range []struct {
		name  string
		fault map[string]any
		code  string
	}{
		{"exchange", map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 54005}, "token_exchange_failed"},
		{"no consent at the exchange", map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 65001}, "consent_missing"},
		{"no consent at the probe", map[string]any{"kind": "status", "route": "graph.relationships", "status": 403}, "consent_missing"},
		{"probe", map[string]any{"kind": "status", "route": "graph.relationships", "status": 400}, "probe_failed"},
	} {
		b.sim.fault(c.fault)
		end := b.back(b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl()), "s1")
		require.Equal(t, "failure", end.Get("entra_status"), c.name)
		require.Equal(t, c.code, end.Get("error"), c.name)
		b.sim.heal()
	}
	after := b.status("msp")
	require.Equal(t, "connected", after.GetStatus())
	require.Equal(t, before.GetConnectedAt().AsTime(), after.GetConnectedAt().AsTime())
	valid, err := b.public.ValidateDirect(person(t, "msp", "admin"), &connectionv1.ValidateDirectRequest{})
	require.NoError(t, err)
	require.True(t, valid.GetValid())
}

func TestReconnectingReplacesAndKeepsHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.clock.advance(time.Minute)
	b.connect("msp")
	var active, all int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE status = 'connected'), count(*)
		FROM entra_partner_connections WHERE tenant_id = 'msp'`).Scan(&active, &all))
	require.Equal(t, 1, active)
	require.Equal(t, 2, all)
	_, err := b.db.Admin.Exec(t.Context(), `UPDATE entra_partner_connections old
		SET status = 'connected', ended_at = NULL, secret_version = current.secret_version, token_expires_at = current.token_expires_at
		FROM entra_partner_connections current WHERE old.status = 'replaced' AND current.status = 'connected'`)
	refused, ok := errors.AsType[*pgconn.PgError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "entra_partner_connections_active", refused.ConstraintName, "the database refuses a second active one")
	b.clock.advance(16 * time.Minute)
	require.NoError(t, b.parts.Sweep.Do(t.Context()))
	var versions int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM secrets WHERE tenant_id = 'msp'`).Scan(&versions))
	require.Equal(t, 1, versions, "the version that nothing points to is swept")
}

// TestConnectsAtOnceLeaveOneActive: two administrators accept at the same moment. Whoever is
// second replaces the first, or is told to try again; never are two active, nor none.
func TestConnectsAtOnceLeaveOneActive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answers := make([]url.Values, 4)
	for i := range answers {
		answers[i] = b.sim.consent(b.begin(browser(t, "msp", fmt.Sprintf("admin-%d", i), "s1")).GetAuthorizeUrl())
	}
	ends := make([]error, len(answers))
	var callbacks sync.WaitGroup
	for i, answer := range answers {
		callbacks.Go(func() {
			_, ends[i] = b.internal.CompleteCallback(t.Context(), &connectionv1.CompleteCallbackRequest{
				State: answer.Get("state"), Code: answer.Get("code"), Session: "s1",
			})
		})
	}
	callbacks.Wait()
	for _, err := range ends {
		require.NoError(t, err)
	}
	var active int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM entra_partner_connections
		WHERE tenant_id = 'msp' AND status IN ('connected', 'validation_failed')`).Scan(&active))
	require.Equal(t, 1, active)
	require.Equal(t, "connected", b.status("msp").GetStatus())
}

func TestConnectRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := person(t, "msp", "admin")
	for _, where := range []string{"https://evil.example/", returnTo + "&x=1", "https://psa.example/settings/entra", "javascript:alert(1)"} {
		_, err := b.public.Connect(ctx, &connectionv1.ConnectRequest{ConnectionType: "direct", ReturnTo: where})
		require.Equal(t, "return_to_not_allowed", errs.ReasonOf(err), where)
	}
	_, err := b.public.Connect(ctx, &connectionv1.ConnectRequest{ConnectionType: "cipp"})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	resp, err := b.public.Connect(ctx, &connectionv1.ConnectRequest{ConnectionType: "direct"})
	require.NoError(t, err)
	require.NotEmpty(t, resp.GetAuthorizeUrl())

	bare := setupOn(t, b.sim, func(s *assembly.Settings) { s.ClientSecret = "" })
	_, err = bare.public.Connect(ctx, &connectionv1.ConnectRequest{ConnectionType: "direct"})
	require.Equal(t, "missing_credentials", errs.ReasonOf(err), "half a pair is none")
	require.Empty(t, bare.status("msp").GetCredentialSource())
}
