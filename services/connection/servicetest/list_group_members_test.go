package servicetest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

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
	token, err := b.parts.Tokens.Customer(tenantID).Token(b.within("msp"))
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
	b, ctx, one := setupListing(t)
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
