package servicetest

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

func TestGetTenantDetails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one := managed[0]
	ctx := b.inside("msp")
	details := func() *connectionv1.GetTenantDetailsResponse {
		resp, err := b.discovery.GetTenantDetails(ctx, &connectionv1.GetTenantDetailsRequest{EntraTenantId: one.TenantID})
		require.NoError(t, err)
		return resp
	}
	got := details()
	require.Nil(t, got.GetProblem())
	require.Equal(t, one.DefaultDomain, got.GetPrimaryDomain())
	require.ElementsMatch(t, one.Domains, got.GetDomains())
	require.EqualValues(t, one.Users, got.GetUserCount())

	for aadsts, code := range map[int]string{
		65001: "consent_missing", 50020: "gdap_ended", 53003: "conditional_access", 90002: "tenant_gone", 50076: "conditional_access",
		70043: "refresh_failed", 50057: "refresh_failed", 700082: "refresh_failed", 424242: "refresh_failed",
	} {
		b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "tenant": one.TenantID, "aadsts": aadsts})
		b.clock.advance(2 * time.Hour) // the cached token ends
		problem := details().GetProblem()
		require.Equal(t, code, problem.GetCode())
		require.NotEmpty(t, problem.GetMessage())
		require.NotEmpty(t, problem.GetRemedy())
		b.sim.heal()
	}
	require.Equal(t, "connected", b.status("msp").GetStatus(), "a customer's failure never disconnects the partner")

	b.sim.fault(map[string]any{"kind": "status", "route": "graph.users.count", "tenant": one.TenantID, "status": 403})
	partly := details()
	require.Equal(t, "consent_missing", partly.GetProblem().GetCode())
	require.ElementsMatch(t, one.Domains, partly.GetDomains(), "what could be read is there")
	require.Nil(t, partly.UserCount)
	b.sim.heal()

	// A grant that is really dead is refused there too: then the partner's own
	// authority is asked, and it is the partner's problem and not the tenant's.
	b.clock.advance(time.Minute) // longer than its last answer is believed
	b.sim.admin(http.MethodPost, "refresh-tokens/revoke", map[string]any{"aadsts": 700082}, nil)
	_, err := b.discovery.GetTenantDetails(ctx, &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[1].TenantID})
	require.Equal(t, "refresh_failed", errs.ReasonOf(err))
	require.Equal(t, "validation_failed", b.status("msp").GetStatus())
}

func TestCountUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one := managed[0]
	for name, client := range map[string]connectionv1.DirectoryServiceClient{"discovery": b.discovery, "sync engine": b.engine} {
		resp, err := client.CountUsers(b.inside("msp"), &connectionv1.CountUsersRequest{EntraTenantId: one.TenantID})
		require.NoError(t, err, name)
		require.EqualValues(t, one.Users, resp.GetUserCount(), name)
	}
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.users.count", "status": 403, "tenant": one.TenantID})
	_, err := b.engine.CountUsers(b.inside("msp"), &connectionv1.CountUsersRequest{EntraTenantId: one.TenantID})
	require.Equal(t, "consent_missing", errs.ReasonOf(err))
	e, ok := errors.AsType[*errs.Error](err)
	require.True(t, ok)
	require.NotEmpty(t, e.Metadata()["request_id"])
}
