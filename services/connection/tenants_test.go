package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

func (b *bundle) managedTenants(ctx context.Context) ([]*connectionv1.DirectoryTenant, error) {
	b.t.Helper()
	stream, err := b.discovery.ListManagedTenants(ctx, &connectionv1.ListManagedTenantsRequest{})
	require.NoError(b.t, err)
	messages, err := all(b.t, stream)
	var tenants []*connectionv1.DirectoryTenant
	for _, m := range messages {
		tenants = append(tenants, m.GetTenants()...)
	}
	return tenants, err
}

func TestListManagedTenants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	partner, _ := b.sim.directories()
	var ordered struct {
		Relationships []struct {
			DisplayName        string    `json:"displayName"`
			Status             string    `json:"status"`
			EndDateTime        time.Time `json:"endDateTime"`
			AutoExtendDuration string    `json:"autoExtendDuration"`
			Customer           struct {
				TenantID string `json:"tenantId"`
			} `json:"customer"`
		} `json:"relationships"`
	}
	b.sim.admin(http.MethodGet, "relationships", nil, &ordered)
	ends := map[string]time.Time{}
	renews := map[string]bool{}
	for _, r := range ordered.Relationships {
		if r.Status != "active" || len(r.DisplayName) >= 4 && r.DisplayName[:4] == "MLT_" {
			continue
		}
		id := r.Customer.TenantID
		if r.EndDateTime.After(ends[id]) {
			ends[id] = r.EndDateTime
		}
		renews[id] = renews[id] || (r.AutoExtendDuration != "PT0S" && r.AutoExtendDuration != "")
	}
	require.NotEmpty(t, ends)

	got, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	require.Len(t, got, len(ends))
	var fleet struct {
		Tenants []directory `json:"tenants"`
	}
	b.sim.admin(http.MethodGet, "fleet", nil, &fleet)
	known := map[string]directory{}
	for _, d := range fleet.Tenants {
		known[d.TenantID] = d
	}
	for _, g := range got {
		id := g.GetEntraTenantId()
		require.NotEqual(t, partner.TenantID, id)
		require.Contains(t, ends, id)
		require.Equal(t, known[id].DisplayName, g.GetDisplayName())
		if known[id].InContracts {
			require.Equal(t, known[id].DefaultDomain, g.GetPrimaryDomain())
		} else {
			require.Empty(t, g.GetPrimaryDomain())
		}
		if renews[id] {
			require.Nil(t, g.GetAccessEndsAt())
		} else {
			require.WithinDuration(t, ends[id], g.GetAccessEndsAt().AsTime(), time.Second)
		}
	}

	b.sim.fault(map[string]any{"kind": "status", "route": "graph.contracts", "status": 403})
	without, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err, "contracts are a help and no condition")
	require.Len(t, without, len(got))
	require.Empty(t, without[0].GetPrimaryDomain())
	b.sim.heal()

	_, err = b.managedTenants(b.inside("other"))
	require.Equal(t, "not_connected", errs.ReasonOf(err))
}

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

func TestSourcesOfManagedTenants(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	want := sim.partnered()
	partnered := len(want)
	for source, scoped := range map[string]bool{"relationships": false, "customers": false, "lighthouse": true} {
		b := setupOn(t, sim, func(s *settings) { s.TenantSource = source })
		authorize := b.begin(browser(t, "msp", "admin", "s")).GetAuthorizeUrl()
		require.Equal(t, scoped, strings.Contains(authorize, "ManagedTenants.Read.All"), source)
		b.connect("msp")
		tenants, err := b.managedTenants(b.inside("msp"))
		require.NoError(t, err, source)
		require.GreaterOrEqual(t, len(tenants), partnered, source)
		domains := 0
		for _, tenant := range tenants {
			require.NotEmpty(t, tenant.GetDisplayName(), source)
			if tenant.GetPrimaryDomain() != "" {
				domains++
			}
			if source != "relationships" {
				require.Nil(t, tenant.GetAccessEndsAt(), "only relationships say when access ends")
			}
		}
		require.GreaterOrEqual(t, domains, partnered-2, source)
	}
	_, err := assemble(settings{PublicURL: publicURL, LoginURL: sim.base, GraphURL: sim.base, TenantSource: "guesswork"}, nil, nil, time.Now)
	require.ErrorContains(t, err, "guesswork")
}

func TestTwoThousandManagedTenants(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t, "ENTRASYNC_SIMULATOR_FLEET=wide")
	b := setupOn(t, sim)
	b.connect("msp")
	tenants, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	want := sim.partnered()
	require.GreaterOrEqual(t, len(want), 1990)
	require.Len(t, tenants, len(want))
	for _, tenant := range tenants {
		require.True(t, want[tenant.GetEntraTenantId()])
	}
	require.Equal(t, load{}, sim.load())
}
