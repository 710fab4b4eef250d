package main

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

func TestOneRefreshForManyCallers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.clock.advance(2 * time.Hour)
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	replicas := []replica{b.replica}
	for range 2 {
		pool, err := pg.Open(t.Context(), b.db.URLFor("connection"), pg.Options{Context: "connection", MaxConns: poolSize})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		replicas = append(replicas, b.start(pool))
	}
	for _, r := range replicas { // so that nobody comes late for want of a connection
		_, err := r.internal.GetConnection(person(t, "msp", "admin"), &connectionv1.GetConnectionRequest{})
		require.NoError(t, err)
	}
	// Long enough for all to be under way before the first is through.
	b.sim.fault(map[string]any{"kind": "slow", "route": "login.token", "delayMillis": 2500})
	const callers = 20
	var wg sync.WaitGroup
	failures := make(chan error, callers)
	for i := range callers {
		r := replicas[i%len(replicas)]
		wg.Go(func() {
			resp, err := r.public.ValidateDirect(person(t, "msp", "admin"), &connectionv1.ValidateDirectRequest{})
			if err == nil && !resp.GetValid() {
				err = errs.New(errs.Internal, resp.GetError().GetCode(), "not valid")
			}
			failures <- err
		})
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.Equal(t, 1, b.sim.requests("login.token", ""))
	require.Equal(t, callers, b.sim.requests("graph.relationships", ""))
}

func TestARejectedTokenIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.sim.admin(http.MethodPost, "access-tokens/expire", map[string]any{}, nil)
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	resp, err := b.public.ValidateDirect(person(t, "msp", "admin"), &connectionv1.ValidateDirectRequest{})
	require.NoError(t, err)
	require.True(t, resp.GetValid())
	require.Equal(t, 1, b.sim.requests("login.token", ""))
	require.Equal(t, 1, b.sim.requests("graph.relationships", ""), "the route is known once the token is good")
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
