package servicetest

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// TestAFailedListOfCIPPIsNoList: 200 with a row without an id must not read as a
// partner without customers.
func TestAFailedListOfCIPPIsNoList(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	require.NoError(t, b.saveCIPP("msp", b.good()))
	tenants, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	require.NotEmpty(t, tenants)
	for _, fault := range []map[string]any{
		{"kind": "cipp-tenants-failed"},
		{"kind": "body", "body": `[{"customerId":"` + tenants[0].GetEntraTenantId() + `"},{"customerId":null}]`},
		{"kind": "body", "body": `{"Results":"Failed"}`},
		{"kind": "body", "body": `null`},
		{"kind": "body", "body": `[{"customerId":"AllTenants"}]`},
		{"kind": "truncate", "afterBytes": 200},
	} {
		fault["route"] = "cipp.tenants"
		b.sim.fault(fault)
		got, err := b.managedTenants(b.inside("msp"))
		require.Equal(t, "upstream_error", errs.ReasonOf(err), fault)
		require.Empty(t, got)
		b.sim.heal()
	}
}

func TestListingsThroughCIPP(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	require.NoError(t, b.saveCIPP("msp", b.good()))
	_, managed := b.sim.directories()
	large := largest(managed)
	list := func(link string) (listed, error) {
		return b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: large.TenantID, DeltaLink: link})
	}
	fault := func(kind string, more map[string]any) {
		f := map[string]any{"kind": kind, "route": "cipp.graph", "tenant": large.TenantID}
		for k, v := range more {
			f[k] = v
		}
		b.sim.fault(f)
	}
	undisturbed, err := list("")
	require.NoError(t, err)
	everybody := ids(undisturbed.users)
	whole := func(l listed, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, everybody, ids(l.users))
		require.Len(t, l.users, large.Users, "none twice")
		require.True(t, l.completed.GetFull())
	}
	for _, order := range map[string]func(){
		"an empty page first":      func() { fault("empty-page", map[string]any{"times": 1}) },
		"empty pages between":      func() { fault("empty-page", map[string]any{"skip": 1, "times": 3}) },
		"a link given back":        func() { fault("cipp-repeat-link", nil) },
		"two that were dropped":    func() { fault("drop", map[string]any{"times": 2}) },
		"a page that was cut":      func() { fault("cut", map[string]any{"times": 1, "skip": 1, "afterBytes": 3000}) },
		"busy for a moment":        func() { fault("status", map[string]any{"status": 503, "times": 2, "retryAfterSeconds": 1}) },
		"a token that was refused": func() { fault("status", map[string]any{"status": 401, "times": 1}) },
		"a cold start":             func() { b.sim.admin(http.MethodPost, "cipp", map[string]any{"coldStartMillis": 1500}, nil) },
	} {
		order()
		whole(list(""))
		b.sim.heal()
	}
	fault("expired-page-token", map[string]any{"skip": 1, "times": 1})
	l, err := list("")
	whole(l, err)
	require.Len(t, l.restarts, 1)
	require.Equal(t, "page_token_expired", l.restarts[0].GetReason())
	fault("expired-page-token", nil)
	l, err = list("")
	require.Equal(t, "upstream_error", errs.ReasonOf(err), "it ends")
	require.Len(t, l.restarts, 3)
	require.Nil(t, l.completed)
	b.sim.heal()

	// A link from the time when the connection was direct is no use here.
	l, err = list(b.sim.base + "/v1.0/users/delta?$deltatoken=x")
	whole(l, err)
	require.True(t, l.restarts[0].GetFull())
	count, err := b.engine.CountUsers(b.inside("msp"), &connectionv1.CountUsersRequest{EntraTenantId: large.TenantID})
	require.NoError(t, err)
	require.EqualValues(t, large.Users, count.GetUserCount())
}

func TestOneCIPPTokenForManyCallers(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	require.NoError(t, b.saveCIPP("msp", b.good()))
	before := b.sim.requests("login.token", "")
	var callers sync.WaitGroup
	failures := make(chan error, 20)
	for range cap(failures) {
		callers.Go(func() {
			stream, err := b.discovery.ListManagedTenants(b.inside("msp"), &connectionv1.ListManagedTenantsRequest{})
			if err == nil {
				_, err = all(t, stream)
			}
			failures <- err
		})
	}
	callers.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.Equal(t, 1, b.sim.requests("login.token", "")-before)
	b.clock.advance(time.Hour - 30*time.Second) // it would end on the way
	_, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	require.Equal(t, 2, b.sim.requests("login.token", "")-before)
}
