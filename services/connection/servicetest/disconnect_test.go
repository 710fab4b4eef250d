package servicetest

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// disconnect ends the connection of the tenant "msp".
func (b *bundle) disconnect() {
	b.t.Helper()
	_, err := b.public.Disconnect(person(b.t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(b.t, err)
}

// TestADisconnectEndsFlowsThatWereStarted: the person who started one may be the one who is being
// cut off.
func TestADisconnectEndsFlowsThatWereStarted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	inSession := b.sim.consent(b.begin(browser(t, "msp", "leaver", "s9")).GetAuthorizeUrl())
	byBearer := b.sim.consent(b.begin(person(t, "msp", "leaver")).GetAuthorizeUrl())
	others := b.sim.consent(b.begin(browser(t, "other", "admin", "s2")).GetAuthorizeUrl())
	b.disconnect()
	asked := b.sim.requests("login.token", "")
	require.Equal(t, "invalid_state", b.back(inSession, "s9").Get("error"))
	require.Equal(t, "invalid_state", b.back(byBearer, "").Get("error"))
	require.Equal(t, asked, b.sim.requests("login.token", ""), "Microsoft hears nothing of it")
	require.Equal(t, "disconnected", b.status("msp").GetStatus())
	var verifiers int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(sealed_verifier) FROM oauth_states WHERE tenant_id = 'msp'`).Scan(&verifiers))
	require.Zero(t, verifiers)

	require.Equal(t, "success", b.back(others, "s2").Get("entra_status"), "another tenant's flow goes on")
	b.connect("msp")
	require.Equal(t, "connected", b.status("msp").GetStatus(), "a flow that began afterwards connects")
}

// TestADisconnectEndsACallbackUnderWay: the callback has used its state up, and
// redeems the code while somebody disconnects.
func TestADisconnectEndsACallbackUnderWay(t *testing.T) {
	t.Parallel()
	for name, session := range map[string]string{"in a session": "s9", "by a bearer token": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, microsoft := setupLogin(t)
			b.connect("msp")
			answer := b.sim.consent(b.begin(browser(t, "msp", "leaver", session)).GetAuthorizeUrl())
			asked, held := make(chan struct{}), make(chan struct{})
			release := sync.OnceFunc(func() { close(held) })
			t.Cleanup(release)
			microsoft.on(func(url.Values, map[string]any) { close(asked); <-held })
			end := make(chan url.Values, 1)
			go func() { end <- b.back(answer, session) }()
			<-asked
			b.disconnect()
			release()
			got := <-end
			require.Equal(t, "invalid_state", got.Get("error"))
			require.Empty(t, got.Get("completion_code"))
			require.Equal(t, "disconnected", b.status("msp").GetStatus())
			var grants int
			require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(sealed_grant) FROM pending_grants`).Scan(&grants))
			require.Zero(t, grants, "what it got is kept nowhere")
		})
	}
}

// TestNoCallWaitsForARefreshThatHangs: a person cuts the connection, or rotates the
// app's secret, while Microsoft does not answer that tenant's refresh.
func TestNoCallWaitsForARefreshThatHangs(t *testing.T) {
	t.Parallel()
	b, microsoft := setupLogin(t)
	b.connect("msp")
	b.clock.advance(2 * time.Hour)
	asked, held := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	microsoft.on(func(url.Values, map[string]any) { close(asked); <-held })
	late := make(chan outcome, 1)
	go func() { late <- validate(person(t, "msp", "admin"), b.replica) }()
	<-asked

	ctx, cancel := context.WithTimeout(person(t, "msp", "admin"), 20*time.Second)
	defer cancel()
	_, err := b.public.SetCredentials(ctx, &connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret})
	require.NoError(t, err)
	_, err = b.public.DeleteCredentials(ctx, &connectionv1.DeleteCredentialsRequest{})
	require.NoError(t, err)
	_, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	require.Equal(t, "disconnected", b.status("msp").GetStatus())
	release()
	require.Equal(t, "not_connected", errs.ReasonOf((<-late).err))
	require.Equal(t, "disconnected", b.status("msp").GetStatus(), "what Microsoft answered late changes nothing")
	require.Zero(t, b.rows("secrets"), "and is kept nowhere")
}

func TestDisconnectRemovesSecretsAndKeepsHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := person(t, "msp", "admin")
	resp, err := b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	require.Equal(t, "not_connected", resp.GetStatus())

	b.connect("msp")
	b.connect("other")
	_, managed := b.sim.directories()
	waiting := b.back(b.sim.consent(b.begin(ctx).GetAuthorizeUrl()), "").Get("completion_code")
	_, err = b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
	require.NoError(t, err)

	resp, err = b.public.Disconnect(ctx, &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	require.Equal(t, "disconnected", resp.GetStatus())
	require.Equal(t, "pending", resp.GetEffects(), "nobody has acted on it yet")
	require.Equal(t, "disconnected", b.status("msp").GetStatus())
	var kept, foreign, grants, rows int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT
		(SELECT count(*) FROM secrets WHERE tenant_id = 'msp'), (SELECT count(*) FROM secrets WHERE tenant_id = 'other'),
		(SELECT count(sealed_grant) FROM pending_grants), (SELECT count(*) FROM entra_partner_connections WHERE tenant_id = 'msp')`).
		Scan(&kept, &foreign, &grants, &rows))
	require.Zero(t, kept)
	require.Equal(t, 1, foreign)
	require.Zero(t, grants)
	require.Equal(t, 1, rows)
	_, err = b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
	require.Equal(t, "not_connected", errs.ReasonOf(err), "a cached token does not outlive the connection")
	_, err = b.public.CompleteConnect(ctx, &connectionv1.CompleteConnectRequest{CompletionCode: waiting})
	require.Equal(t, "invalid_completion", errs.ReasonOf(err))
	_, err = b.public.ValidateDirect(ctx, &connectionv1.ValidateDirectRequest{})
	require.Equal(t, "not_connected", errs.ReasonOf(err))

	b.connect("msp")
	require.Equal(t, "connected", b.status("msp").GetStatus())
}
