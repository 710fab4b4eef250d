package peers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/peers"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// queue is a queue in which one identity is decided since a round began.
type queue struct {
	reconciliationv1.UnimplementedReconciliationInternalServiceServer
}

// began is when that is.
var began = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

func (queue) PushItems(_ context.Context, req *reconciliationv1.PushItemsRequest) (*reconciliationv1.PushItemsResponse, error) {
	return &reconciliationv1.PushItemsResponse{DecidedObjectIds: decidedSince(req.GetSince())}, nil
}

func (queue) FindDecidedItems(_ context.Context, req *reconciliationv1.FindDecidedItemsRequest) (*reconciliationv1.FindDecidedItemsResponse, error) {
	return &reconciliationv1.FindDecidedItemsResponse{DecidedObjectIds: decidedSince(req.GetSince())}, nil
}

func decidedSince(since *timestamppb.Timestamp) []string {
	if since.AsTime().Equal(began) {
		return []string{"o1"}
	}
	return nil
}

func (queue) CompleteRound(context.Context, *reconciliationv1.CompleteRoundRequest) (*reconciliationv1.CompleteRoundResponse, error) {
	return &reconciliationv1.CompleteRoundResponse{}, nil
}

func (queue) FollowMapping(context.Context, *reconciliationv1.FollowMappingRequest) (*reconciliationv1.FollowMappingResponse, error) {
	return &reconciliationv1.FollowMappingResponse{}, nil
}

func TestARoundsItemsOutlastARestart(t *testing.T) {
	t.Parallel()
	restarting := func() *peers.Reconciliation {
		return peers.NewReconciliation(rpctest.Restarting(t, func(r grpc.ServiceRegistrar) {
			reconciliationv1.RegisterReconciliationInternalServiceServer(r, queue{})
		}))
	}
	decided, err := restarting().Push(t.Context(), syncengine.PushedItems{Since: began})
	require.NoError(t, err)
	require.Equal(t, []string{"o1"}, decided)
	decided, err = restarting().Decided(t.Context(), syncengine.PushedItems{Since: began})
	require.NoError(t, err)
	require.Equal(t, []string{"o1"}, decided)
	require.NoError(t, restarting().CompleteRound(t.Context(), syncengine.PushedItems{}))
	require.NoError(t, restarting().CloseItemsOfOldClient(t.Context(), syncengine.MappingRevision{}))
}
