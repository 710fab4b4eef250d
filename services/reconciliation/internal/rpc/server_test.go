package rpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
	"github.com/entrasync/entrasync/services/reconciliation/internal/rpc"
)

// bundle is the service as its callers reach it.
type bundle struct {
	ctx     context.Context
	db      *pgtest.DB
	gateway reconciliationv1.ReconciliationServiceClient         // as the gateway calls it
	status  reconciliationv1.ReconciliationInternalServiceClient // as the gateway calls it
	engine  func(context.Context, *reconciliationv1.PushItemsRequest) (*reconciliationv1.PushItemsResponse, error)
	server  *rpc.Server
	network *rpctest.Network
	address string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	db := pgtest.Database(t, postgres.Context)
	store := postgres.New(db.Pool(postgres.Context))
	newID := func() string { return uuid.Must(uuid.NewV7()).String() }
	b := &bundle{
		db: db, network: rpctest.New(t),
		ctx: tenant.With(t.Context(), tenant.Call{Tenant: "msp-1", Actor: tenant.Actor{ID: "u", Type: "user"}}),
	}
	b.server = rpc.New(rpc.UseCases{
		Push: reconciliation.NewPush(store, newID, time.Now), Complete: reconciliation.NewComplete(store, time.Now),
		ApplyMapping: reconciliation.NewApplyMapping(store, time.Now), List: reconciliation.NewList(store),
		CountOpen: reconciliation.NewCountOpen(store), Decided: reconciliation.NewFindDecided(store),
	})
	b.address = b.network.Serve("reconciliation", func(r grpc.ServiceRegistrar) {
		reconciliationv1.RegisterReconciliationServiceServer(r, b.server)
		reconciliationv1.RegisterReconciliationInternalServiceServer(r, b.server)
	})
	conn := b.network.Dial("gateway", "reconciliation", b.address)
	b.gateway = reconciliationv1.NewReconciliationServiceClient(conn)
	b.status = reconciliationv1.NewReconciliationInternalServiceClient(conn)
	b.engine = b.server.PushItems // sync-engine forwards tokens; it originates none
	return b
}

func request(objects ...string) *reconciliationv1.PushItemsRequest {
	linked := "other"
	req := &reconciliationv1.PushItemsRequest{
		RunId: uuid.NewString(), ManagedTenantId: "mt-1", EntraTenantId: "entra-1", ClientId: "client-1",
		MappingRevision: 3,
	}
	for _, object := range objects {
		req.Items = append(req.Items, &reconciliationv1.PushedItem{
			EntraObjectId: object, UserPrincipalName: "a@b.example", DisplayName: "A", Email: "a@b.example",
			Reason: "contact_already_linked", Fingerprint: "f",
			Candidates: []*reconciliationv1.Candidate{{ContactId: "c1", FullName: "A", Email: "a@b.example", LinkedTo: &linked}},
		})
	}
	return req
}

func TestTheGatewayListsWhatTheEnginePushed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pushed, err := b.engine(b.ctx, request("o1", "o2", "o3"))
	require.NoError(t, err)
	require.EqualValues(t, 3, pushed.GetOpen())

	page, err := b.gateway.ListQueueItems(b.ctx, &reconciliationv1.ListQueueItemsRequest{Status: "open", PageSize: 2})
	require.NoError(t, err)
	require.Len(t, page.GetItems(), 2)
	require.EqualValues(t, 3, page.GetTotalSize())
	item := page.GetItems()[0]
	require.Equal(t, "contact_already_linked", item.GetReason())
	require.Equal(t, "other", item.GetCandidates()[0].GetLinkedTo())
	require.Equal(t, "client-1", item.GetClientId())
	require.NotNil(t, item.GetCreatedAt())
	require.Nil(t, item.GetDecidedAt())
	require.Nil(t, item.DecidedBy)
	rest, err := b.gateway.ListQueueItems(b.ctx, &reconciliationv1.ListQueueItemsRequest{
		Status: "open", PageSize: 2, PageToken: page.GetNextPageToken(),
	})
	require.NoError(t, err)
	require.Len(t, rest.GetItems(), 1)
	require.Empty(t, rest.GetNextPageToken())
	_, err = b.gateway.ListQueueItems(b.ctx, &reconciliationv1.ListQueueItemsRequest{Status: "resolved", PageToken: page.GetNextPageToken()})
	require.Equal(t, "invalid_argument", errs.ReasonOf(err), "the token of another list")

	for _, stays := range []*reconciliationv1.FollowMappingRequest{
		{EntraTenantId: "entra-1", ClientId: "client-1", MappingRevision: 4}, {EntraTenantId: "entra-1", ClientId: "client-2", MappingRevision: 3},
	} {
		closed, err := b.server.FollowMapping(b.ctx, stays)
		require.NoError(t, err)
		require.Zero(t, closed.GetSuperseded())
	}
	count, err := b.status.CountItems(b.ctx, &reconciliationv1.CountItemsRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 3, count.GetOpen())
	partial, err := b.server.CompleteRound(b.ctx, &reconciliationv1.CompleteRoundRequest{
		RunId: uuid.NewString(), ManagedTenantId: "mt-1", EntraTenantId: "entra-1", SettledObjectIds: []string{"o1"},
	})
	require.NoError(t, err)
	require.Zero(t, partial.GetSuperseded(), "of a round that does not know of everybody nobody is absent")
	closed, err := b.server.CompleteRound(b.ctx, &reconciliationv1.CompleteRoundRequest{
		RunId: uuid.NewString(), ManagedTenantId: "mt-1", EntraTenantId: "entra-1", Complete: true,
	})
	require.NoError(t, err)
	require.EqualValues(t, 3, closed.GetSuperseded())

	_, err = b.engine(b.ctx, request("o1"))
	require.NoError(t, err)
	unmapped, err := b.server.FollowMapping(b.ctx, &reconciliationv1.FollowMappingRequest{EntraTenantId: "entra-1", MappingRevision: 4})
	require.NoError(t, err)
	require.EqualValues(t, 1, unmapped.GetSuperseded())
}

// TestWhatWasResolvedCountsSinceTheRoundBegan: an engine that does not say when it began is told of all.
func TestWhatWasResolvedCountsSinceTheRoundBegan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := request("o1")
	_, err := b.engine(b.ctx, req)
	require.NoError(t, err)
	decided := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	_, err = b.db.Admin.Exec(b.ctx, `UPDATE entra_contact_reconciliation_queue SET status = 'resolved', decided_by = 'u', decided_at = $1`, decided)
	require.NoError(t, err)
	for _, c := range []struct {
		since *timestamppb.Timestamp
		want  []string
	}{
		{nil, []string{"o1"}},
		{timestamppb.New(decided), []string{"o1"}},
		{timestamppb.New(decided.Add(time.Second)), nil},
	} {
		found, err := b.server.FindDecidedItems(b.ctx, &reconciliationv1.FindDecidedItemsRequest{
			EntraTenantId: req.GetEntraTenantId(), ClientId: req.GetClientId(), Items: req.GetItems(), Since: c.since,
		})
		require.NoError(t, err)
		require.Equal(t, c.want, found.GetDecidedObjectIds())
		req.Since = c.since
		pushed, err := b.engine(b.ctx, req)
		require.NoError(t, err)
		require.Equal(t, c.want, pushed.GetDecidedObjectIds())
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.gateway.ListQueueItems(b.ctx, &reconciliationv1.ListQueueItemsRequest{PageToken: "no token"})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	require.Equal(t, "invalid_argument", errs.ReasonOf(err))
	_, err = b.gateway.ListQueueItems(b.ctx, &reconciliationv1.ListQueueItemsRequest{Status: "sleeping"})
	require.Equal(t, "request_invalid", errs.ReasonOf(err))
	_, err = b.status.PushItems(b.ctx, request("o1"))
	require.Equal(t, "caller_refused", errs.ReasonOf(err), "only sync-engine pushes")
	_, err = b.status.FollowMapping(b.ctx, &reconciliationv1.FollowMappingRequest{EntraTenantId: "entra-1", MappingRevision: 1})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
	worker := reconciliationv1.NewReconciliationServiceClient(b.network.Dial("worker", "reconciliation", b.address))
	_, err = worker.ListQueueItems(b.ctx, &reconciliationv1.ListQueueItemsRequest{})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
	_, err = b.gateway.ListQueueItems(t.Context(), &reconciliationv1.ListQueueItemsRequest{})
	require.Equal(t, errs.Unauthenticated, errs.KindOf(err))
}
