package rpc_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/directory"
	"github.com/entrasync/entrasync/services/sync-engine/internal/mapping"
	"github.com/entrasync/entrasync/services/sync-engine/internal/peers"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/reconciliation"
	service "github.com/entrasync/entrasync/services/sync-engine/internal/rpc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

const (
	clientID = "33333333-3333-4333-8333-333333333333"
	managed  = "22222222-2222-4222-8222-222222222222"
	entra    = "11111111-1111-4111-8111-111111111111"
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
	if req.GetManagedTenantId() != managed {
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
}

func setup(t *testing.T) (context.Context, *bundle) {
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
	pool := pgtest.Database(t, postgres.Context).Pool(postgres.Context)
	store, box := postgres.New(pool, round.Timeouts{}), outbox.New(pool, outbox.Options{})
	clients, decisions := mapping.New(dial(self, "mapping", mappingAddr)), reconciliation.New(dial(self, "reconciliation", queueAddr))
	flagsAddr := network.Serve("gateway", func(r grpc.ServiceRegistrar) { gatewayv1.RegisterFlagInternalServiceServer(r, b.flags) })
	flags := peers.NewFlags(dial(self, "gateway", flagsAddr))
	newID := func() (string, error) { return uuid.Must(uuid.NewV7()).String(), nil }
	address := network.Serve("sync-engine", func(r grpc.ServiceRegistrar) {
		service.Register(r, service.UseCases{
			Contacts: syncengine.NewListContacts(store), Show: syncengine.NewShowContact(store), Changes: syncengine.NewListChanges(store), Batch: syncengine.NewBatchUpsert(store, clients, newID, time.Now),
			Runs: syncengine.NewReadRuns(store, time.Now), Create: syncengine.NewCreateRun(store, clients, newID, time.Now),
			Begin: syncengine.NewBeginRun(store, clients, time.Now), Results: syncengine.NewRunResults(store, time.Now),
			Sync:   syncengine.NewSyncTenant(syncengine.GateFieldRules(store, flags), directory.New(dial(self, "connection", connectionAddr)), clients, decisions, time.Now),
			Revise: syncengine.NewReviseMapping(store, decisions, time.Now), Orphans: syncengine.NewDecideOrphans(store, clients, time.Now),
			Schedules: syncengine.NewReadSchedules(store, time.Now), Tickets: syncengine.NewTickets(store, time.Now),
			Rounds: postgres.NewRoundReports(pool),
		})
		service.RegisterReports(r, service.ReportCases{Identities: syncengine.NewListIdentities(store, 30, time.Now)})
		service.RegisterSettings(r, service.SettingsCases{
			Read: syncengine.NewReadSettings(store, clients, time.Now), Change: syncengine.NewChangeSettings(store, clients, box, newID, time.Now),
			Test: syncengine.NewTestFilters(store, directory.New(dial(self, "connection", connectionAddr)), clients, time.Now),
		})
		service.RegisterExplain(r, syncengine.NewExplain(store, store, directory.New(dial(self, "connection", connectionAddr)), clients, decisions, time.Now))
		outbox.Serve(r, box)
	})
	worker := dial(network.Identity("worker"), "sync-engine", address, rpc.WithOriginator(0))
	b.engine, b.effects = syncenginev1.NewSyncEngineInternalServiceClient(worker), orchestrationv1.NewEffectServiceClient(worker)
	b.tickets, b.schedules = syncenginev1.NewTicketInternalServiceClient(worker), syncenginev1.NewScheduleInternalServiceClient(worker)
	gateway := dial(network.Identity("gateway"), "sync-engine", address, rpc.WithOriginator(0))
	b.runs, b.contacts = syncenginev1.NewRunServiceClient(gateway), syncenginev1.NewContactServiceClient(gateway)
	b.reports = syncenginev1.NewReportServiceClient(gateway)
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
	var outcome *syncenginev1.TenantOutcome
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return outcome, nil
		}
		if err != nil {
			return nil, err
		}
		outcome = message.GetOutcome()
	}
}

func TestRunOverTheWire(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	batch, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: []*syncenginev1.ContactRecord{
		{ExternalId: ptr("1"), ClientExternalId: ptr("ext"), FullName: "Two", Email: ptr("two@corp.example")},
		{ExternalId: ptr("2"), ClientExternalId: ptr("ext"), FullName: "Two", Email: ptr("two@corp.example")},
		{ExternalId: ptr("3"), ClientExternalId: ptr("ext"), FullName: "Bad\x00"},
	}})
	require.NoError(t, err)
	require.Equal(t, "created", batch.GetResults()[0].GetOutcome())
	require.Equal(t, "fullName", batch.GetResults()[2].GetViolations()[0].GetField())

	run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual"})
	require.NoError(t, err)
	require.Equal(t, "entra-initial-sync:msp", run.GetWorkflowId())
	begun, err := b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(t, err)
	require.Equal(t, int32(1), begun.GetTotalTenants())

	b.connection.events = []*connectionv1.ListUsersResponse{page(user("a", "a@corp.example"))}
	_, err = b.sync(ctx, run)
	require.Equal(t, "listing_broke_off", errs.ReasonOf(err), "a stream that ends without its last event broke off")

	b.connection.events = []*connectionv1.ListUsersResponse{
		page(user("gone", "gone@corp.example")),
		{Event: &connectionv1.ListUsersResponse_Restarted{Restarted: &connectionv1.ListingRestarted{Full: true, Reason: "page_token_expired"}}},
		page(user("a", "a@corp.example"), user("two", "two@corp.example")), page(), page(&connectionv1.DirectoryUser{EntraObjectId: "bad", Defect: "malformed"}), completed,
	}
	outcome, err := b.sync(ctx, run)
	require.NoError(t, err)
	require.Equal(t, "partial", outcome.GetState())
	require.Equal(t, int32(1), outcome.GetCounters().GetCreated())
	again, err := b.sync(ctx, run)
	require.NoError(t, err)
	require.Equal(t, outcome.GetCounters().GetCreated(), again.GetCounters().GetCreated(), "a result that exists is returned")
	require.Len(t, b.queue.pushed, 1)
	require.Equal(t, 1, b.queue.completed)

	ended, err := b.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(t, err)
	require.Equal(t, "partial", ended.GetState())
	shown, err := b.runs.GetRun(ctx, &syncenginev1.GetRunRequest{RunId: run.GetRunId()})
	require.NoError(t, err)
	require.Equal(t, "user-7", shown.GetRun().GetInitiatedBy())
	require.Equal(t, "malformed", shown.GetTenantResults()[0].GetFailures()[0].GetReason())
	require.Equal(t, int32(1), shown.GetTenantResults()[0].GetAmbiguous()["multiple_email_matches"])
	report, err := b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, int32(3), report.GetTotalSize())
	require.True(t, report.GetReportKept())
	require.Equal(t, "created", report.GetIdentities()[0].GetOutcome())
	require.Equal(t, "fullName", report.GetIdentities()[0].GetChanges()[0].GetField())
	rest, err := b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), PageToken: report.GetNextPageToken(), PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, "malformed", rest.GetIdentities()[0].GetReason())
	require.Nil(t, rest.TotalSize)
	_, err = b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), PageToken: report.GetNextPageToken(), Q: "x"})
	require.Equal(t, "invalid_argument", errs.ReasonOf(err), "a token is good for its filters alone")
	file, err := b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), AsCsv: true})
	require.NoError(t, err)
	require.Empty(t, file.GetIdentities())
	require.Equal(t, 4, strings.Count(file.GetCsv(), "\r\n"))
	require.Contains(t, file.GetCsv(), "Name of a,a@corp.example,created")
	list, err := b.contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{Entra: "linked"})
	require.NoError(t, err)
	require.Equal(t, int32(1), list.GetTotalSize())
	require.Equal(t, "a@corp.example", list.GetContacts()[0].GetEmail())
	require.Equal(t, "active", list.GetContacts()[0].GetLinkStatus())
	_, err = b.contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{PageToken: "junk"})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
}

// TestATokenIsGoodForItsListAlone: a place in one order means nothing in another.
func TestATokenIsGoodForItsListAlone(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	var records []*syncenginev1.ContactRecord
	for _, name := range []string{"Ann", "Bob", "Cem"} {
		records = append(records, &syncenginev1.ContactRecord{ExternalId: ptr(name), ClientExternalId: ptr("ext"), FullName: name})
	}
	batch, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: records})
	require.NoError(t, err)
	require.Equal(t, "created", batch.GetResults()[2].GetOutcome(), batch.GetResults()[2].GetViolations())
	byName := &syncenginev1.ListContactsRequest{PageSize: 1}
	var names []string
	for {
		list, err := b.contacts.ListContacts(ctx, byName)
		require.NoError(t, err)
		require.Len(t, list.GetContacts(), 1)
		names = append(names, list.GetContacts()[0].GetFullName())
		if list.GetNextPageToken() == "" {
			break
		}
		byName.PageToken = list.GetNextPageToken()
	}
	require.Equal(t, []string{"Ann", "Bob", "Cem"}, names)
	for _, other := range []*syncenginev1.ListContactsRequest{
		{ClientId: "client-1", PageToken: byName.GetPageToken()},
		{Q: "b", PageToken: byName.GetPageToken()},
		{Entra: "linked", PageToken: byName.GetPageToken()},
		{Status: "active", PageToken: byName.GetPageToken()},
	} {
		_, err = b.contacts.ListContacts(ctx, other)
		require.Equal(t, "invalid_argument", errs.ReasonOf(err), other)
	}
	_, err = b.runs.ListRuns(ctx, &syncenginev1.ListRunsRequest{PageToken: byName.GetPageToken()})
	require.Equal(t, "invalid_argument", errs.ReasonOf(err))
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	_, err := b.stranger.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual"})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
	_, err = b.engine.GetSyncStatus(ctx, &syncenginev1.GetSyncStatusRequest{})
	require.Equal(t, "caller_refused", errs.ReasonOf(err), "the status is the gateway's")
}

func TestOrphansOverTheWire(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	revised, err := b.engine.ReviseMapping(ctx, &syncenginev1.ReviseMappingRequest{ManagedTenantId: managed, EntraTenantId: entra, ClientId: clientID, Revision: 3})
	require.NoError(t, err)
	require.Zero(t, revised.GetOrphanedLinks())
	require.Len(t, b.queue.followed, 1)
	told := b.queue.followed[0]
	require.Equal(t, entra, told.GetEntraTenantId())
	require.Equal(t, clientID, told.GetClientId())
	require.EqualValues(t, 3, told.GetMappingRevision())
	req := &syncenginev1.DecideOrphansRequest{
		DecisionId: uuid.NewString(), ManagedTenantId: managed, EntraTenantId: entra, ClientId: clientID, Revision: 3, Decision: "relink", DecidedBy: "user-7",
	}
	_, err = b.engine.DecideOrphans(ctx, req)
	require.NoError(t, err)
	req.DecisionId, req.Revision = uuid.NewString(), 2
	_, err = b.engine.DecideOrphans(ctx, req)
	require.Equal(t, "mapping_changed", errs.ReasonOf(err))
	_, err = b.stranger.ReviseMapping(ctx, &syncenginev1.ReviseMappingRequest{ManagedTenantId: managed, EntraTenantId: entra, Revision: 3})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
}

func TestTheHostFollowsTheFeed(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	write := func(name string) {
		_, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: []*syncenginev1.ContactRecord{
			{ExternalId: ptr("1"), ClientExternalId: ptr("ext"), FullName: name},
		}})
		require.NoError(t, err)
	}
	write("Before")
	list, err := b.contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetContacts(), 1)
	write("After")
	all, err := b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{})
	require.NoError(t, err)
	require.Len(t, all.GetChanges(), 2)
	require.Equal(t, "Before", all.GetChanges()[0].GetContact().GetFullName())
	later, err := b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{Cursor: list.GetChangesCursor(), WaitSeconds: 1})
	require.NoError(t, err)
	require.Len(t, later.GetChanges(), 1)
	entry := later.GetChanges()[0]
	require.Equal(t, "contact.updated", entry.GetType())
	require.Equal(t, "host", entry.GetSource())
	require.Equal(t, []string{"fullName"}, entry.GetFields())
	require.Equal(t, "After", entry.GetContact().GetFullName())
	require.Equal(t, all.GetNextCursor(), later.GetNextCursor())
	_, err = b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{Cursor: syncengine.FeedCursor(9)})
	require.Equal(t, "cursor_expired", errs.ReasonOf(err))
}
