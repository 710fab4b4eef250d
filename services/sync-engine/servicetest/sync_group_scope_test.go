package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

const staff = "55555555-5555-4555-8555-555555555555" // a group with one member

// ListGroupMembers has the one group.
func (c *connection) ListGroupMembers(
	req *connectionv1.ListGroupMembersRequest, stream grpc.ServerStreamingServer[connectionv1.ListGroupMembersResponse],
) error {
	if req.GetGroupId() != staff {
		return errs.New(errs.Precondition, "group_unreadable", "The group cannot be read.")
	}
	return stream.Send(&connectionv1.ListGroupMembersResponse{EntraObjectIds: []string{"ann"}})
}

// TestASyncIsScopedByGroups over the wire: the members are asked for with the round.
func TestASyncIsScopedByGroups(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	sync := func(group string) (*syncenginev1.TenantOutcome, error) {
		b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{
			ManagedTenantId: managed, Settings: &syncenginev1.SettingsPatch{Filters: &syncenginev1.Filters{Groups: []string{group}}},
		})
		run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "all-tenants", Trigger: "manual"})
		require.NoError(t, err)
		_, err = b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
		require.NoError(t, err)
		return b.sync(ctx, run)
	}
	b.connection.events = []*connectionv1.ListUsersResponse{page(user("ann", "ann@corp.example"), user("bob", "bob@corp.example")), completed}
	_, err := sync("66666666-6666-4666-8666-666666666666")
	require.Equal(t, "group_unreadable", errs.ReasonOf(err))
	outcome, err := sync(staff)
	require.NoError(t, err)
	require.Equal(t, int32(1), outcome.GetCounters().GetCreated())
	require.Equal(t, int32(1), outcome.GetCounters().GetFiltered())
}
