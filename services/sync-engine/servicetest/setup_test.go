package servicetest

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/assembly"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
)

const (
	clientID = "33333333-3333-4333-8333-333333333333"
	managed  = "22222222-2222-4222-8222-222222222222"
	entra    = "11111111-1111-4111-8111-111111111111"
	unmapped = "44444444-4444-4444-8444-444444444444" // a managed tenant that has no client
)

// connection plays the connection service.
type connection struct {
	connectionv1.UnimplementedDirectoryServiceServer
	events []*connectionv1.ListUsersResponse
}

func (c *connection) ListUsers(_ *connectionv1.ListUsersRequest, stream grpc.ServerStreamingServer[connectionv1.ListUsersResponse]) error {
	for _, event := range c.events {
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	return nil
}

// mappings plays the mapping service.
type mappings struct {
	mappingv1.UnimplementedMappingInternalServiceServer
}

var mapped = &mappingv1.MappedTenant{ManagedTenantId: managed, EntraTenantId: entra, ClientId: clientID, Revision: 3}

func (*mappings) ListMappedTenants(context.Context, *mappingv1.ListMappedTenantsRequest) (*mappingv1.ListMappedTenantsResponse, error) {
	return &mappingv1.ListMappedTenantsResponse{Tenants: []*mappingv1.MappedTenant{mapped}}, nil
}

func (*mappings) GetMappedTenant(_ context.Context, req *mappingv1.GetMappedTenantRequest) (*mappingv1.GetMappedTenantResponse, error) {
	switch id := req.GetManagedTenantId(); {
	case req.GetMustExist() && id != managed && id != unmapped:
		return nil, errs.Of(reason.ManagedTenantNotFound)
	case id != managed:
		return &mappingv1.GetMappedTenantResponse{}, nil
	}
	return &mappingv1.GetMappedTenantResponse{Tenant: mapped}, nil
}

func (*mappings) CreateDecidedClients(context.Context, *mappingv1.CreateDecidedClientsRequest) (*mappingv1.CreateDecidedClientsResponse, error) {
	return &mappingv1.CreateDecidedClientsResponse{}, nil
}

func (*mappings) ResolveClients(_ context.Context, req *mappingv1.ResolveClientsRequest) (*mappingv1.ResolveClientsResponse, error) {
	return &mappingv1.ResolveClientsResponse{Clients: []*mappingv1.ResolvedClient{{ClientId: clientID, ExternalId: "ext"}}}, nil
}

func (*mappings) GetMappingSummary(context.Context, *mappingv1.GetMappingSummaryRequest) (*mappingv1.GetMappingSummaryResponse, error) {
	return &mappingv1.GetMappingSummaryResponse{Summary: &mappingv1.MappingSummary{Mapped: 1}}, nil
}

// queue plays the reconciliation service.
type queue struct {
	reconciliationv1.UnimplementedReconciliationInternalServiceServer
	mu        sync.Mutex
	pushed    []*reconciliationv1.PushedItem
	completed int
	followed  []*reconciliationv1.FollowMappingRequest
}

func (q *queue) FollowMapping(_ context.Context, req *reconciliationv1.FollowMappingRequest) (*reconciliationv1.FollowMappingResponse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.followed = append(q.followed, req)
	return &reconciliationv1.FollowMappingResponse{}, nil
}

func (q *queue) PushItems(_ context.Context, req *reconciliationv1.PushItemsRequest) (*reconciliationv1.PushItemsResponse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pushed = append(q.pushed, req.GetItems()...)
	return &reconciliationv1.PushItemsResponse{}, nil
}

func (q *queue) CompleteRound(_ context.Context, req *reconciliationv1.CompleteRoundRequest) (*reconciliationv1.CompleteRoundResponse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if req.GetComplete() && req.GetSince().IsValid() {
		q.completed++
	}
	return &reconciliationv1.CompleteRoundResponse{}, nil
}

// bundle is the sync engine among its neighbours, over mTLS.
type bundle struct {
	connection *connection
	queue      *queue
	flags      *flagged
	engine     syncenginev1.SyncEngineInternalServiceClient // as the worker
	runs       syncenginev1.RunServiceClient                // as the gateway
	ended      syncenginev1.RunInternalServiceClient
	contacts   syncenginev1.ContactServiceClient
	changes    syncenginev1.ChangeServiceClient
	reports    syncenginev1.ReportServiceClient
	tickets    syncenginev1.TicketInternalServiceClient
	schedules  syncenginev1.ScheduleInternalServiceClient
	settings   syncenginev1.SettingsServiceClient
	filters    syncenginev1.FilterTestServiceClient
	explain    syncenginev1.ExplainServiceClient
	effects    orchestrationv1.EffectServiceClient          // as the worker
	stranger   syncenginev1.SyncEngineInternalServiceClient // as mapping

	endedAsWorker syncenginev1.RunInternalServiceClient
}

func setup(t *testing.T) (context.Context, *bundle) {
	t.Helper()
	return setupOn(t, pgtest.Database(t, postgres.Context))
}

func setupOn(t *testing.T, db *pgtest.DB) (context.Context, *bundle) {
	t.Helper()
	b := &bundle{connection: &connection{}, queue: &queue{}, flags: &flagged{}}
	network := rpctest.New(t)
	self := network.Identity("sync-engine")
	dial := func(identity *rpc.Identity, name, address string, opts ...rpc.ClientOption) *grpc.ClientConn {
		conn, err := rpc.Dial(identity, name, address, opts...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
		return conn
	}
	connectionAddr := network.Serve("connection", func(r grpc.ServiceRegistrar) { connectionv1.RegisterDirectoryServiceServer(r, b.connection) })
	mappingAddr := network.Serve("mapping", func(r grpc.ServiceRegistrar) { mappingv1.RegisterMappingInternalServiceServer(r, &mappings{}) })
	queueAddr := network.Serve("reconciliation", func(r grpc.ServiceRegistrar) {
		reconciliationv1.RegisterReconciliationInternalServiceServer(r, b.queue)
	})
	flagsAddr := network.Serve("gateway", func(r grpc.ServiceRegistrar) { gatewayv1.RegisterFlagInternalServiceServer(r, b.flags) })
	pool := db.Pool(postgres.Context)
	address := network.Serve("sync-engine", func(r grpc.ServiceRegistrar) {
		assembly.Register(r, pool, assembly.Conns{
			Connection: dial(self, "connection", connectionAddr), Mapping: dial(self, "mapping", mappingAddr),
			Reconciliation: dial(self, "reconciliation", queueAddr), Gateway: dial(self, "gateway", flagsAddr),
		}, assembly.Config{ReportDays: 30})
	})
	worker := dial(network.Identity("worker"), "sync-engine", address, rpc.WithOriginator(0))
	b.engine, b.effects = syncenginev1.NewSyncEngineInternalServiceClient(worker), orchestrationv1.NewEffectServiceClient(worker)
	b.endedAsWorker = syncenginev1.NewRunInternalServiceClient(worker)
	b.tickets, b.schedules = syncenginev1.NewTicketInternalServiceClient(worker), syncenginev1.NewScheduleInternalServiceClient(worker)
	gateway := dial(network.Identity("gateway"), "sync-engine", address, rpc.WithOriginator(0))
	b.runs, b.contacts = syncenginev1.NewRunServiceClient(gateway), syncenginev1.NewContactServiceClient(gateway)
	b.ended, b.reports = syncenginev1.NewRunInternalServiceClient(gateway), syncenginev1.NewReportServiceClient(gateway)
	b.changes = syncenginev1.NewChangeServiceClient(gateway)
	b.settings, b.filters = syncenginev1.NewSettingsServiceClient(gateway), syncenginev1.NewFilterTestServiceClient(gateway)
	b.explain = syncenginev1.NewExplainServiceClient(gateway)
	b.stranger = syncenginev1.NewSyncEngineInternalServiceClient(dial(network.Identity("mapping"), "sync-engine", address))
	return tenant.With(t.Context(), tenant.Call{Tenant: "msp", Actor: tenant.Actor{ID: "user-7", Type: "user"}}), b
}

func ptr[T any](v T) *T { return &v }

func page(users ...*connectionv1.DirectoryUser) *connectionv1.ListUsersResponse {
	return &connectionv1.ListUsersResponse{Event: &connectionv1.ListUsersResponse_Page{Page: &connectionv1.UserPage{Users: users}}}
}

func user(id, mail string) *connectionv1.DirectoryUser {
	return &connectionv1.DirectoryUser{
		EntraObjectId: id, UserPrincipalName: ptr(id + "@corp.example"), Mail: &mail, DisplayName: ptr("Name of " + id), AccountEnabled: ptr(true),
	}
}

var completed = &connectionv1.ListUsersResponse{
	Event: &connectionv1.ListUsersResponse_Completed{Completed: &connectionv1.ListingCompleted{Full: true, DeltaLink: "d"}},
}

// sync does the one tenant of a run and returns the outcome.
func (b *bundle) sync(ctx context.Context, run *syncenginev1.CreateRunResponse) (*syncenginev1.TenantOutcome, error) {
	stream, err := b.engine.SyncTenantUsers(ctx, &syncenginev1.SyncTenantUsersRequest{RunId: run.GetRunId(), Ticket: run.GetTicket(), ManagedTenantId: managed})
	if err != nil {
		return nil, err
	}
	last, err := rpctest.Last(stream)
	return last.GetOutcome(), err
}
