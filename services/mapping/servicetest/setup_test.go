package servicetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/clocktest"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/assembly"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres"
	"github.com/entrasync/entrasync/services/mapping/internal/rpc"
)

// began is when the tests' clocks start.
var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// found is the discovery service as the tests want it.
type found struct {
	discoveryv1.UnimplementedDiscoveryInternalServiceServer
	mu       sync.Mutex
	tenants  map[string][]*discoveryv1.ManagedTenant // by tenant of the host
	streamed [][]string                              // the ids that were asked for
	down     error
}

// fail lets every call fail.
func (f *found) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

func (f *found) CountManagedTenants(ctx context.Context, req *discoveryv1.CountManagedTenantsRequest,
) (*discoveryv1.CountManagedTenantsResponse, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	resp, except := &discoveryv1.CountManagedTenantsResponse{}, setOf(req.GetExceptIds())
	for _, t := range f.tenants[string(id)] {
		if t.GetState() != "gone" && !except[t.GetManagedTenantId()] {
			resp.Count++
		}
	}
	return resp, f.down
}

func (f *found) StreamManagedTenants(req *discoveryv1.StreamManagedTenantsRequest,
	stream grpc.ServerStreamingServer[discoveryv1.StreamManagedTenantsResponse],
) error {
	id, err := tenant.IDFrom(stream.Context())
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return f.down
	}
	f.streamed = append(f.streamed, req.GetManagedTenantIds())
	wanted := setOf(req.GetManagedTenantIds())
	for _, t := range f.tenants[string(id)] {
		if len(wanted) > 0 && !wanted[t.GetManagedTenantId()] {
			continue
		}
		resp := &discoveryv1.StreamManagedTenantsResponse{ManagedTenants: []*discoveryv1.ManagedTenant{t}}
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
	return nil
}

// known is what the service reads of discovery, without the network.
type known struct{ *found }

// List implements mapping.ManagedTenants.
func (k known) List(ctx context.Context, ids []string) (list []mapping.ManagedTenant, err error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	wanted := setOf(ids)
	for _, t := range k.tenants[string(id)] {
		if wanted[t.GetManagedTenantId()] {
			list = append(list, mapping.ManagedTenant{ID: t.GetManagedTenantId()})
		}
	}
	return list, k.down
}

// CountOthers implements mapping.ManagedTenants.
func (k known) CountOthers(ctx context.Context, ids []string) (int32, error) {
	resp, err := k.CountManagedTenants(ctx, &discoveryv1.CountManagedTenantsRequest{ExceptIds: ids})
	return resp.GetCount(), err
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// bundle is a running mapping service with the discovery it reads from.
type bundle struct {
	t        testing.TB
	db       *pgtest.DB
	found    *found
	clock    *clocktest.Clock
	clients  mappingv1.ClientServiceClient          // as the gateway
	mappings mappingv1.MappingServiceClient         // as the gateway
	summary  mappingv1.MappingInternalServiceClient // as the gateway
	effects  orchestrationv1.EffectServiceClient    // as the worker
	internal *rpc.Internal                          // what sync-engine calls, without the network
	box      *outbox.Box
	listens  <-chan struct{} // closed once the database tells of effects
}

func setup(t testing.TB) *bundle {
	t.Helper()
	return setupWaiting(t, 0)
}

// setupWorking has an engine that takes every effect. Answers wait for it as long as a busy machine
// needs: a person is told that it is under way after a few seconds.
func setupWorking(t testing.TB) (*bundle, *engine) {
	t.Helper()
	b := setupWaiting(t, mostWait)
	return b, b.work()
}

// setupWaiting is setup with answers that wait so long for their effects; 0: as long as in service.
func setupWaiting(t testing.TB, settle time.Duration) *bundle {
	t.Helper()
	b := &bundle{
		t: t, db: pgtest.Database(t, "mapping"), clock: clocktest.Stepping(began, time.Second),
		found: &found{tenants: map[string][]*discoveryv1.ManagedTenant{}},
	}
	// Effects for the feed would stand among those that tests count; feed_effects_test.go has them.
	b.feed("DISABLE")
	network := rpctest.New(t)
	discoveryAt := network.Serve("discovery", func(server grpc.ServiceRegistrar) {
		discoveryv1.RegisterDiscoveryInternalServiceServer(server, b.found)
	})
	conn := network.Dial("mapping", "discovery", discoveryAt)
	pool := b.db.Pool("mapping")
	b.box = postgres.NewOutbox(pool, b.clock.Now)
	effects := mapping.Effects(b.box)
	if settle > 0 {
		effects = waiting{b.box, settle}
	}
	address := network.Serve("mapping", func(server grpc.ServiceRegistrar) {
		assembly.Register(server, pool, conn, b.box, effects, b.clock.Now)
	})
	b.listens = b.box.Signal.Next() // which comes first when the listening begins
	listening, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.box.Listen(listening) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	gateway := network.Dial("gateway", "mapping", address)
	b.clients = mappingv1.NewClientServiceClient(gateway)
	b.mappings = mappingv1.NewMappingServiceClient(gateway)
	b.summary = mappingv1.NewMappingInternalServiceClient(gateway)
	b.effects = orchestrationv1.NewEffectServiceClient(network.Dial("worker", "mapping", address))
	store := postgres.NewStore(b.db.Pool("mapping"), newUUID)
	b.internal = rpc.NewInternal(rpc.UseCases{
		ListMapped: mapping.NewListMapped(store), FindMapped: mapping.NewFindMapped(known{b.found}, store), ResolveClients: mapping.NewResolveClients(store),
		CreateClients: mapping.NewCreateClients(store, b.clock.Now, newID), Summarise: mapping.NewSummarise(nil, store),
	})
	return b
}

// waiting are effects for which one waits so long, whatever the caller would.
type waiting struct {
	*outbox.Box
	wait time.Duration
}

func (w waiting) Settle(ctx context.Context, ids []string, _ time.Duration) bool {
	return w.Box.Settle(ctx, ids, w.wait)
}

func (w waiting) Until(ctx context.Context, _ time.Duration, done func(context.Context) bool) bool {
	return w.Box.Until(ctx, w.wait, done)
}

// feed has changes of clients told to the feed, or not: ENABLE or DISABLE.
func (b *bundle) feed(how string) {
	b.t.Helper()
	_, err := b.db.Admin.Exec(b.t.Context(), `ALTER TABLE clients `+how+` TRIGGER clients_made, `+how+` TRIGGER clients_changed`)
	require.NoError(b.t, err)
}

// untilSignalled waits until something holds, and looks whenever effects come or go.
func (b *bundle) untilSignalled(holds func() bool) {
	b.t.Helper()
	timeout := time.After(time.Minute)
	for {
		signalled := b.box.Signal.Next()
		if holds() {
			return
		}
		select {
		case <-signalled:
		case <-timeout:
			require.Fail(b.t, "the bell rang and nothing came of it, or it stayed silent")
		}
	}
}

// leaving makes a change whose effects nobody does yet: the caller goes away once
// they are written, so that a test need not wait for as long as a person would. The
// change stands.
func (b *bundle) leaving(change func(ctx context.Context) error) {
	b.t.Helper()
	effects := func() (all int) {
		require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(), `SELECT count(*) FROM outbox`).Scan(&all))
		return all
	}
	before := effects()
	ctx, leave := context.WithCancel(b.ctx())
	defer leave()
	ended := make(chan error, 1)
	go func() { ended <- change(ctx) }()
	b.untilSignalled(func() bool { return effects() > before })
	leave()
	if err := <-ended; err != nil {
		require.Equal(b.t, errs.Cancelled, errs.KindOf(err), err)
	}
}

// newUUID gives a UUIDv7, newID the same as a text.
func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func newID() string { return newUUID().String() }

// as is a context of a person's work for a tenant.
func as(t testing.TB, id tenant.ID) context.Context {
	t.Helper()
	return tenant.With(t.Context(), tenant.Call{Tenant: id, Actor: tenant.Actor{ID: "person-1", Type: "user"}})
}

// ctx is a context of a person's work for the MSP of the tests.
func (b *bundle) ctx() context.Context { return as(b.t, "msp") }

// discover adds managed tenants by name and primary domain, and gives their ids.
func (b *bundle) discover(namesAndDomains ...string) (ids []string) {
	b.found.mu.Lock()
	defer b.found.mu.Unlock()
	for i := 0; i < len(namesAndDomains); i += 2 {
		id := newID()
		ids = append(ids, id)
		b.found.tenants["msp"] = append(b.found.tenants["msp"], &discoveryv1.ManagedTenant{
			ManagedTenantId: id, EntraTenantId: uuid.NewString(), DisplayName: namesAndDomains[i],
			PrimaryDomain: namesAndDomains[i+1], Domains: []string{namesAndDomains[i+1]}, SourceUserCount: 3, State: "active",
		})
	}
	return ids
}

// entra is Microsoft's id of a managed tenant.
func (b *bundle) entra(managedTenantID string) string {
	b.t.Helper()
	b.found.mu.Lock()
	defer b.found.mu.Unlock()
	for _, t := range b.found.tenants["msp"] {
		if t.GetManagedTenantId() == managedTenantID {
			return t.GetEntraTenantId()
		}
	}
	b.t.Fatalf("no managed tenant %s", managedTenantID)
	return ""
}

// upsert writes client records.
func (b *bundle) upsert(records ...*mappingv1.ClientRecord) []*mappingv1.RecordResult {
	b.t.Helper()
	resp, err := b.clients.BatchUpsertClients(b.ctx(), &mappingv1.BatchUpsertClientsRequest{Clients: records})
	require.NoError(b.t, err)
	require.Len(b.t, resp.GetResults(), len(records))
	return resp.GetResults()
}

// add makes clients by name and domain, and gives their ids.
func (b *bundle) add(namesAndDomains ...string) (ids []string) {
	b.t.Helper()
	var records []*mappingv1.ClientRecord
	for i := 0; i < len(namesAndDomains); i += 2 {
		records = append(records, &mappingv1.ClientRecord{
			ExternalId: fmt.Sprintf("x-%s", newID()), Name: namesAndDomains[i], Domain: &namesAndDomains[i+1],
		})
	}
	for _, r := range b.upsert(records...) {
		require.Equal(b.t, "created", r.GetOutcome(), r.GetViolations())
		ids = append(ids, r.GetId())
	}
	return ids
}

func decide(managedTenantID, kind string, clientID ...string) *mappingv1.MappingDecision {
	d := &mappingv1.MappingDecision{ManagedTenantId: managedTenantID, Decision: kind}
	if len(clientID) > 0 {
		d.ClientId = &clientID[0]
	}
	return d
}

// confirm writes decisions without a version.
func (b *bundle) confirm(decisions ...*mappingv1.MappingDecision) (*mappingv1.ConfirmMappingsResponse, error) {
	b.t.Helper()
	return b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{Decisions: decisions})
}

func (b *bundle) mustConfirm(decisions ...*mappingv1.MappingDecision) *mappingv1.ConfirmMappingsResponse {
	b.t.Helper()
	resp, err := b.confirm(decisions...)
	require.NoError(b.t, err)
	return resp
}

func (b *bundle) client(id string) *mappingv1.Client {
	b.t.Helper()
	resp, err := b.clients.GetClient(b.ctx(), &mappingv1.GetClientRequest{Id: id})
	require.NoError(b.t, err)
	return resp.GetClient()
}

// history is every decision about a managed tenant, the newest first.
func (b *bundle) history(managedTenantID string) (all []*mappingv1.Mapping) {
	b.t.Helper()
	req := &mappingv1.ListMappingsRequest{ManagedTenantId: managedTenantID, History: true}
	for {
		resp, err := b.mappings.ListMappings(b.ctx(), req)
		require.NoError(b.t, err)
		all = append(all, resp.GetMappings()...)
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return all
		}
	}
}

// contents is everything the service stores.
func (b *bundle) contents() (all string) {
	b.t.Helper()
	err := b.db.Admin.QueryRow(b.t.Context(), `
		SELECT concat_ws('|',
			(SELECT string_agg(t::text || t.xmin::text, ',' ORDER BY t.id) FROM clients t),
			(SELECT string_agg(t::text, ',' ORDER BY t.domain, t.client_id) FROM client_domains t),
			(SELECT string_agg(t::text || t.xmin::text, ',' ORDER BY t.id) FROM entra_client_tenant_mappings t),
			(SELECT string_agg(t::text, ',' ORDER BY t.id) FROM outbox t),
			(SELECT string_agg(t::text, ',' ORDER BY t.managed_tenant_id) FROM entra_orphans t),
			(SELECT string_agg(t::text, ',' ORDER BY t.id) FROM entra_orphan_decisions t),
			(SELECT string_agg(t::text || t.xmin::text, ',' ORDER BY t.tenant_id) FROM entra_mapping_heads t))`).Scan(&all)
	require.NoError(b.t, err)
	return all
}
