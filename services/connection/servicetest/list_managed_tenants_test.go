package servicetest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
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

// listing lists the managed tenants of an MSP for how that ends alone.
func (b *bundle) listing(msp tenant.ID) func() error {
	return func() error {
		_, err := b.managedTenants(b.inside(msp))
		return err
	}
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

func TestSourcesOfManagedTenants(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	want := sim.partnered()
	partnered := len(want)
	for source, scoped := range map[string]bool{"relationships": false, "customers": false, "lighthouse": true} {
		b := setupOn(t, sim, func(s *assembly.Settings) { s.TenantSource = source })
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
	_, err := assembly.New(assembly.Settings{PublicURL: publicURL, LoginURL: sim.base, GraphURL: sim.base, TenantSource: "guesswork"}, nil, nil, time.Now)
	require.ErrorContains(t, err, "guesswork")
}

func TestTwoThousandManagedTenants(t *testing.T) {
	t.Parallel()
	sim := startFleet(t, "wide")
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

// TestTheListOfManagedTenantsOutlivesAPassingFailure: an app that reads by itself goes on with the
// partner's list of before, for a while, and asks once for all callers.
func TestTheListOfManagedTenantsOutlivesAPassingFailure(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *assembly.Settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	b.clock.stop()
	_, managed := b.sim.directories()
	one, other := managed[0].TenantID, managed[1].TenantID
	require.Nil(t, b.read(one).GetProblem())
	failing := func(status int) {
		b.sim.heal()
		b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": status})
		b.sim.admin(http.MethodDelete, "requests", nil, nil)
	}

	b.clock.advance(16 * time.Minute)
	failing(http.StatusInternalServerError)
	for range 5 {
		require.Nil(t, b.read(one).GetProblem())
		require.Nil(t, b.read(other).GetProblem())
	}
	require.Equal(t, 1, b.sim.requests("graph.relationships", ""), "nobody asks again at once")
	const foreign = "6c0ffee0-0000-4000-8000-00000000ffff"
	require.Equal(t, "upstream_error", b.read(foreign).GetProblem().GetCode(), "the old list lets nobody in who is not on it")

	b.clock.advance(10 * time.Minute)
	require.Nil(t, b.read(one).GetProblem())
	b.clock.advance(5 * time.Minute)
	require.Equal(t, "upstream_error", b.read(one).GetProblem().GetCode(), "half an hour is too old")
	b.sim.heal()
	require.Nil(t, b.read(one).GetProblem())

	b.clock.advance(16 * time.Minute)
	failing(http.StatusForbidden)
	resp, err := b.details(b.inside("msp"), one)
	require.Error(t, err, "what does not pass by itself is an answer: %v", resp)
}

// TestTheListOfManagedTenantsIsAskedForOnce by all callers that need it at a time, also where that fails.
func TestTheListOfManagedTenantsIsAskedForOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *assembly.Settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	_, managed := b.sim.directories()
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	// Long enough for all to ask on a busy machine before the answer is there.
	b.sim.fault(map[string]any{"kind": "slow", "route": "graph.relationships", "delayMillis": 10_000})
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 500})
	const callers = 6
	codes := make(chan string, callers)
	inside := b.inside("msp")
	for range callers {
		go func() {
			resp, err := b.details(inside, managed[0].TenantID)
			if err != nil {
				codes <- err.Error()
				return
			}
			codes <- resp.GetProblem().GetCode()
		}()
	}
	for range callers {
		require.Equal(t, "upstream_error", <-codes)
	}
	require.Equal(t, 1, b.sim.requests("graph.relationships", ""))
}
