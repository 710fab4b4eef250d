package servicetest

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

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

// TestAShortPeriodOfThrottling is throttling in real time; half a minute of it passes in no time in
// the client's own tests.
func TestAShortPeriodOfThrottling(t *testing.T) {
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
// TestEightTenantsInParallelStayBelowTheLimits of internal/microsoft/graph.
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
