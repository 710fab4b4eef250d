package servicetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// GetUsers plays a directory of one person.
func (c *connection) GetUsers(_ context.Context, req *connectionv1.GetUsersRequest) (*connectionv1.GetUsersResponse, error) {
	if asked := req.GetEntraObjectIds()[0]; asked != "ann" && asked != "ann@corp.example" {
		return &connectionv1.GetUsersResponse{Missing: req.GetEntraObjectIds()}, nil
	}
	return &connectionv1.GetUsersResponse{Users: []*connectionv1.DirectoryUser{user("ann", "ann@corp.example")}}, nil
}

func (q *queue) FindDecidedItems(context.Context, *reconciliationv1.FindDecidedItemsRequest) (*reconciliationv1.FindDecidedItemsResponse, error) {
	return &reconciliationv1.FindDecidedItemsResponse{}, nil
}

func TestAPersonIsExplainedOverTheWire(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	answer, err := b.explain.Explain(ctx, &syncenginev1.ExplainRequest{ManagedTenantId: managed, UserPrincipalName: "ann@corp.example"})
	require.NoError(t, err)
	require.Equal(t, "created", answer.GetOutcome())
	require.Equal(t, "ann", answer.GetIdentity().GetEntraObjectId())
	require.Equal(t, clientID, answer.GetClientId())
	require.Equal(t, "microsoft", answer.GetSource())
	require.Nil(t, answer.ContactId, "there is none yet")
	require.Equal(t, "person", answer.GetSteps()[0].GetName())
	require.Equal(t, "Name of ann", answer.GetChanges()[0].GetAfter())
	require.True(t, proto.Equal(&syncenginev1.FetchedPerson{
		AccountEnabled: ptr(true), UserPrincipalName: "ann@corp.example", Mail: "ann@corp.example", DisplayName: "Name of ann",
	}, answer.GetFetched()), answer.GetFetched())

	gone, err := b.explain.Explain(ctx, &syncenginev1.ExplainRequest{ManagedTenantId: managed, EntraObjectId: "0b0b0b0b-0000-4000-8000-00000000000B"})
	require.NoError(t, err)
	require.Equal(t, "not_synced deleted_upstream", gone.GetOutcome()+" "+gone.GetReason())
	require.Nil(t, gone.GetFetched())
	nowhere, err := b.explain.Explain(ctx, &syncenginev1.ExplainRequest{ManagedTenantId: unmapped, EntraObjectId: "0a0a0a0a-0000-4000-8000-00000000000a"})
	require.NoError(t, err)
	require.Equal(t, "not_synced not_mapped", nowhere.GetOutcome()+" "+nowhere.GetReason())

	for _, bad := range []*syncenginev1.ExplainRequest{
		{ManagedTenantId: managed}, {UserPrincipalName: "a@b.example", Query: "a"}, {UserPrincipalName: "a/b@c.example"}, {EntraObjectId: "../me"},
	} {
		_, err = b.explain.Explain(ctx, bad)
		require.Equal(t, errs.Invalid, errs.KindOf(err), bad)
	}
	for _, path := range []string{"me", "delta", "ann"} { // the first two are paths of Graph, and nobody's id
		_, err = b.explain.Explain(ctx, &syncenginev1.ExplainRequest{ManagedTenantId: managed, EntraObjectId: path})
		require.Equal(t, errs.Invalid, errs.KindOf(err), path)
		require.Equal(t, []errs.Violation{{Field: "entraObjectId", Message: "must be a valid UUID"}}, rpc.Normalise(err).Violations(), path)
	}
	_, err = b.explain.Explain(ctx, &syncenginev1.ExplainRequest{Query: "nobody"})
	require.Equal(t, "not_found", errs.ReasonOf(err))
}

func TestNobodyOfAManagedTenantThatDoesNotExistIsExplained(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	for _, id := range []string{"unknown", "55555555-5555-4555-8555-555555555555"} {
		for _, req := range []*syncenginev1.ExplainRequest{
			{EntraObjectId: "0a0a0a0a-0000-4000-8000-00000000000a"}, {UserPrincipalName: "ann@corp.example"}, {Query: "ann@corp.example"},
		} {
			req.ManagedTenantId = id
			_, err := b.explain.Explain(ctx, req)
			require.Equal(t, errs.NotFound, errs.KindOf(err), req)
			require.Equal(t, "managed_tenant_not_found", errs.ReasonOf(err), req)
		}
	}
}
