package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

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

func (b *bundle) members(ctx context.Context, tenantID, group string) ([]string, error) {
	b.t.Helper()
	stream, err := b.engine.ListGroupMembers(ctx, &connectionv1.ListGroupMembersRequest{EntraTenantId: tenantID, GroupId: group, Priority: "low"})
	require.NoError(b.t, err)
	var ids []string
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return ids, nil
		}
		if err != nil {
			return ids, err
		}
		ids = append(ids, message.GetEntraObjectIds()...)
	}
}

// group is the id of a group in a managed tenant.
func (b *bundle) group(tenantID string) string {
	b.t.Helper()
	token, err := b.parts.useCases.Read.Providers.Tokens.Customer("msp", tenantID).Token(b.t.Context())
	require.NoError(b.t, err)
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.sim.base+"/v1.0/groups", nil)
	require.NoError(b.t, err)
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	defer func() { _ = resp.Body.Close() }()
	var groups struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	require.NoError(b.t, json.NewDecoder(resp.Body).Decode(&groups))
	require.NotEmpty(b.t, groups.Value)
	return groups.Value[0].ID
}

func TestGroupMembersAndUsersByID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one := largest(managed)
	ctx := b.inside("msp")
	full, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.NoError(t, err)
	all := ids(full.users)

	group := b.group(one.TenantID)
	got, err := b.members(ctx, one.TenantID, group)
	require.NoError(t, err)
	require.NotEmpty(t, got)
	for _, id := range got {
		require.Contains(t, all, id)
	}

	_, err = b.members(ctx, one.TenantID, "00000000-0000-4000-8000-00000000dead")
	require.Equal(t, "group_unreadable", errs.ReasonOf(err))
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.groups.members", "status": 403, "tenant": one.TenantID})
	_, err = b.members(ctx, one.TenantID, group)
	require.Equal(t, "group_unreadable", errs.ReasonOf(err))
	b.sim.heal()

	asked := make([]string, 0, 1000)
	for id := range all {
		if len(asked) < 998 {
			asked = append(asked, id)
		}
	}
	missing := []string{"00000000-0000-4000-8000-00000000beef", "nobody"}
	before := b.sim.requests("graph.batch", one.TenantID)
	b.sim.fault(map[string]any{"kind": "throttle", "route": "graph.user", "tenant": one.TenantID, "skip": 30, "times": 3, "retryAfterSeconds": 1})
	users, err := b.engine.GetUsers(ctx, &connectionv1.GetUsersRequest{EntraTenantId: one.TenantID, EntraObjectIds: append(missing, asked...), Priority: "low"})
	require.NoError(t, err)
	slices.Sort(missing)
	require.ElementsMatch(t, missing, users.GetMissing())
	require.Len(t, users.GetUsers(), len(asked))
	for _, u := range users.GetUsers() {
		require.Equal(t, all[u.GetEntraObjectId()].GetUserPrincipalName(), u.GetUserPrincipalName(), "as in the listing")
	}
	batches := (len(asked) + len(missing) + 19) / 20
	require.GreaterOrEqual(t, b.sim.requests("graph.batch", one.TenantID)-before, batches+1, "throttled items were sent again")
	require.LessOrEqual(t, b.sim.requests("graph.batch", one.TenantID)-before, batches+4)
}

// load is what the simulator saw of its limits.
type load struct {
	Throttled    int `json:"throttled"`
	EarlyRetries int `json:"earlyRetries"`
}

func (s *simulator) load() load {
	s.t.Helper()
	var seen load
	s.admin(http.MethodGet, "requests", nil, &seen)
	return seen
}

// TestAShortStorm is a storm in real time; half a minute of it passes in no time in
// the client's own tests.
func TestAShortStorm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one := largest(managed)
	b.sim.admin(http.MethodPost, "changes", map[string]any{"kind": "grow", "tenant": one.TenantID, "count": 3000}, nil)
	b.sim.fault(map[string]any{"kind": "throttle", "route": "graph.*", "percent": 90, "forSeconds": 5, "retryAfterSeconds": 1})
	got, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID, Priority: "low"})
	require.NoError(t, err)
	require.Len(t, got.users, one.Users+3000)
	require.Len(t, ids(got.users), one.Users+3000)
	seen := b.sim.load()
	require.Positive(t, seen.Throttled)
	require.Zero(t, seen.EarlyRetries)
}

// TestEightTenantsInParallelAreReadWhole reads lists and users by id of eight
// directories at once. No machine for tests comes near Graph's limits here: that the
// client keeps below them is held on the clock of a bubble, by
// TestEightTenantsInParallelStayBelowTheLimits of internal/microsoft.
func TestEightTenantsInParallelAreReadWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	ctx := b.inside("msp")
	var runs sync.WaitGroup
	for _, d := range managed[:8] {
		runs.Go(func() {
			got, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: d.TenantID, Priority: "low"})
			if err != nil || len(got.users) != d.Users {
				t.Errorf("%d of %d users, %v", len(got.users), d.Users, err)
				return
			}
			r := &connectionv1.GetUsersRequest{EntraTenantId: d.TenantID}
			for _, u := range got.users[:min(len(got.users), 500)] {
				r.EntraObjectIds = append(r.EntraObjectIds, u.GetEntraObjectId())
			}
			if users, err := b.engine.GetUsers(ctx, r); err != nil || len(users.GetUsers()) != len(r.GetEntraObjectIds()) {
				t.Errorf("%d of %d users by id, %v", len(users.GetUsers()), len(r.GetEntraObjectIds()), err)
			}
		})
	}
	runs.Wait()
	require.Equal(t, load{}, b.sim.load())
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
