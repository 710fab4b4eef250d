package servicetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

// read asks for one managed tenant's details.
func (b *bundle) read(managed string) *connectionv1.GetTenantDetailsResponse {
	b.t.Helper()
	resp, err := b.details(b.inside("msp"), managed)
	require.NoError(b.t, err)
	return resp
}

func (b *bundle) details(ctx context.Context, managed string) (*connectionv1.GetTenantDetailsResponse, error) {
	return b.discovery.GetTenantDetails(ctx, &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed})
}

// whole connects, refreshes and reads at a customer: every use of the proof.
func (b *bundle) whole() {
	b.t.Helper()
	b.connect("msp")
	b.sim.admin("POST", "access-tokens/expire", map[string]any{}, nil)
	asked := b.sim.requests("login.token", "")
	_, err := b.managedTenants(b.inside("msp"))
	require.NoError(b.t, err)
	require.Equal(b.t, asked+1, b.sim.requests("login.token", ""), "refreshed")
	_, managed := b.sim.directories()
	require.Nil(b.t, b.read(managed[0].TenantID).GetProblem())
}

func TestAnAppProvesItselfByACertificate(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	key, certificate := appCertificate(t, time.Now().Add(24*time.Hour), 2048)
	const id = "6c0ffee0-0000-4000-8000-000000000002"
	sim.register(id, "", certificate)
	file := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(file, []byte(certificate+key), 0o600))
	b := setupOn(t, sim, func(s *assembly.Settings) { s.ClientID, s.ClientSecret, s.CertificateFile = id, "", file })
	require.Equal(t, "env", b.status("msp").GetCredentialSource())
	b.whole()

	// The file rotates without a restart.
	otherKey, other := appCertificate(t, time.Now().Add(24*time.Hour), 3072)
	require.NoError(t, os.WriteFile(file, []byte(otherKey+other), 0o600))
	b.clock.advance(3 * time.Second) // what was written just now may not be whole
	end := b.back(b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl()), "s1")
	require.Equal(t, "token_exchange_failed", end.Get("error"), "Microsoft does not know it yet")
	require.Equal(t, "connected", b.status("msp").GetStatus())
	sim.register(id, "", certificate, other)
	b.whole()
}

func TestACertificateFromTheAppSecrets(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	key, certificate := appCertificate(t, time.Now().Add(24*time.Hour), 2048)
	sim.register(clientID, clientSecret, certificate)
	folder := t.TempDir()
	write := func(name, value string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600))
	}
	b := setupOn(t, sim, func(s *assembly.Settings) { s.ClientID, s.ClientSecret, s.AppSecretsDir = "", "", folder })
	write("MICROSOFT_CLIENT_ID", clientID)
	write("MICROSOFT_CLIENT_CERTIFICATE", key+certificate)
	write("MICROSOFT_CLIENT_SECRET", clientSecret)
	require.Empty(t, b.status("msp").GetCredentialSource(), "two proofs are no pair: nobody guesses")
	require.Empty(t, b.status("msp").GetCustomerAccess())
	require.NoError(t, os.Remove(filepath.Join(folder, "MICROSOFT_CLIENT_SECRET")))
	require.Equal(t, "app-secret", b.status("msp").GetCredentialSource())
	require.Equal(t, "delegated", b.status("msp").GetCustomerAccess())
	b.whole()
	write("MICROSOFT_CUSTOMER_ACCESS", "app_only\n")
	b.clock.advance(3 * time.Second) // what was written just now may not be whole
	require.Equal(t, "app_only", b.status("msp").GetCustomerAccess())
}

func TestTheEnvironmentMustNameOneProof(t *testing.T) {
	t.Parallel()
	key, certificate := appCertificate(t, time.Now().Add(time.Hour), 2048)
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good.pem"), filepath.Join(folder, "bad.pem")
	require.NoError(t, os.WriteFile(good, []byte(key+certificate), 0o600))
	require.NoError(t, os.WriteFile(bad, []byte(key), 0o600))
	base := assembly.Settings{PublicURL: publicURL, LoginURL: "https://login.example", GraphURL: "https://graph.example", ClientID: clientID}
	for name, change := range map[string]func(*assembly.Settings){
		"secret and certificate":    func(s *assembly.Settings) { s.ClientSecret, s.CertificateFile = clientSecret, good },
		"certificate and federated": func(s *assembly.Settings) { s.CertificateFile, s.FederatedFile = good, good },
		"no such file":              func(s *assembly.Settings) { s.CertificateFile = filepath.Join(folder, "none.pem") },
		"no certificate":            func(s *assembly.Settings) { s.CertificateFile = bad },
		"unknown access":            func(s *assembly.Settings) { s.ClientSecret, s.CustomerAccess = clientSecret, "both" },
		"partner center in clear":   func(s *assembly.Settings) { s.ClientSecret, s.PartnerURL = clientSecret, "http://partner.example" },
	} {
		s := base
		change(&s)
		_, err := assembly.New(s, nil, nil, time.Now)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "PRIVATE KEY")
	}
}

// TestAnAppProvesItselfByAFederatedToken: another issuer's token stands for the
// app (workload identity), and is read anew whenever it is needed.
func TestAnAppProvesItselfByAFederatedToken(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	const subject = "system:serviceaccount:entrasync:connection"
	sim.admin("POST", "apps", map[string]any{
		"clientId": otherApp, "name": "federated", "redirectUris": []string{redirectURI},
		"federatedCredentials": []map[string]any{{"issuer": sim.base + "/issuer", "subject": subject}},
	}, nil)
	file := filepath.Join(t.TempDir(), "token")
	mount := func(request map[string]any) {
		var issued struct {
			Token string `json:"token"`
		}
		sim.admin("POST", "issuer/tokens", request, &issued)
		require.NoError(t, os.WriteFile(file, []byte(issued.Token), 0o600))
	}
	b := setupOn(t, sim, func(s *assembly.Settings) { s.ClientID, s.ClientSecret, s.FederatedFile = otherApp, "", file })
	require.Equal(t, "env", b.status("msp").GetCredentialSource())
	failed := func() string {
		return b.back(b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl()), "s1").Get("error")
	}
	require.Equal(t, "token_exchange_failed", failed(), "the file is not there yet")
	mount(map[string]any{"subject": "system:serviceaccount:else:where"})
	require.Equal(t, "token_exchange_failed", failed(), "somebody else's token")
	require.Equal(t, "not_connected", b.status("msp").GetStatus())
	mount(map[string]any{"subject": subject})
	b.whole()
	mount(map[string]any{"subject": subject, "expiresInSeconds": -1})
	b.sim.admin("POST", "access-tokens/expire", map[string]any{}, nil)
	_, err := b.managedTenants(b.inside("msp"))
	require.Equal(t, "refresh_failed", errs.ReasonOf(err))
	require.Equal(t, "connected", b.status("msp").GetStatus(), "our proof failed, not the partner's grant")
	mount(map[string]any{"subject": subject})
	_, err = b.managedTenants(b.inside("msp"))
	require.NoError(t, err, "the mounted token rotates without a restart")
}
