package servicetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/pkg/vault/vaulttest"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// operators holds that a failure is reported as the installation's: unavailable, with a
// text that says who can repair it and a time after which to try again.
func operators(t *testing.T, reason string, err error) {
	t.Helper()
	require.Equal(t, reason, errs.ReasonOf(err), "%v", err)
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	told := publicOf(err)
	require.Contains(t, told, "operator of entrasync")
	for _, inside := range []string{"ENTRASYNC_", "/v1/", "403", "503", "secret/"} {
		require.NotContains(t, told, inside)
	}
}

func publicOf(err error) string {
	type public interface{ Public() string }
	for e := err; e != nil; {
		if p, ok := e.(public); ok {
			return p.Public()
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			return ""
		}
		e = u.Unwrap()
	}
	return ""
}

// TestAFailingSecretStoreIsReported to every caller that meets it: the status carries it, the
// process is degraded and stays ready, and nothing claims that the connection is bad.
func TestAFailingSecretStoreIsReported(t *testing.T) {
	t.Parallel()
	b, store := setupOnVault(t)
	b.connect("msp")
	list := b.listing("msp")
	ready := func() error { return b.parts.Readiness()[0].Test(t.Context()) }
	require.NoError(t, list())
	require.Nil(t, b.status("msp").GetSecretStore())
	require.NoError(t, ready())
	require.True(t, b.parts.Readiness()[0].Degrades)
	for reason, fail := range map[string]func(broken bool){
		vaultclient.ReasonUnavailable: func(broken bool) {
			if broken {
				store.Seal()
			} else {
				store.Unseal()
			}
		},
		vaultclient.ReasonDenied: store.Deny,
	} {
		b.clock.advance(time.Minute)
		fail(true)
		operators(t, reason, list())
		_, err := b.public.Connect(person(t, "msp", "admin"), &connectionv1.ConnectRequest{ConnectionType: "direct"})
		operators(t, reason, err)
		got := b.status("msp")
		require.Equal(t, "connected", got.GetStatus())
		require.Equal(t, reason, got.GetSecretStore().GetCode())
		require.Contains(t, got.GetSecretStore().GetMessage(), "operator of entrasync")
		require.Contains(t, got.GetSecretStore().GetRemedy(), "log of connection")
		require.Equal(t, reason, b.status("another").GetSecretStore().GetCode(), "it is everybody's")
		require.ErrorContains(t, ready(), reason)

		fail(false)
		b.clock.advance(time.Minute)
		require.NoError(t, b.parts.Store.Watch.Check(t.Context()))
		require.NoError(t, list())
		require.Nil(t, b.status("msp").GetSecretStore())
		require.NoError(t, ready())
	}
}

// TestAConnectThatTheStoreFails tells the browser which store it was.
func TestAConnectThatTheStoreFails(t *testing.T) {
	t.Parallel()
	b, store := setupOnVault(t)
	answer := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	store.Seal()
	require.Equal(t, vaultclient.ReasonUnavailable, b.back(answer, "s1").Get("error"))
	store.Unseal()
	b.connect("msp")
}

// TestAnEngineOfVersionOneKeepsNothing, and a disconnect does not claim that it does.
func TestAnEngineOfVersionOneKeepsNothing(t *testing.T) {
	t.Parallel()
	b, store := setupOnVault(t)
	begun := b.begin(browser(t, "msp", "admin", "s1"))
	answer := b.sim.consent(begun.GetAuthorizeUrl())
	store.Remount(1)
	require.Equal(t, vaultclient.ReasonMisconfigured, b.back(answer, "s1").Get("error"))
	_, err := b.public.Connect(person(t, "msp", "admin"), &connectionv1.ConnectRequest{ConnectionType: "direct"})
	operators(t, vaultclient.ReasonMisconfigured, err)
	_, err = b.public.SetCredentials(person(t, "msp", "admin"), &connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret})
	operators(t, vaultclient.ReasonMisconfigured, err)
	require.Empty(t, store.Stored())
	resp, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err, "there is no secret to remove")
	require.Equal(t, "not_connected", resp.GetStatus())
	require.Equal(t, vaultclient.ReasonMisconfigured, b.status("msp").GetSecretStore().GetCode())

	store.Remount(2)
	b.connect("msp")
	require.Nil(t, b.status("msp").GetSecretStore())
}

// TestADisconnectIsDoneWhenTheSecretsAreGone, not before.
func TestADisconnectIsDoneWhenTheSecretsAreGone(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]struct {
		reason       string
		fail, mended func(*vaulttest.Server)
	}{
		"sealed":         {vaultclient.ReasonUnavailable, (*vaulttest.Server).Seal, (*vaulttest.Server).Unseal},
		"of version one": {vaultclient.ReasonMisconfigured, func(s *vaulttest.Server) { s.Remount(1) }, func(s *vaulttest.Server) { s.Remount(2) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, store := setupOnVault(t)
			b.connect("msp")
			broken.fail(store)
			for range 2 {
				_, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
				operators(t, broken.reason, err)
				require.Contains(t, publicOf(err), "still in the secret store")
			}
			require.Equal(t, broken.reason, b.status("msp").GetSecretStore().GetCode())
			broken.mended(store)
			resp, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
			require.NoError(t, err)
			require.Equal(t, "disconnected", resp.GetStatus())
			require.NotContains(t, store.Paths(), "entrasync/msp/entra_direct")
			require.Nil(t, b.status("msp").GetSecretStore())
		})
	}
}

// TestASwitchToAnotherStore asks for a new connection, and does not say that it was
// Microsoft that refused: it was not asked.
func TestASwitchToAnotherStore(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	b := setupOn(t, sim)
	b.connect("msp")
	store := newVault(t)
	store.clock = b.clock
	store.use(&b.settings)
	b.replica = b.start(b.pool())
	before := sim.requests("login.token", "")
	_, err := b.managedTenants(b.inside("msp"))
	require.Equal(t, "grant_missing", errs.ReasonOf(err))
	require.Equal(t, errs.Precondition, errs.KindOf(err))
	require.Contains(t, publicOf(err), "secret store")
	require.NotContains(t, publicOf(err), "Microsoft")
	resp, err := b.public.ValidateDirect(person(t, "msp", "admin"), &connectionv1.ValidateDirectRequest{})
	require.NoError(t, err)
	require.Contains(t, resp.GetError().GetMessage(), "secret store")
	require.NotContains(t, resp.GetError().GetMessage(), "Microsoft")
	require.Equal(t, before, sim.requests("login.token", ""), "Microsoft was not asked")
	b.connect("msp")
	b.works("msp")
}
