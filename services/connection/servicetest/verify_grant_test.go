package servicetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

func TestADeadGrantIsThePartnersProblemAtEveryCustomer(t *testing.T) {
	t.Parallel()
	partner, _ := startSimulator(t).directories() // the same in each: the seed makes it
	b := setup(t, func(s *assembly.Settings) { s.TenantID = partner.TenantID })
	b.connect("msp")
	_, managed := b.sim.directories()
	replicas := []replica{b.replica, b.replicaNamed("second")}
	details := func(r replica, d directory) error {
		_, err := r.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: d.TenantID})
		return err
	}
	require.NoError(t, details(replicas[0], managed[0]))
	b.clock.stop() // the partner's authority is believed for a while
	b.sim.admin(http.MethodPost, "refresh-tokens/revoke", map[string]any{"aadsts": 50173}, nil)
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	failures := make([]error, 8)
	var asking sync.WaitGroup
	for i := range failures {
		asking.Go(func() { failures[i] = details(replicas[i%2], managed[1+i%4]) })
	}
	asking.Wait()
	for _, err := range append(failures, details(replicas[1], managed[5])) {
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "refresh_failed", e.Reason())
		require.Equal(t, "reconnect", e.Metadata()["class"], "the partner's problem")
		require.NotEmpty(t, e.Metadata()["remedy"])
	}
	require.Equal(t, 1, b.sim.requests("login.token", partner.TenantID), "the partner's authority is asked once")
	require.NoError(t, details(replicas[0], managed[0]), "what is cached is good until it ends")
	got := b.status("msp")
	require.Equal(t, "validation_failed", got.GetStatus())
	require.Equal(t, "refresh_failed", got.GetLastValidationError().GetCode())
	require.Contains(t, got.GetLastValidationError().GetMessage(), "AADSTS50173")
	require.Contains(t, got.GetLastValidationError().GetMessage(), "Connect the partner account again")

	// The partner's access token is still good, and yet this is not valid.
	require.Equal(t, outcome{code: "refresh_failed"}, validate(person(t, "msp", "admin"), replicas[1]))
}

func TestACustomerThatRefusesTheGrantIsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "tenant": managed[0].TenantID, "aadsts": 50173})
	for i, code := range []string{"refresh_failed", ""} {
		resp, err := b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[i].TenantID})
		require.NoError(t, err)
		require.Equal(t, code, resp.GetProblem().GetCode())
	}
	require.Equal(t, "connected", b.status("msp").GetStatus())
	require.Nil(t, b.status("msp").GetLastValidationError())
	var events int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM outbox WHERE kind = 'status_changed'`).Scan(&events))
	require.Equal(t, 1, events, "connected, and no more")

	// While it is not known whether the grant is good, no tenant is blamed.
	b.clock.advance(time.Minute)
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 90033, "skip": 1})
	resp, err := b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
	require.NoError(t, err)
	require.Equal(t, "upstream_error", resp.GetProblem().GetCode())
	require.Equal(t, "connected", b.status("msp").GetStatus())
}

// TestAFreshTokenSetEndsEveryRefusal: whatever reason the partner's authority gave.
func TestAFreshTokenSetEndsEveryRefusal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	ways := []func(){
		func() { _, err := b.managedTenants(b.inside("msp")); require.Error(t, err) },
		func() {
			require.Equal(t, outcome{code: "refresh_failed"}, validate(person(t, "msp", "admin"), b.replica))
		},
	}
	for _, aadsts := range []int{65001, 50020, 53003} {
		for _, meet := range ways {
			b.clock.advance(2 * time.Hour)
			b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": aadsts})
			meet()
			got := b.status("msp")
			require.Equal(t, "validation_failed", got.GetStatus(), aadsts)
			require.Equal(t, "refresh_failed", got.GetLastValidationError().GetCode(), aadsts)
			require.Contains(t, got.GetLastValidationError().GetMessage(), "AADSTS"+strconv.Itoa(aadsts))
			b.sim.heal()
			_, err := b.managedTenants(b.inside("msp"))
			require.NoError(t, err, aadsts)
			require.Equal(t, "connected", b.status("msp").GetStatus(), aadsts)
			require.Nil(t, b.status("msp").GetLastValidationError(), aadsts)
		}
	}
}

// TestALateFailureLeavesAFreshTokenSet: what a probe met with a token set that was
// replaced meanwhile is not pinned on the new one.
func TestALateFailureLeavesAFreshTokenSet(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	target, err := url.Parse(sim.base)
	require.NoError(t, err)
	asked, release := make(chan struct{}), make(chan struct{})
	var probes atomic.Int32
	graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if probes.Load() > 0 && strings.HasSuffix(r.URL.Path, "/delegatedAdminRelationships") && probes.Add(1) == 2 {
			close(asked)
			<-release
			w.WriteHeader(http.StatusForbidden)
			return
		}
		httputil.NewSingleHostReverseProxy(target).ServeHTTP(w, r)
	}))
	t.Cleanup(graph.Close)
	b := setupOn(t, sim, func(s *assembly.Settings) { s.GraphURL = graph.URL })
	b.connect("msp")
	probes.Store(1) // the next one is held
	late := make(chan outcome, 1)
	go func() { late <- validate(person(t, "msp", "admin"), b.replica) }()
	<-asked
	before := b.force("msp")
	b.clock.advance(2 * time.Hour)
	_, err = b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	require.NotEqual(t, before, b.force("msp"))
	close(release)
	got := <-late
	require.NoError(t, got.err)
	require.False(t, got.valid, "its caller hears of it")
	require.Equal(t, "connected", b.status("msp").GetStatus())
	require.Nil(t, b.status("msp").GetLastValidationError())
}

func TestRefusingCustomersCostOneRefreshForAll(t *testing.T) {
	t.Parallel()
	partner, _ := startSimulator(t).directories() // the same in each: the seed makes it
	b := setup(t, func(s *assembly.Settings) { s.TenantID = partner.TenantID })
	b.connect("msp")
	_, managed := b.sim.directories()
	refusing := managed[:4]
	for _, d := range refusing {
		b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "tenant": d.TenantID, "aadsts": 50173})
	}
	readAll := func() (refreshes int) {
		b.sim.admin(http.MethodDelete, "requests", nil, nil)
		for _, d := range refusing {
			require.Equal(t, "refresh_failed", b.read(d.TenantID).GetProblem().GetCode())
		}
		return b.sim.requests("login.token", partner.TenantID)
	}
	b.clock.stop()
	require.Equal(t, 1, readAll(), "the partner's authority is asked once")
	b.clock.advance(20 * time.Second)
	require.Zero(t, readAll(), "and is believed for a while")
	b.clock.advance(20 * time.Second)
	require.Equal(t, 1, readAll())
	require.Equal(t, "connected", b.status("msp").GetStatus())
}

func TestARefreshFailureThatPassesLeavesTheConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.clock.advance(2 * time.Hour)
	for _, aadsts := range []int{90033, 7000222} { // passing; our app registration
		b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": aadsts})
		_, err := b.managedTenants(b.inside("msp"))
		require.Error(t, err)
		require.Equal(t, "connected", b.status("msp").GetStatus())
		b.sim.heal()
	}
	_, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)

	b.clock.advance(2 * time.Hour)
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 999999})
	_, err = b.managedTenants(b.inside("msp"))
	require.Equal(t, "refresh_failed", errs.ReasonOf(err), "an unknown invalid_grant means: connect again")
	got := b.status("msp")
	require.Equal(t, "validation_failed", got.GetStatus())
	require.Equal(t, "refresh_failed", got.GetLastValidationError().GetCode())

	b.sim.heal()
	_, err = b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	require.Equal(t, "connected", b.status("msp").GetStatus(), "a fresh token set ends the failure to get one")
	require.Nil(t, b.status("msp").GetLastValidationError())
}

// inTwo is a provider that asks for tokens from two goroutines at once, as the port
// allows.
type inTwo struct{ connection.Provider }

func (p inTwo) Probe(ctx context.Context, tokens connection.TokenSource) (int, error) {
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() { _, _ = tokens.Token(ctx) })
	}
	asking.Wait()
	return p.Provider.Probe(ctx, tokens)
}

func TestAProviderMayAskFromManyGoroutines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	client, err := b.settings.Graph(b.clock.now)
	require.NoError(t, err)
	store := postgres.NewConnections(b.db.Pool("connection"), b.clock.now)
	validate := connection.NewValidate(store, connection.NewKinds(store, connection.NewDirectKind(b.parts.Tokens, inTwo{client}, client)), b.clock.now)
	b.clock.advance(2 * time.Hour)
	got, err := validate.Do(b.within("msp"), connection.Direct)
	require.NoError(t, err)
	require.Nil(t, got.Error)
	b.clock.advance(2 * time.Hour)
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 403})
	got, err = validate.Do(b.within("msp"), connection.Direct)
	require.NoError(t, err)
	require.Equal(t, "consent_missing", got.Error.Code)
	require.Equal(t, "validation_failed", b.status("msp").GetStatus(), "the failure is that of the token set in force")
}
