package servicetest

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// meaning is what a failure must say: its reason, whose move it is, and a word of
// what mends it.
type meaning struct{ reason, class, remedy string }

// aadstsTable is the table of the identity platform's numbers, by what they mean
// at the partner's authority and at a customer's.
var aadstsTable = []struct {
	numbers           []int
	partner, customer meaning
}{
	{
		[]int{70008, 700082, 50173, 70043, 70000}, // expired, revoked, invalid
		meaning{"refresh_failed", "reconnect", "again"}, meaning{"refresh_failed", "customer", "sign-in logs"},
	},
	{
		[]int{50074, 50076, 50078, 50079}, // multi-factor authentication
		meaning{"refresh_failed", "reconnect", "multi-factor"}, meaning{"conditional_access", "customer", "policy"},
	},
	{
		[]int{50057}, // user disabled
		meaning{"refresh_failed", "reconnect", "Enable the user"}, meaning{"refresh_failed", "customer", "sign-in logs"},
	},
	{
		[]int{7000215, 7000222, 700027}, // our app registration
		meaning{"refresh_failed", "bug", "app registration"}, meaning{"refresh_failed", "bug", "app registration"},
	},
	{
		[]int{65001, 90099, 650056, 700016}, // not consented there
		meaning{"consent_missing", "reconnect", "Connect again"}, meaning{"consent_missing", "customer", "consent"},
	},
	{
		[]int{50020, 50177}, // not in the GDAP group
		meaning{"auth_rejected", "reconnect", "Connect again"}, meaning{"gdap_ended", "customer", "GDAP"},
	},
	{
		[]int{53003, 530032, 530034, 500212, 500213}, // Conditional Access, cross-tenant policy
		meaning{"conditional_access", "reconnect", "policy"}, meaning{"conditional_access", "customer", "policy"},
	},
	{
		[]int{90002, 5000224, 900023}, // tenant gone
		meaning{"tenant_gone", "bug", "tenant id"}, meaning{"tenant_gone", "customer", "deleted or moved"},
	},
	{
		[]int{50033, 90006, 90012, 90024, 90033, 90055}, // transient
		meaning{"upstream_error", "retry", "tried again"}, meaning{"upstream_error", "retry", "tried again"},
	},
	{
		[]int{54005, 501481, 50011, 700005}, // start connect again
		meaning{"refresh_failed", "reconnect", "again"}, meaning{"refresh_failed", "customer", "sign-in logs"},
	},
	{
		[]int{987654}, // not known: an invalid_grant means reconnect
		meaning{"refresh_failed", "reconnect", "again"}, meaning{"refresh_failed", "customer", "sign-in logs"},
	},
}

func (m meaning) check(t *testing.T, number int, err error) {
	t.Helper()
	var e *errs.Error
	require.ErrorAs(t, err, &e, number)
	require.Equal(t, m.reason, e.Reason(), number)
	require.Equal(t, m.class, e.Metadata()["class"], number)
	require.Contains(t, e.Metadata()["remedy"], m.remedy, number)
	require.Equal(t, strconv.Itoa(number), e.Metadata()["aadsts"])
	require.Contains(t, e.Public(), "AADSTS"+strconv.Itoa(number))
}

// storedCode is what stays with the connection after a refusal at the partner's
// authority; empty where it says nothing about the grant.
func (m meaning) storedCode() string {
	if m.class != "reconnect" {
		return ""
	}
	return "refresh_failed"
}

func TestEveryAADSTSNumberAtThePartnersAuthority(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	for _, row := range aadstsTable {
		for _, number := range row.numbers {
			b.clock.advance(2 * time.Hour)
			b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": number})
			_, err := b.managedTenants(b.inside("msp"))
			row.partner.check(t, number, err)
			got := b.status("msp")
			if code := row.partner.storedCode(); code == "" {
				require.Equal(t, "connected", got.GetStatus(), number)
				require.Nil(t, got.GetLastValidationError(), number)
			} else {
				require.Equal(t, "validation_failed", got.GetStatus(), number)
				require.Equal(t, code, got.GetLastValidationError().GetCode(), number)
				message := got.GetLastValidationError().GetMessage()
				require.Contains(t, message, "AADSTS"+strconv.Itoa(number))
				require.Contains(t, message, row.partner.remedy, number)
			}
			b.sim.heal()
			_, err = b.managedTenants(b.inside("msp"))
			require.NoError(t, err, number)
			require.Equal(t, "connected", b.status("msp").GetStatus(), number)
		}
	}
}

func TestEveryAADSTSNumberAtACustomersAuthority(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	ctx := b.inside("msp")
	refused := func(number int, d directory) error {
		b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "tenant": d.TenantID, "aadsts": number})
		_, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: d.TenantID})
		return err
	}
	for _, row := range aadstsTable {
		if row.customer.class != "retry" {
			for _, number := range row.numbers {
				row.customer.check(t, number, refused(number, managed[0]))
				b.sim.heal()
			}
			continue
		}
		// A passing failure is tried again for some seconds: all at once, each at
		// a customer of its own.
		failures := make([]error, len(row.numbers))
		var trying sync.WaitGroup
		for i, number := range row.numbers {
			trying.Go(func() { failures[i] = refused(number, managed[i]) })
		}
		trying.Wait()
		for i, number := range row.numbers {
			row.customer.check(t, number, failures[i])
		}
		b.sim.heal()
	}
	got := b.status("msp")
	require.Equal(t, "connected", got.GetStatus(), "a customer's failure never disconnects the partner")
	require.Nil(t, got.GetLastValidationError())
	_, events := b.pullEvents(b.replica, 0)
	require.Len(t, events, 1, "connected, and no more")
}
