package servicetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/assembly"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
)

const (
	clientID = "33333333-3333-4333-8333-333333333333"
	another  = "44444444-4444-4444-8444-444444444444" // a client without a directory
	managed  = "22222222-2222-4222-8222-222222222222"
	entra    = "11111111-1111-4111-8111-111111111111"
)

// buildFolder holds what the tests build.
var buildFolder string

func TestMain(m *testing.M) {
	code := func() int {
		var err error
		if buildFolder, err = os.MkdirTemp("", "entrasync-reconciliation-test-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(buildFolder) }()
		return m.Run()
	}()
	os.Exit(code)
}

// engineBinary builds sync-engine once.
var engineBinary = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(buildFolder, "sync-engine")
	out, err := exec.Command("go", "build", "-o", binary, "../../sync-engine").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building sync-engine: %w\n%s", err, out)
	}
	return binary, nil
})

// directory plays the connection service: it lists these users.
type directory struct {
	connectionv1.UnimplementedDirectoryServiceServer
	mu    sync.Mutex
	users []*connectionv1.DirectoryUser
	names string // the surname of the people that ambiguous makes; Person before a number without one
}

func (d *directory) ListUsers(_ *connectionv1.ListUsersRequest, stream grpc.ServerStreamingServer[connectionv1.ListUsersResponse]) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := stream.Send(&connectionv1.ListUsersResponse{Event: &connectionv1.ListUsersResponse_Page{Page: &connectionv1.UserPage{Users: d.users}}})
	if err != nil {
		return err
	}
	return stream.Send(&connectionv1.ListUsersResponse{
		Event: &connectionv1.ListUsersResponse_Completed{Completed: &connectionv1.ListingCompleted{Full: true}}, // no link: the next lists everybody too
	})
}

// mappings plays the mapping service: one directory of one client.
type mappings struct {
	mappingv1.UnimplementedMappingInternalServiceServer
}

var mapped = &mappingv1.MappedTenant{ManagedTenantId: managed, EntraTenantId: entra, ClientId: clientID, Revision: 1}

func (*mappings) ListMappedTenants(context.Context, *mappingv1.ListMappedTenantsRequest) (*mappingv1.ListMappedTenantsResponse, error) {
	return &mappingv1.ListMappedTenantsResponse{Tenants: []*mappingv1.MappedTenant{mapped}}, nil
}

func (*mappings) GetMappedTenant(context.Context, *mappingv1.GetMappedTenantRequest) (*mappingv1.GetMappedTenantResponse, error) {
	return &mappingv1.GetMappedTenantResponse{Tenant: mapped}, nil
}

func (*mappings) CreateDecidedClients(context.Context, *mappingv1.CreateDecidedClientsRequest) (*mappingv1.CreateDecidedClientsResponse, error) {
	return &mappingv1.CreateDecidedClientsResponse{}, nil
}

func (*mappings) ResolveClients(context.Context, *mappingv1.ResolveClientsRequest) (*mappingv1.ResolveClientsResponse, error) {
	return &mappingv1.ResolveClientsResponse{Clients: []*mappingv1.ResolvedClient{
		{ClientId: clientID, ExternalId: "ext"}, {ClientId: another, ExternalId: "ext-2"},
	}}, nil
}

func (*mappings) GetMappingSummary(context.Context, *mappingv1.GetMappingSummaryRequest) (*mappingv1.GetMappingSummaryResponse, error) {
	return &mappingv1.GetMappingSummaryResponse{Summary: &mappingv1.MappingSummary{Mapped: 1}}, nil
}

// bundle is the queue as the gateway and the worker reach it, with a real sync-engine in
// a process of its own. Both lose their database where their cutter says.
type bundle struct {
	t         *testing.T
	db        *pgtest.DB
	directory *directory
	queueCut  *pgtest.Cutter
	engineCut *pgtest.Cutter
	environ   []string
	process   *exec.Cmd
	later     atomic.Int64     // by which the service's clock is ahead, a time.Duration
	toEngine  *grpc.ClientConn // from reconciliation
	box       *outbox.Box

	queue     reconciliationv1.ReconciliationServiceClient
	decisions reconciliationv1.DecisionServiceClient
	finish    reconciliationv1.DecisionInternalServiceClient
	effects   orchestrationv1.EffectServiceClient
	engine    syncenginev1.SyncEngineInternalServiceClient
	contacts  syncenginev1.ContactServiceClient
	changes   syncenginev1.ChangeServiceClient
	people    syncenginev1.PersonServiceClient
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, db: pgtest.Database(t, postgres.Context, "syncengine"), directory: &directory{}}
	// Effects for the feed would stand among those that tests count; internal/postgres has their tests.
	_, err := b.db.Admin.Exec(t.Context(), `ALTER TABLE reconciliation.entra_contact_reconciliation_queue DISABLE TRIGGER items_opened, DISABLE TRIGGER items_changed`)
	require.NoError(t, err)
	network := rpctest.New(t)
	b.queueCut, b.engineCut = b.db.Cutter(), b.db.Cutter()
	pool, err := pg.Open(t.Context(), b.queueCut.Through(b.db.URLFor(postgres.Context)), pg.Options{
		Context: postgres.Context, MaxConns: 8, BackgroundConns: 2,
	})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	engineAddr, adminAddr := rpctest.FreeAddress(t), rpctest.FreeAddress(t)
	b.toEngine = network.Dial("reconciliation", "sync-engine", engineAddr)
	address := network.Serve("reconciliation", func(r grpc.ServiceRegistrar) {
		b.box = assembly.Register(r, pool, b.toEngine, func() time.Time { return time.Now().Add(time.Duration(b.later.Load())) })
	})
	b.startEngine(network, engineAddr, adminAddr, address)
	gateway, worker := network.Dial("gateway", "reconciliation", address), network.Dial("worker", "reconciliation", address)
	b.queue, b.decisions = reconciliationv1.NewReconciliationServiceClient(gateway), reconciliationv1.NewDecisionServiceClient(gateway)
	b.finish, b.effects = reconciliationv1.NewDecisionInternalServiceClient(worker), orchestrationv1.NewEffectServiceClient(worker)
	b.engine = syncenginev1.NewSyncEngineInternalServiceClient(network.Dial("worker", "sync-engine", engineAddr))
	toEngine := network.Dial("gateway", "sync-engine", engineAddr)
	b.contacts, b.changes = syncenginev1.NewContactServiceClient(toEngine), syncenginev1.NewChangeServiceClient(toEngine)
	b.people = syncenginev1.NewPersonServiceClient(toEngine)
	return b
}

// startEngine runs sync-engine until the test ends.
func (b *bundle) startEngine(network *rpctest.Network, address, admin, queue string) {
	b.t.Helper()
	binary, err := engineBinary()
	require.NoError(b.t, err)
	connection := network.Serve("connection", func(r grpc.ServiceRegistrar) { connectionv1.RegisterDirectoryServiceServer(r, b.directory) })
	mapping := network.Serve("mapping", func(r grpc.ServiceRegistrar) { mappingv1.RegisterMappingInternalServiceServer(r, &mappings{}) })
	b.environ = append(os.Environ(), "ENTRASYNC_LISTEN="+address, "ENTRASYNC_ADMIN_LISTEN="+admin,
		"ENTRASYNC_TLS_DIR="+network.Dir("sync-engine"), "ENTRASYNC_DATABASE_URL="+b.engineCut.Through(b.db.URLFor("syncengine")),
		"ENTRASYNC_CONNECTION_ADDR="+connection, "ENTRASYNC_MAPPING_ADDR="+mapping, "ENTRASYNC_RECONCILIATION_ADDR="+queue,
		"ENTRASYNC_DRAIN_DELAY=0s", "ENTRASYNC_LOG_LEVEL=error")
	b.run(binary)
	b.t.Cleanup(b.kill)
}

// run starts sync-engine's process.
func (b *bundle) run(binary string) {
	b.t.Helper()
	b.process = exec.Command(binary)
	b.process.Env = b.environ
	require.NoError(b.t, b.process.Start())
}

// restart ends sync-engine's process, starts it again and waits until reconciliation
// has found it.
func (b *bundle) restart() {
	b.t.Helper()
	binary, err := engineBinary()
	require.NoError(b.t, err)
	b.kill()
	b.run(binary)
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	ctx = tenant.With(ctx, tenant.Call{Tenant: "nobody"})
	for {
		_, err := b.engine.CancelRuns(ctx, &syncenginev1.CancelRunsRequest{}, grpc.WaitForReady(true))
		if err == nil {
			break
		}
		require.NoError(b.t, ctx.Err()) // it went out on the connection to the old process
	}
	for state := b.toEngine.GetState(); state != connectivity.Ready; state = b.toEngine.GetState() {
		b.toEngine.ResetConnectBackoff()
		b.toEngine.Connect()
		require.True(b.t, b.toEngine.WaitForStateChange(ctx, state))
	}
}

// kill ends it as a crash does.
func (b *bundle) kill() {
	_ = b.process.Process.Kill()
	_ = b.process.Wait()
}

// as is a call of a person of the tenant.
func (b *bundle) as(person string) context.Context {
	return tenant.With(b.t.Context(), tenant.Call{Tenant: "msp", Actor: tenant.Actor{ID: person, Type: "user"}})
}

func ptr[T any](v T) *T { return &v }

func user(id, name, mail string) *connectionv1.DirectoryUser {
	return &connectionv1.DirectoryUser{
		EntraObjectId: id, UserPrincipalName: ptr(id + "@corp.example"), Mail: &mail, DisplayName: &name, AccountEnabled: ptr(true),
		JobTitle: ptr("Head of Tea"), MobilePhone: ptr("+44 1"),
	}
}

// contact is a record of the host's.
func contact(externalID, name, mail string) *syncenginev1.ContactRecord {
	return &syncenginev1.ContactRecord{ExternalId: &externalID, ClientId: ptr(clientID), FullName: name, Email: &mail}
}

// host writes contacts and returns their ids.
func (b *bundle) host(records ...*syncenginev1.ContactRecord) (ids []string) {
	b.t.Helper()
	for some := range slices.Chunk(records, 5000) {
		batch, err := b.contacts.BatchUpsertContacts(b.as("host"), &syncenginev1.BatchUpsertContactsRequest{Contacts: some}, grpc.WaitForReady(true))
		require.NoError(b.t, err)
		for _, result := range batch.GetResults() {
			require.Empty(b.t, result.GetViolations())
			ids = append(ids, result.GetId())
		}
	}
	return ids
}

// sync does a whole run over the one directory.
func (b *bundle) sync() *syncenginev1.Counters {
	b.t.Helper()
	run := b.begin()
	outcome, err := b.round(run)
	require.NoError(b.t, err)
	b.finalise(run)
	return outcome.GetCounters()
}

// finalise ends a run.
func (b *bundle) finalise(run *syncenginev1.CreateRunResponse) {
	b.t.Helper()
	_, err := b.engine.FinaliseRun(b.as("user-1"), &syncenginev1.FinaliseRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()}, grpc.WaitForReady(true))
	require.NoError(b.t, err)
}

// begin begins a run.
func (b *bundle) begin() *syncenginev1.CreateRunResponse {
	b.t.Helper()
	ctx := b.as("user-1")
	run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "all-tenants", Trigger: "manual"}, grpc.WaitForReady(true))
	require.NoError(b.t, err)
	_, err = b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(b.t, err)
	return run
}

// round does the run's one round.
func (b *bundle) round(run *syncenginev1.CreateRunResponse) (*syncenginev1.TenantOutcome, error) {
	stream, err := b.engine.SyncTenantUsers(b.as("user-1"), &syncenginev1.SyncTenantUsersRequest{
		RunId: run.GetRunId(), ManagedTenantId: managed, Ticket: run.GetTicket(),
	}, grpc.WaitForReady(true))
	if err != nil {
		return nil, err
	}
	last, err := rpctest.Last(stream)
	return last.GetOutcome(), err
}

// open are the open items, by the id of their identity.
func (b *bundle) open() map[string]*reconciliationv1.QueueItem {
	b.t.Helper()
	items := map[string]*reconciliationv1.QueueItem{}
	for token := ""; ; {
		page, err := b.queue.ListQueueItems(b.as("user-1"), &reconciliationv1.ListQueueItemsRequest{Status: "open", PageSize: 200, PageToken: token})
		require.NoError(b.t, err)
		for _, item := range page.GetItems() {
			require.NotContains(b.t, items, item.GetEntraObjectId(), "one open item an identity")
			items[item.GetEntraObjectId()] = item
		}
		if token = page.GetNextPageToken(); token == "" {
			return items
		}
	}
}

// ambiguous has the host's contacts and the directory's identities of so many people of
// whom each has two contacts.
func (b *bundle) ambiguous(people int) (contacts map[string][]string) {
	b.t.Helper()
	contacts = map[string][]string{}
	var records []*syncenginev1.ContactRecord
	for i := range people {
		mail, name, other := fmt.Sprintf("p%d@corp.example", i), fmt.Sprintf("Person %d", i), "Other"
		if b.directory.names != "" { // one of the two has the name, clearly
			name, other = string(rune('A'+i))+"nna "+b.directory.names, "Reception"
		}
		records = append(records, contact(fmt.Sprintf("%d-1", i), name, mail), contact(fmt.Sprintf("%d-2", i), other, mail))
		b.directory.users = append(b.directory.users, user(fmt.Sprintf("o-%d", i), name, mail))
	}
	ids := b.host(records...)
	for i := range people {
		contacts[fmt.Sprintf("o-%d", i)] = ids[2*i : 2*i+2]
	}
	return contacts
}

// queued is ambiguous with a sync that queued all.
func (b *bundle) queued(people int) (contacts map[string][]string) {
	b.t.Helper()
	contacts = b.ambiguous(people)
	require.EqualValues(b.t, people, b.sync().GetAmbiguous())
	require.Len(b.t, b.open(), people)
	return contacts
}

// dump is every row of both schemas with its version, the outbox included.
func (b *bundle) dump() (rows []string) {
	b.t.Helper()
	tables := b.strings(`SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('reconciliation', 'syncengine') ORDER BY 1`)
	for _, table := range tables {
		rows = append(rows, table)
		rows = append(rows, b.strings(`SELECT t.xmin || ' ' || t::text FROM `+table+` t ORDER BY t::text`)...)
	}
	return rows
}

func (b *bundle) strings(query string, args ...any) (texts []string) {
	b.t.Helper()
	rows, err := b.db.Admin.Query(b.t.Context(), query, args...)
	require.NoError(b.t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		require.NoError(b.t, rows.Scan(&text))
		texts = append(texts, text)
	}
	require.NoError(b.t, rows.Err())
	return texts
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
