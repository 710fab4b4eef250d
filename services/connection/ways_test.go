package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
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
	b := setupOn(t, sim, func(s *settings) { s.ClientID, s.ClientSecret, s.CertificateFile = id, "", file })
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
	b := setupOn(t, sim, func(s *settings) { s.ClientID, s.ClientSecret, s.AppSecretsDir = "", "", folder })
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

func TestTheEnvironmentMustBeOneWayIn(t *testing.T) {
	t.Parallel()
	key, certificate := appCertificate(t, time.Now().Add(time.Hour), 2048)
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good.pem"), filepath.Join(folder, "bad.pem")
	require.NoError(t, os.WriteFile(good, []byte(key+certificate), 0o600))
	require.NoError(t, os.WriteFile(bad, []byte(key), 0o600))
	base := settings{PublicURL: publicURL, LoginURL: "https://login.example", GraphURL: "https://graph.example", ClientID: clientID}
	for name, change := range map[string]func(*settings){
		"secret and certificate":    func(s *settings) { s.ClientSecret, s.CertificateFile = clientSecret, good },
		"certificate and federated": func(s *settings) { s.CertificateFile, s.FederatedFile = good, good },
		"no such file":              func(s *settings) { s.CertificateFile = filepath.Join(folder, "none.pem") },
		"no certificate":            func(s *settings) { s.CertificateFile = bad },
		"unknown access":            func(s *settings) { s.ClientSecret, s.CustomerAccess = clientSecret, "both" },
		"partner center in clear":   func(s *settings) { s.ClientSecret, s.PartnerURL = clientSecret, "http://partner.example" },
	} {
		s := base
		change(&s)
		_, err := assemble(s, nil, nil, time.Now)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "PRIVATE KEY")
	}
}

func TestAppOnlyReadsManagedTenantsByItself(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	require.Equal(t, "app_only", b.status("msp").GetCustomerAccess())
	_, managed := b.sim.directories()
	one, two := managed[0], managed[1]
	require.Nil(t, b.read(one.TenantID).GetProblem())
	asked := b.sim.requests("login.token", one.TenantID)
	require.Equal(t, 1, asked)
	require.Nil(t, b.read(one.TenantID).GetProblem())
	require.Equal(t, asked, b.sim.requests("login.token", one.TenantID), "the token is kept")
	b.clock.advance(59*time.Minute + 30*time.Second)
	require.Nil(t, b.read(one.TenantID).GetProblem())
	require.Equal(t, asked+1, b.sim.requests("login.token", one.TenantID), "until a minute before its end")
	listing, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.NoError(t, err)
	require.Len(t, ids(listing.users), one.Users)

	// The app's consent counts, not the partner's: with the roles gone the
	// delegated permissions do not help.
	b.sim.admin("POST", "consents", map[string]any{"clientId": clientID, "tenant": two.TenantID, "delegated": []string{"User.Read.All"}}, nil)
	require.Equal(t, "consent_missing", b.read(two.TenantID).GetProblem().GetCode())
	require.Equal(t, "connected", b.status("msp").GetStatus(), "a customer's failure is the customer's")

	// A refused token goes the same way, once.
	b.sim.admin("POST", "access-tokens/expire", map[string]any{"tenant": one.TenantID}, nil)
	require.Nil(t, b.read(one.TenantID).GetProblem())

	for _, name := range []string{"common", "organizations", "Consumers"} {
		asked := b.sim.requests("login.token", "")
		require.NotNil(t, b.read(name).GetProblem(), name)
		require.Equal(t, asked, b.sim.requests("login.token", ""))
	}
}

// TestAppOnlyReadsNobodyElsesCustomers: an app that another partner's customer
// let in could read that customer for everybody.
func TestAppOnlyReadsNobodyElsesCustomers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	_, managed := b.sim.directories()
	var all struct {
		Tenants []directory `json:"tenants"`
	}
	b.sim.admin("GET", "fleet", nil, &all)
	foreign := 0
	for _, d := range all.Tenants {
		if !d.Partner && !d.Manageable {
			foreign++
			require.Equal(t, "gdap_ended", b.read(d.TenantID).GetProblem().GetCode())
			require.Zero(t, b.sim.requests("login.token", d.TenantID), "it is not even asked for")
		}
	}
	require.Positive(t, foreign)
	require.Nil(t, b.read(strings.ToUpper(managed[0].TenantID)).GetProblem(), "ids have no case")

	var relationships struct {
		Relationships []struct {
			ID       string `json:"id"`
			Customer struct {
				TenantID string `json:"tenantId"`
			} `json:"customer"`
		} `json:"relationships"`
	}
	b.sim.admin("GET", "relationships", nil, &relationships)
	for _, r := range relationships.Relationships {
		if r.Customer.TenantID == managed[0].TenantID {
			b.sim.admin("POST", "changes", map[string]any{"kind": "relationship", "relationship": r.ID, "status": "terminated"}, nil)
		}
	}
	b.clock.advance(time.Hour)
	require.Equal(t, "gdap_ended", b.read(managed[0].TenantID).GetProblem().GetCode(), "an ended relationship ends the reading")

	_, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	_, err = b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[1].TenantID})
	require.Equal(t, "not_connected", errs.ReasonOf(err), "an app by itself is no connection")
}

// TestAManagedTenantIsNamedByItsIDAlone, in whatever case, and everything else is
// refused before anybody is asked.
func TestAManagedTenantIsNamedByItsIDAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one := managed[0].TenantID
	for _, id := range []string{one, strings.ToUpper(one), one} {
		require.Nil(t, b.read(id).GetProblem())
	}
	require.Equal(t, 1, b.sim.requests("login.token", one)+b.sim.requests("login.token", strings.ToUpper(one)), "one tenant has one token")
	b.sim.admin("DELETE", "requests", nil, nil)
	for _, id := range []string{"common", "organizations", "contoso.example", one + "0", "{" + one + "}", "../" + one, one + "/x"} {
		require.Equal(t, "tenant_gone", b.read(id).GetProblem().GetCode(), id)
		require.Contains(t, b.read(id).GetProblem().GetMessage(), "not the id", id)
		_, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: id})
		require.Equal(t, "tenant_gone", errs.ReasonOf(err), id)
	}
	require.Zero(t, b.sim.requests("login.token", ""))
	require.Equal(t, "connected", b.status("msp").GetStatus())
}

// TestAppOnlyReadingEndsWithTheRelationship: tokens of the app live for an hour,
// whatever becomes of the relationship; the partner's list is believed for less.
func TestAppOnlyReadingEndsWithTheRelationship(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	_, managed := b.sim.directories()
	one := managed[0].TenantID
	require.Nil(t, b.read(one).GetProblem())
	b.sim.admin("POST", "changes", map[string]any{"kind": "relationship", "tenant": one, "status": "terminated"}, nil)
	require.Nil(t, b.read(one).GetProblem(), "the list is believed for a while")
	for range 3 {
		b.clock.advance(15 * time.Minute)
		require.Equal(t, "gdap_ended", b.read(one).GetProblem().GetCode(), "a kept token is no reason to read")
	}
	require.Equal(t, 1, b.sim.requests("login.token", one))
	require.Nil(t, b.read(managed[1].TenantID).GetProblem())
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
	b := setupOn(t, sim, func(s *settings) { s.ClientID, s.ClientSecret, s.FederatedFile = otherApp, "", file })
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
