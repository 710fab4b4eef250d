package servicetest

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/clocktest"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/assembly"
)

// began is when the tests' clocks start.
var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// directories is the connection service as the tests want it.
type directories struct {
	connectionv1.UnimplementedDirectoryServiceServer
	mu      sync.Mutex
	tenants []*connectionv1.DirectoryTenant
	listing error // after the tenants: the listing breaks off
	details map[string]*connectionv1.GetTenantDetailsResponse
	refuse  map[string]error
	consent func(entraTenantID string) (*connectionv1.RepairConsentResponse, error)

	repaired []*connectionv1.RepairConsentRequest
	reading  int // details that are read at this moment
	mostRead int // the most that were read at once
	urgency  []string
}

func (d *directories) ListManagedTenants(req *connectionv1.ListManagedTenantsRequest,
	stream grpc.ServerStreamingServer[connectionv1.ListManagedTenantsResponse],
) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.urgency = append(d.urgency, req.GetPriority())
	for _, t := range d.tenants {
		if err := stream.Send(&connectionv1.ListManagedTenantsResponse{Tenants: []*connectionv1.DirectoryTenant{t}}); err != nil {
			return err
		}
	}
	return d.listing
}

func (d *directories) GetTenantDetails(_ context.Context, req *connectionv1.GetTenantDetailsRequest,
) (*connectionv1.GetTenantDetailsResponse, error) {
	d.mu.Lock()
	d.reading++
	d.urgency = append(d.urgency, req.GetPriority())
	d.mostRead = max(d.mostRead, d.reading)
	d.mu.Unlock()
	runtime.Gosched() // so that others get in
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading--
	if err := d.refuse[req.GetEntraTenantId()]; err != nil {
		return nil, err
	}
	if resp, ok := d.details[req.GetEntraTenantId()]; ok {
		return resp, nil
	}
	return &connectionv1.GetTenantDetailsResponse{}, nil
}

// change alters the directories between discoveries.
func (d *directories) change(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
}

// bundle is a running discovery service with the connection it reads from.
type bundle struct {
	t           *testing.T
	db          *pgtest.DB
	directories *directories
	clock       *clocktest.Clock
	internal    discoveryv1.DiscoveryInternalServiceClient // as the worker
	public      discoveryv1.DiscoveryServiceClient         // as the gateway
	summary     discoveryv1.DiscoveryInternalServiceClient // as the gateway
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{
		t: t, db: pgtest.Database(t, "discovery"), clock: clocktest.At(began),
		directories: &directories{details: map[string]*connectionv1.GetTenantDetailsResponse{}, refuse: map[string]error{}},
	}
	network := rpctest.New(t)
	connectionAt := network.Serve("connection", func(server grpc.ServiceRegistrar) {
		connectionv1.RegisterDirectoryServiceServer(server, b.directories)
	})
	directory := network.Dial("discovery", "connection", connectionAt)
	address := network.Serve("discovery", func(server grpc.ServiceRegistrar) {
		assembly.Register(server, b.db.Pool("discovery"), directory, b.clock.Now)
	})
	b.internal = discoveryv1.NewDiscoveryInternalServiceClient(network.Dial("worker", "discovery", address))
	gateway := network.Dial("gateway", "discovery", address)
	b.public = discoveryv1.NewDiscoveryServiceClient(gateway)
	b.summary = discoveryv1.NewDiscoveryInternalServiceClient(gateway)
	return b
}

// as is a context of work for a tenant.
func as(t *testing.T, id tenant.ID) context.Context {
	t.Helper()
	return tenant.With(t.Context(), tenant.Call{Tenant: id, Actor: tenant.Actor{ID: "person-1", Type: "user"}})
}

// discover runs a discovery to its end.
func (b *bundle) discover(operation string) (*discoveryv1.DiscoveryResult, error) {
	b.t.Helper()
	stream, err := b.internal.RunDiscovery(as(b.t, "msp"), &discoveryv1.RunDiscoveryRequest{OperationId: operation})
	require.NoError(b.t, err)
	messages, err := rpctest.Received(stream)
	if err != nil {
		return nil, err
	}
	var result *discoveryv1.DiscoveryResult
	for _, message := range messages {
		require.Nil(b.t, result, "the result is the last message")
		result = message.GetResult()
	}
	require.NotNil(b.t, result, "the stream ended without a result")
	return result, nil
}

// mustDiscover runs a new discovery that succeeds.
func (b *bundle) mustDiscover() *discoveryv1.DiscoveryResult {
	b.t.Helper()
	result, err := b.discover(uuid.NewString())
	require.NoError(b.t, err)
	return result
}

// list is every managed tenant by its Entra id.
func (b *bundle) list() map[string]*discoveryv1.ManagedTenant {
	b.t.Helper()
	resp, err := b.public.ListManagedTenants(as(b.t, "msp"), &discoveryv1.ListManagedTenantsRequest{PageSize: 200})
	require.NoError(b.t, err)
	byID := map[string]*discoveryv1.ManagedTenant{}
	for _, t := range resp.GetManagedTenants() {
		byID[t.GetEntraTenantId()] = t
	}
	return byID
}

func count(n int32) *int32 { return &n }
