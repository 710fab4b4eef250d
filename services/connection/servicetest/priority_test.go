package servicetest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// priorities counts how urgent the requests that reached Graph were.
func (s *simulator) priorities() map[string]int {
	s.t.Helper()
	var answer struct {
		Routes map[string]struct {
			ByPriority map[string]int `json:"byPriority"`
		} `json:"routes"`
	}
	s.admin(http.MethodGet, "requests", nil, &answer)
	sum := map[string]int{}
	for route, n := range answer.Routes {
		if !strings.HasPrefix(route, "graph.") {
			continue
		}
		for priority, requests := range n.ByPriority {
			sum[priority] += requests
		}
	}
	return sum
}

// TestEveryReadingSendsItsPriority: what is scheduled gives way to what a person
// waits for, with every request of it.
func TestEveryReadingSendsItsPriority(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one, ctx := managed[0].TenantID, b.inside("msp")
	group := b.group(one)
	listed, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one})
	require.NoError(t, err)
	var user string
	for id := range ids(listed.users) {
		user = id
	}
	readings := map[string]func(ctx context.Context, priority string) error{
		"managed tenants": func(ctx context.Context, priority string) error {
			stream, err := b.discovery.ListManagedTenants(ctx, &connectionv1.ListManagedTenantsRequest{Priority: priority})
			require.NoError(t, err)
			_, err = all(t, stream)
			return err
		},
		"details": func(ctx context.Context, priority string) error {
			_, err := b.discovery.GetTenantDetails(ctx, &connectionv1.GetTenantDetailsRequest{EntraTenantId: one, Priority: priority})
			return err
		},
		"count": func(ctx context.Context, priority string) error {
			_, err := b.discovery.CountUsers(ctx, &connectionv1.CountUsersRequest{EntraTenantId: one, Priority: priority})
			return err
		},
		"users": func(ctx context.Context, priority string) error {
			_, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one, Priority: priority})
			return err
		},
		"changes": func(ctx context.Context, priority string) error {
			_, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one, Priority: priority, DeltaLink: listed.completed.GetDeltaLink()})
			return err
		},
		"members": func(ctx context.Context, priority string) error {
			stream, err := b.engine.ListGroupMembers(ctx, &connectionv1.ListGroupMembersRequest{EntraTenantId: one, GroupId: group, Priority: priority})
			require.NoError(t, err)
			_, err = all(t, stream)
			return err
		},
		"users by id": func(ctx context.Context, priority string) error {
			_, err := b.engine.GetUsers(ctx, &connectionv1.GetUsersRequest{EntraTenantId: one, EntraObjectIds: []string{user}, Priority: priority})
			return err
		},
	}
	for what, read := range readings {
		for _, priority := range []string{"low", "normal", "high"} {
			before := b.sim.priorities()
			require.NoError(t, read(ctx, priority), what)
			after := b.sim.priorities()
			for _, other := range []string{"low", "normal", "high"} {
				if other == priority {
					require.Greater(t, after[other], before[other], "%s, %s", what, priority)
				} else {
					require.Equal(t, before[other], after[other], "%s, %s, some as %s", what, priority, other)
				}
			}
		}
		require.Equal(t, errs.Invalid, errs.KindOf(read(ctx, "urgent")), what)
	}
}
