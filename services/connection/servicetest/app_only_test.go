package servicetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

func TestAppOnlyReadsManagedTenantsByItself(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *assembly.Settings) { s.CustomerAccess = "app_only" })
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
	b := setup(t, func(s *assembly.Settings) { s.CustomerAccess = "app_only" })
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
	b := setup(t, func(s *assembly.Settings) { s.CustomerAccess = "app_only" })
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
