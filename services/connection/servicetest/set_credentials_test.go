package servicetest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

const otherApp = "6c0ffee0-0000-4000-8000-000000000003"

func TestATenantsOwnRegistration(t *testing.T) {
	t.Parallel()
	b := setup(t)
	partner, _ := b.sim.directories()
	b.sim.register(otherApp, "the secret of the other app")

	set := b.set(&connectionv1.SetCredentialsRequest{ClientId: otherApp, ClientSecret: "the secret of the other app", TenantId: partner.TenantID})
	require.Equal(t, "tenant-secret", set.GetCredentialSource())
	require.Equal(t, otherApp, set.GetClientId())
	require.Equal(t, partner.TenantID, set.GetTenantId())
	require.Equal(t, "secret", set.GetProof())
	require.Equal(t, "delegated", set.GetCustomerAccess())
	require.Nil(t, set.GetCertificateExpiresAt())
	require.False(t, set.GetReconnectRequired(), "nothing is connected")
	require.Equal(t, "tenant-secret", b.status("msp").GetCredentialSource())
	require.Equal(t, "env", b.status("other").GetCredentialSource(), "it is the tenant's alone")
	b.whole()

	left, err := b.public.DeleteCredentials(person(t, "msp", "admin"), &connectionv1.DeleteCredentialsRequest{})
	require.NoError(t, err)
	require.Equal(t, "env", left.GetCredentialSource())
	require.True(t, left.GetReconnectRequired(), "the grant was given to the app that is gone")
	require.Equal(t, "connected", b.status("msp").GetStatus())
	var secrets int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM secrets WHERE key = 'microsoft_app'`).Scan(&secrets))
	require.Zero(t, secrets)

	again := b.set(&connectionv1.SetCredentialsRequest{ClientId: otherApp, ClientSecret: "the secret of the other app"})
	require.False(t, again.GetReconnectRequired(), "the grant is good for it")
	changed := b.set(&connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret, CustomerAccess: "app_only"})
	require.True(t, changed.GetReconnectRequired())
	require.Equal(t, "app_only", b.status("msp").GetCustomerAccess())
	b.connect("msp")
	same := b.set(&connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret})
	require.False(t, same.GetReconnectRequired())
	left, err = b.public.DeleteCredentials(person(t, "msp", "admin"), &connectionv1.DeleteCredentialsRequest{})
	require.NoError(t, err)
	require.False(t, left.GetReconnectRequired(), "the installation's is the same app")

	bare := setupOn(t, b.sim, func(s *assembly.Settings) { s.ClientSecret = "" })
	left, err = bare.public.DeleteCredentials(person(t, "msp", "admin"), &connectionv1.DeleteCredentialsRequest{})
	require.NoError(t, err)
	require.Empty(t, left.GetCredentialSource())
	require.False(t, left.GetReconnectRequired())
}

// TestAGrantOfUnknownApp: connections of older versions do not say whose they are.
func TestAGrantOfUnknownApp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, err := b.db.Admin.Exec(t.Context(), `UPDATE entra_partner_connections SET client_id = ''`)
	require.NoError(t, err)
	require.False(t, b.set(&connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret}).GetReconnectRequired())
	require.True(t, b.set(&connectionv1.SetCredentialsRequest{ClientId: otherApp, ClientSecret: "x"}).GetReconnectRequired())
}

func TestATenantsOwnCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ends := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	key, certificate := appCertificate(t, ends, 2048)
	b.sim.register(otherApp, "", certificate)
	set := b.set(&connectionv1.SetCredentialsRequest{ClientId: otherApp, ClientCertificate: key + certificate})
	require.Equal(t, "certificate", set.GetProof())
	require.Equal(t, ends.UTC(), set.GetCertificateExpiresAt().AsTime())
	b.whole()
	require.NotContains(t, b.dump(), hex.EncodeToString([]byte("PRIVATE KEY")), "it is stored sealed")

	// It runs out while it is in use: that is ours to mend, and no reason to say
	// that the partner's grant is dead.
	b.clock.advance(60 * time.Hour)
	_, err := b.managedTenants(b.inside("msp"))
	require.Equal(t, "refresh_failed", errs.ReasonOf(err))
	require.Equal(t, "connected", b.status("msp").GetStatus())
}

func TestRefusedCredentialsWriteNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	soon := time.Now().Add(24 * time.Hour)
	key, certificate := appCertificate(t, soon, 2048)
	_, other := appCertificate(t, soon, 2048)
	smallKey, small := appCertificate(t, soon, 1024)
	lateKey, late := appCertificate(t, time.Now().Add(-time.Minute), 2048)
	before := b.dump()
	for name, c := range map[string]string{
		"no certificate": key, "no key": certificate, "another's certificate": key + other, "1024 bits": smallKey + small,
		"expired": lateKey + late, "no PEM": "hello", "two keys": key + lateKey + certificate, "rubbish behind": key + certificate + "rubbish",
	} {
		_, err := b.public.SetCredentials(person(t, "msp", "admin"), &connectionv1.SetCredentialsRequest{ClientId: clientID, ClientCertificate: c})
		require.Equal(t, "certificate_invalid", errs.ReasonOf(err), name)
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		e, ok := errors.AsType[*errs.Error](err)
		require.True(t, ok)
		require.Len(t, e.Violations(), 1)
		require.Equal(t, "clientCertificate", e.Violations()[0].Field)
		require.NotContains(t, fmt.Sprintf("%+v", err), "BEGIN")
	}
	for name, req := range map[string]*connectionv1.SetCredentialsRequest{
		"no proof":   {ClientId: clientID},
		"two proofs": {ClientId: clientID, ClientSecret: "x", ClientCertificate: key + certificate},
		"no id":      {ClientSecret: "x"},
		"access":     {ClientId: clientID, ClientSecret: "x", CustomerAccess: "all"},
	} {
		_, err := b.public.SetCredentials(person(t, "msp", "admin"), req)
		require.Equal(t, errs.Invalid, errs.KindOf(err), name)
	}
	for _, name := range []string{"common", "consumers", "organizations", "..", ".", "-", "a..b"} {
		_, err := b.public.SetCredentials(person(t, "msp", "admin"), &connectionv1.SetCredentialsRequest{
			ClientId: clientID, ClientSecret: "x", TenantId: name,
		})
		require.Equal(t, "invalid_tenant", errs.ReasonOf(err), name)
		require.Equal(t, errs.Invalid, errs.KindOf(err), name)
	}
	require.Equal(t, before, b.dump())
}

// TestRotationBreaksNoRefresh: while tokens are refreshed the registration
// changes its proof again and again, and old versions are swept at once.
func TestRotationBreaksNoRefresh(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, certificate := appCertificate(t, time.Now().Add(365*24*time.Hour), 2048)
	b.sim.register(clientID, clientSecret, certificate) // both are good, as during a rotation
	b.set(&connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret})
	b.connect("msp")
	_, managed := b.sim.directories()
	inside := b.inside("msp")
	read := func(i int) error {
		if _, err := b.managedTenants(inside); err != nil {
			return err
		}
		resp, err := b.discovery.GetTenantDetails(inside, &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[i].TenantID})
		if err == nil && resp.GetProblem() != nil {
			err = errs.New(errs.Internal, resp.GetProblem().GetCode(), "not read")
		}
		return err
	}
	const readers, rounds = 4, 6
	for round := range rounds {
		b.sim.admin("POST", "access-tokens/expire", map[string]any{}, nil)
		failures := make(chan error, readers)
		for i := range readers {
			go func() { failures <- read(i) }()
		}
		req := &connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret}
		if round%2 == 0 {
			req = &connectionv1.SetCredentialsRequest{ClientId: clientID, ClientCertificate: key + certificate}
		}
		for range 5 {
			b.set(req)
			_, err := b.db.Admin.Exec(t.Context(), `UPDATE secrets SET created_at = created_at - interval '1 hour' WHERE key = 'microsoft_app'`)
			require.NoError(t, err) // what nothing points to is old enough to go at once
			require.NoError(t, b.parts.Sweep.Do(t.Context()))
		}
		for range readers {
			require.NoError(t, <-failures)
		}
	}
	b.clock.advance(16 * time.Minute)
	require.NoError(t, b.parts.Sweep.Do(t.Context()))
	var versions int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM secrets WHERE key = 'microsoft_app'`).Scan(&versions))
	require.Equal(t, 1, versions, "old versions are swept")
}
