package servicetest

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

const manyCallers = 50

func TestOneRefreshForManyCallers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	replicas := b.three()
	for range 2 { // the second time without a delay that gathers them
		b.clock.advance(2 * time.Hour)
		b.sim.admin(http.MethodDelete, "requests", nil, nil)
		for _, o := range <-atOnce(person(t, "msp", "admin"), manyCallers, replicas) {
			require.NoError(t, o.err)
			require.True(t, o.valid, o.code)
		}
		require.Equal(t, 1, b.sim.requests("login.token", ""))
		require.Equal(t, manyCallers, b.sim.requests("graph.relationships", ""))
		// Long enough for all to be under way before the first is through.
		b.sim.fault(map[string]any{"kind": "slow", "route": "login.token", "delayMillis": 1500})
	}
}

func TestACutDatabaseConnectionLosesNoTokenSet(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"the lock alone": false, "all of the process": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, microsoft := setupLogin(t)
			b.connect("msp")
			before := b.force("msp")
			replicas := b.three()
			b.clock.advance(2 * time.Hour)
			// The first answer comes when it is let go.
			answered, release := make(chan struct{}), make(chan struct{})
			var answers atomic.Int32
			microsoft.on(func(url.Values, map[string]any) {
				if answers.Add(1) == 1 {
					close(answered)
					<-release
				}
			})
			all := atOnce(person(t, "msp", "admin"), manyCallers, replicas)
			<-answered
			pid, process := b.holder()
			require.NotZero(t, pid, "whoever refreshes has the lock")
			if !whole {
				b.cut(pid, "")
			} else {
				b.cut(0, process)
			}
			eventually(t, "another replica has refreshed", func() bool { return b.force("msp") != before })
			newer := b.force("msp")
			close(release)
			for i, o := range <-all {
				if whole && process == "replica-"+string(rune('0'+i%3)) && o.err != nil {
					require.Equal(t, errs.Unavailable, errs.KindOf(o.err), "its callers may come again")
					continue
				}
				require.NoError(t, o.err)
				require.True(t, o.valid, o.code)
			}
			require.Equal(t, newer, b.force("msp"), "the answer that came late overwrote nothing")
			require.Equal(t, "connected", b.status("msp").GetStatus())
			b.clock.advance(2 * time.Hour)
			for _, r := range replicas {
				var o outcome
				// A pool may find more of the connections that were cut when it next takes them.
				eventually(t, "the database is reached", func() bool {
					o = validate(person(t, "msp", "admin"), r)
					return errs.KindOf(o.err) != errs.Unavailable
				})
				require.Equal(t, outcome{valid: true}, o, "the grant in force is good")
			}
		})
	}
}

func TestASlowWriterUsesTheNewerTokenSet(t *testing.T) {
	t.Parallel()
	b, microsoft := setupLogin(t)
	b.connect("msp")
	replicas := b.three()
	b.clock.advance(2 * time.Hour)
	answered, release := make(chan struct{}), make(chan struct{})
	var answers atomic.Int32
	var mu sync.Mutex
	var late string
	microsoft.on(func(_ url.Values, answer map[string]any) {
		if answers.Add(1) > 1 {
			return
		}
		mu.Lock()
		late, _ = answer["refresh_token"].(string)
		mu.Unlock()
		close(answered)
		<-release
	})
	slow := make(chan outcome, 1)
	go func() { slow <- validate(person(t, "msp", "admin"), replicas[0]) }()
	<-answered
	pid, process := b.holder()
	require.Equal(t, "replica-0", process)
	b.cut(pid, "") // and with it the lock; the slow one does not notice
	require.Equal(t, outcome{valid: true}, validate(person(t, "msp", "admin"), replicas[1]))
	newer := b.force("msp")
	close(release)
	require.Equal(t, outcome{valid: true}, <-slow, "it goes on with the newer set")
	require.Equal(t, newer, b.force("msp"))
	b.clock.advance(16 * time.Minute)
	require.NoError(t, b.parts.Sweep.Do(t.Context()))
	store := postgres.NewSecrets(b.db.Pool("connection"), b.box, b.clock.now)
	stored, err := store.GetSecret(b.within("msp"), connection.SetDirect, newer)
	require.NoError(t, err)
	grant, err := connection.DecodeGrant(stored)
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	require.NotEmpty(t, late)
	require.NotEqual(t, late, grant.RefreshToken.Reveal())
	var versions int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM secrets WHERE tenant_id = 'msp'`).Scan(&versions))
	require.Equal(t, 1, versions, "what the slow one wrote belongs to nobody and was swept")
}

func TestACallerThatLeavesAbortsNoRefresh(t *testing.T) {
	t.Parallel()
	b, microsoft := setupLogin(t)
	b.connect("msp")
	before := b.force("msp")
	b.clock.advance(2 * time.Hour)
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	answered, release := make(chan struct{}), make(chan struct{})
	microsoft.on(func(url.Values, map[string]any) { close(answered); <-release })
	hurried, leave := context.WithCancel(person(t, "msp", "admin"))
	gone, waiting := make(chan outcome, 1), make(chan outcome, 1)
	go func() { gone <- validate(hurried, b.replica) }()
	<-answered
	go func() { waiting <- validate(person(t, "msp", "admin"), b.replica) }()
	leave()
	require.Equal(t, errs.Cancelled, errs.KindOf((<-gone).err))
	close(release)
	require.Equal(t, outcome{valid: true}, <-waiting)
	require.Equal(t, 1, b.sim.requests("login.token", ""))
	require.NotEqual(t, before, b.force("msp"))
}

func TestARefreshWithoutCallersIsAbortedAtTheEnd(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	b := setupOn(t, sim)
	b.connect("msp")
	r := b.replicaNamed("ends")
	b.clock.advance(2 * time.Hour)
	b.sim.fault(map[string]any{"kind": "slow", "route": "login.token", "delayMillis": 600_000})
	told := make(chan outcome, 1)
	go func() { told <- validate(person(t, "msp", "admin"), r) }()
	eventually(t, "the refresh has begun", func() bool { pid, _ := b.holder(); return pid != 0 })
	r.parts.Tokens.Close()
	require.Equal(t, errs.Unavailable, errs.KindOf(rejected(<-told)), "who still waits may come again")
	pid, _ := b.holder()
	require.Zero(t, pid)
	require.Equal(t, errs.Unavailable, errs.KindOf(rejected(validate(person(t, "msp", "admin"), r))), "nothing begins any more")
}

// rejected is an outcome's error, also where it was stored as a failed validation.
func rejected(o outcome) error {
	if o.err == nil && !o.valid {
		return errs.New(errs.Unavailable, o.code, "")
	}
	return o.err
}

func TestARejectedTokenIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.sim.admin(http.MethodPost, "access-tokens/expire", map[string]any{}, nil)
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	require.Equal(t, outcome{valid: true}, validate(person(t, "msp", "admin"), b.replica))
	require.Equal(t, 1, b.sim.requests("login.token", ""))
	require.Equal(t, 1, b.sim.requests("graph.relationships", ""), "the route is known once the token is good")

	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 401})
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	require.Equal(t, outcome{code: "auth_rejected"}, validate(person(t, "msp", "admin"), b.replica))
	require.Equal(t, 1, b.sim.requests("login.token", ""), "a token that is rejected anew is not refreshed again")
}

func TestATokenIsRefreshedAMinuteBeforeItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	b.clock.advance(58 * time.Minute) // of 3,599 s
	require.Equal(t, outcome{valid: true}, validate(person(t, "msp", "admin"), b.replica))
	require.Zero(t, b.sim.requests("login.token", ""))
	b.clock.advance(time.Minute + 15*time.Second)
	require.Equal(t, outcome{valid: true}, validate(person(t, "msp", "admin"), b.replica))
	require.Equal(t, 1, b.sim.requests("login.token", ""))
}

func TestTheOldRefreshTokenIsKeptWhenNoneComesBack(t *testing.T) {
	t.Parallel()
	b, microsoft := setupLogin(t)
	b.connect("msp")
	var mu sync.Mutex
	var sent []string
	microsoft.on(func(form url.Values, answer map[string]any) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, form.Get("refresh_token"))
		delete(answer, "refresh_token")
		delete(answer, "scope")
	})
	scope := b.parts.UseCases.Show
	before, err := scope.Do(b.within("msp"))
	require.NoError(t, err)
	for range 3 {
		b.clock.advance(2 * time.Hour)
		require.Equal(t, outcome{valid: true}, validate(person(t, "msp", "admin"), b.replica))
	}
	after, err := scope.Do(b.within("msp"))
	require.NoError(t, err)
	require.Equal(t, before.Scope, after.Scope)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, sent, 3)
	require.NotEmpty(t, sent[0])
	require.Equal(t, []string{sent[0], sent[0], sent[0]}, sent)
}

// TestSlowRefreshesHoldUpNoPerson: what people do needs nothing of Microsoft's sign-in.
func TestSlowRefreshesHoldUpNoPerson(t *testing.T) {
	t.Parallel()
	b, microsoft := setupLogin(t)
	ids := []tenant.ID{"t0", "t1", "t2", "t3", "t4", "t5"}
	for _, id := range append(ids, "other") {
		b.connect(id)
	}
	b.clock.advance(2 * time.Hour)
	asked, release := make(chan struct{}, len(ids)), make(chan struct{})
	microsoft.on(func(url.Values, map[string]any) { asked <- struct{}{}; <-release })
	outcomes := make(chan outcome, len(ids))
	for _, id := range ids {
		go func() { outcomes <- validate(person(t, id, "admin"), b.replica) }()
	}
	for range ids {
		<-asked
	}
	resp, err := b.public.Disconnect(person(t, "other", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	require.Equal(t, "disconnected", resp.GetStatus())
	_, err = b.public.SetCredentials(person(t, "other", "admin"), &connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret})
	require.NoError(t, err)
	close(release)
	for range ids {
		require.Equal(t, outcome{valid: true}, <-outcomes)
	}
}

func TestCustomerTokensAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	ctx := b.inside("msp")
	read := func() error {
		_, err := b.discovery.GetTenantDetails(ctx, &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
		return err
	}
	before := b.status("msp")
	const readers = 10
	failures := make(chan error, readers)
	for range readers {
		go func() { failures <- read() }()
	}
	for range readers {
		require.NoError(t, <-failures)
	}
	require.Equal(t, 1, b.sim.requests("login.token", managed[0].TenantID))
	b.clock.advance(59*time.Minute + 30*time.Second)
	require.NoError(t, read())
	require.Equal(t, 2, b.sim.requests("login.token", managed[0].TenantID), "a minute before its end it is not used any more")
	require.Equal(t, before.GetConnectedAt().AsTime(), b.status("msp").GetConnectedAt().AsTime())
	var versions int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM secrets`).Scan(&versions))
	require.Equal(t, 1, versions, "the partner's own set was not touched")
}

func TestADisconnectReachesEveryReplica(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	other := b.replicaNamed("other")
	details := func(r replica) error {
		_, err := r.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
		return err
	}
	require.NoError(t, details(other))
	_, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	require.Equal(t, "not_connected", errs.ReasonOf(details(other)), "its cached token is not used")
	require.Zero(t, b.sim.requests("graph.organization", ""))
	var secrets int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM secrets`).Scan(&secrets))
	require.Zero(t, secrets)

	b.connect("msp")
	require.NoError(t, details(other), "reconnecting resumes")
	require.Equal(t, 1, b.sim.requests("login.token", managed[0].TenantID), "with a token of the new connection")
}
