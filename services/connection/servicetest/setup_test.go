package servicetest

import (
	"context"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

const returnTo = "https://psa.example/settings/entra?tab=connection"

// clock runs with the real one, moved ahead by the test: Microsoft's clock is
// the real one.
type clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	stopped time.Time // zero: it runs
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped.IsZero() {
		return c.stopped.Add(c.ahead)
	}
	return time.Now().Add(c.ahead)
}

// stop lets only the test move the clock, however long the machine takes.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = time.Now()
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// replica is one running process of the service, and its callers.
type replica struct {
	parts     assembly.Parts
	public    connectionv1.ConnectionServiceClient         // as the gateway
	internal  connectionv1.ConnectionInternalServiceClient // as the gateway
	cipp      connectionv1.CippServiceClient               // as the gateway, where it is switched on
	discovery connectionv1.DirectoryServiceClient          // as discovery
	engine    connectionv1.DirectoryServiceClient          // as the sync engine
	worker    orchestrationv1.EffectServiceClient          // as the worker
	named     connectionv1.ConnectionInternalServiceClient // as the worker
}

// bundle is the service between a real database and a simulated Microsoft.
type bundle struct {
	replica
	t        *testing.T
	db       *pgtest.DB
	box      *secrets.Box
	clock    *clock
	sim      *simulator
	network  *rpctest.Network
	settings assembly.Settings
}

func setup(t *testing.T, adjust ...func(*assembly.Settings)) *bundle {
	t.Helper()
	sim := startSimulator(t)
	return setupOn(t, sim, adjust...)
}

// setupLogin has a Microsoft in between whose answers a test changes.
func setupLogin(t *testing.T) (*bundle, *login) {
	t.Helper()
	sim := startSimulator(t)
	microsoft := startLogin(t, sim)
	return setupOn(t, sim, func(s *assembly.Settings) { s.LoginURL = microsoft.url }), microsoft
}

// setupConsent is connected by a partner that may consent for customers; one is a
// managed tenant.
func setupConsent(t *testing.T) (b *bundle, one string) {
	t.Helper()
	b = setup(t)
	b.connect("msp")
	b.partnerMayConsent()
	_, managed := b.sim.directories()
	return b, managed[0].TenantID
}

// setupListing is connected; one is the managed tenant with the most users.
func setupListing(t *testing.T) (b *bundle, ctx context.Context, one directory) {
	t.Helper()
	b = setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	return b, b.inside("msp"), largest(managed)
}

func setupOn(t *testing.T, sim *simulator, adjust ...func(*assembly.Settings)) *bundle {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys.json")
	_, err := secrets.NewKeyFile(keys)
	require.NoError(t, err)
	return setupWith(t, sim, pgtest.Database(t, "connection"), keys, adjust...)
}

func setupWith(t *testing.T, sim *simulator, db *pgtest.DB, keys string, adjust ...func(*assembly.Settings)) *bundle {
	t.Helper()
	box, err := secrets.OpenBox(keys)
	require.NoError(t, err)
	b := &bundle{
		t: t, db: db, box: box, clock: &clock{}, sim: sim, network: rpctest.New(t),
		settings: assembly.Settings{
			PublicURL: publicURL, ReturnToAllowed: []string{returnTo}, LoginURL: sim.base, GraphURL: sim.base, PartnerURL: sim.base,
			ClientID: clientID, ClientSecret: clientSecret, Kinds: assembly.Kinds(),
		},
	}
	for _, change := range adjust {
		change(&b.settings)
	}
	b.replica = b.start(b.pool())
	return b
}

// pool is one of the size that a process has.
func (b *bundle) pool() *pg.Pool {
	b.t.Helper()
	pool, err := pg.Open(b.t.Context(), b.db.URLFor("connection"), assembly.Config{}.PoolOptions())
	require.NoError(b.t, err)
	b.t.Cleanup(pool.Close)
	return pool
}

// start runs one more process of the service on the same database.
func (b *bundle) start(pool *pg.Pool) replica {
	b.t.Helper()
	built, err := assembly.New(b.settings, pool, b.box, b.clock.now)
	require.NoError(b.t, err)
	built.Handling.Effects.Timeout = 100 * time.Millisecond
	address := b.network.Serve(assembly.Name, built.Register)
	gateway := b.network.Dial("gateway", assembly.Name, address)
	return replica{
		parts: built, public: connectionv1.NewConnectionServiceClient(gateway),
		internal:  connectionv1.NewConnectionInternalServiceClient(gateway),
		cipp:      connectionv1.NewCippServiceClient(gateway),
		discovery: connectionv1.NewDirectoryServiceClient(b.network.Dial("discovery", assembly.Name, address)),
		engine:    connectionv1.NewDirectoryServiceClient(b.network.Dial("sync-engine", assembly.Name, address)),
		worker:    orchestrationv1.NewEffectServiceClient(b.network.Dial("worker", assembly.Name, address)),
		named:     connectionv1.NewConnectionInternalServiceClient(b.network.Dial("worker", assembly.Name, address)),
	}
}

// person is the context of somebody with a bearer token, browser that of
// somebody in a session.
func person(t *testing.T, id tenant.ID, user string) context.Context {
	t.Helper()
	return tenant.With(t.Context(), tenant.Call{Tenant: id, Actor: tenant.Actor{ID: user, Type: "user"}})
}

func browser(t *testing.T, id tenant.ID, user, session string) context.Context {
	t.Helper()
	return tenant.With(t.Context(), tenant.Call{Tenant: id, Actor: tenant.Actor{ID: user, Type: "user"}, Session: session})
}

// summaries is a service that the gateway calls; it keeps the context of the
// last call, which holds the signed token of its tenant.
type summaries struct {
	discoveryv1.UnimplementedDiscoveryInternalServiceServer
	served chan context.Context
}

func (s *summaries) GetDiscoverySummary(ctx context.Context, _ *discoveryv1.GetDiscoverySummaryRequest) (*discoveryv1.GetDiscoverySummaryResponse, error) {
	s.served <- ctx
	return &discoveryv1.GetDiscoverySummaryResponse{}, nil
}

// within is the context in which this service works for a tenant.
func (b *bundle) within(id tenant.ID) context.Context {
	b.t.Helper()
	return tenant.With(b.t.Context(), tenant.Call{Tenant: id})
}

// inside is the context in which another service works for a tenant.
func (b *bundle) inside(id tenant.ID) context.Context {
	b.t.Helper()
	return b.insideAs(id, tenant.Actor{ID: "system", Type: "user"}, "")
}

// insideAs is inside for a person, in a browser session or none.
func (b *bundle) insideAs(id tenant.ID, actor tenant.Actor, session string) context.Context {
	b.t.Helper()
	return insideOf(b.t, b.network, tenant.Call{Tenant: id, Actor: actor, Session: session})
}

// insideOf is the context in which a service works on after it was called.
func insideOf(t testing.TB, network *rpctest.Network, call tenant.Call) context.Context {
	t.Helper()
	stub := &summaries{served: make(chan context.Context, 1)}
	address := network.Serve("discovery", func(server grpc.ServiceRegistrar) {
		discoveryv1.RegisterDiscoveryInternalServiceServer(server, stub)
	})
	client := discoveryv1.NewDiscoveryInternalServiceClient(network.Dial("gateway", "discovery", address))
	_, err := client.GetDiscoverySummary(tenant.With(t.Context(), call), &discoveryv1.GetDiscoverySummaryRequest{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(<-stub.served))
	t.Cleanup(cancel)
	return ctx
}

// begin starts a flow.
func (b *bundle) begin(ctx context.Context) *connectionv1.ConnectResponse {
	b.t.Helper()
	resp, err := b.public.Connect(ctx, &connectionv1.ConnectRequest{ConnectionType: "direct", ReturnTo: returnTo})
	require.NoError(b.t, err)
	return resp
}

// back is the browser's return with Microsoft's answer; it gives the query of
// the page where it ends.
func (b *bundle) back(answer url.Values, session string) url.Values {
	b.t.Helper()
	resp, err := b.internal.CompleteCallback(b.t.Context(), &connectionv1.CompleteCallbackRequest{
		State: answer.Get("state"), Code: answer.Get("code"), Error: answer.Get("error"),
		ErrorDescription: answer.Get("error_description"), Session: session,
	})
	require.NoError(b.t, err)
	target, err := url.Parse(resp.GetRedirectUrl())
	require.NoError(b.t, err)
	return target.Query()
}

// connect makes a connection for a tenant, in a session.
func (b *bundle) connect(id tenant.ID) {
	b.t.Helper()
	answer := b.sim.consent(b.begin(browser(b.t, id, "admin", "session-of-admin")).GetAuthorizeUrl())
	require.Equal(b.t, "success", b.back(answer, "session-of-admin").Get("entra_status"))
}

// set gives the tenant "msp" an app registration of its own.
func (b *bundle) set(req *connectionv1.SetCredentialsRequest) *connectionv1.SetCredentialsResponse {
	b.t.Helper()
	resp, err := b.public.SetCredentials(person(b.t, "msp", "admin"), req)
	require.NoError(b.t, err)
	return resp
}

func (b *bundle) status(id tenant.ID) *connectionv1.GetConnectionResponse {
	b.t.Helper()
	resp, err := b.internal.GetConnection(person(b.t, id, "admin"), &connectionv1.GetConnectionRequest{})
	require.NoError(b.t, err)
	return resp
}

// all reads a stream to its end.
func all[T any](t *testing.T, stream grpc.ServerStreamingClient[T]) ([]*T, error) {
	t.Helper()
	var got []*T
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, m)
	}
}
