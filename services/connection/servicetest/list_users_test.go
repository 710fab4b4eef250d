package servicetest

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// listed is what a listing gave.
type listed struct {
	users     []*connectionv1.DirectoryUser
	removed   []*connectionv1.RemovedUser
	restarts  []*connectionv1.ListingRestarted
	completed *connectionv1.ListingCompleted
	pages     int
}

func (b *bundle) listUsers(ctx context.Context, req *connectionv1.ListUsersRequest) (listed, error) {
	b.t.Helper()
	stream, err := b.engine.ListUsers(ctx, req)
	require.NoError(b.t, err)
	messages, err := all(b.t, stream)
	var out listed
	for _, m := range messages {
		require.Nil(b.t, out.completed, "nothing comes after the end")
		switch e := m.GetEvent().(type) {
		case *connectionv1.ListUsersResponse_Page:
			out.pages++
			out.users, out.removed = append(out.users, e.Page.GetUsers()...), append(out.removed, e.Page.GetRemoved()...)
		case *connectionv1.ListUsersResponse_Restarted:
			out.restarts, out.users, out.removed = append(out.restarts, e.Restarted), nil, nil
		case *connectionv1.ListUsersResponse_Completed:
			out.completed = e.Completed
		}
	}
	return out, err
}

// largest is the managed tenant with the most users.
func largest(managed []directory) directory {
	return slices.MaxFunc(managed, func(a, b directory) int { return a.Users - b.Users })
}

func ids(users []*connectionv1.DirectoryUser) map[string]*connectionv1.DirectoryUser {
	out := map[string]*connectionv1.DirectoryUser{}
	for _, u := range users {
		out[u.GetEntraObjectId()] = u
	}
	return out
}

func TestListUsersAndThenChanges(t *testing.T) {
	t.Parallel()
	b, ctx, one := setupListing(t)
	full, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID, Priority: "low"})
	require.NoError(t, err)
	require.Len(t, ids(full.users), one.Users)
	require.Empty(t, full.restarts)
	require.True(t, full.completed.GetFull())
	require.NotEmpty(t, full.completed.GetDeltaLink())
	present := map[string]int{}
	for _, u := range full.users {
		require.Empty(t, u.GetDefect())
		for name, has := range map[string]bool{
			"mail": u.Mail != nil, "proxy": len(u.GetProxyAddresses().GetValues()) > 0, "licences": u.GetAssignedLicenceCount() > 0,
			"enabled": u.GetAccountEnabled(), "disabled": u.AccountEnabled != nil && !u.GetAccountEnabled(), "guest": u.GetUserType() == "Guest",
			"null mail": slices.Contains(u.GetCleared(), "mail"), "phones": len(u.GetBusinessPhones().GetValues()) > 0,
			"department": u.Department != nil,
		} {
			if has {
				present[name]++
			}
		}
	}
	for _, name := range []string{"mail", "proxy", "licences", "enabled", "disabled", "guest", "null mail", "phones", "department"} {
		require.Positive(t, present[name], name)
	}

	edited, deleted := full.users[0].GetEntraObjectId(), full.users[1].GetEntraObjectId()
	b.sim.admin(http.MethodPost, "changes", map[string]any{"changes": []map[string]any{
		{"kind": "edit", "tenant": one.TenantID, "user": edited, "set": map[string]any{"jobTitle": "Archivist", "mobilePhone": nil}},
		{"kind": "delete", "tenant": one.TenantID, "user": deleted},
	}}, nil)
	changes, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID, DeltaLink: full.completed.GetDeltaLink()})
	require.NoError(t, err)
	require.False(t, changes.completed.GetFull())
	require.NotEmpty(t, changes.completed.GetDeltaLink())
	require.Len(t, ids(changes.users), 1)
	require.Equal(t, "Archivist", ids(changes.users)[edited].GetJobTitle())
	require.Contains(t, ids(changes.users)[edited].GetCleared(), "mobile_phone")
	require.Len(t, changes.removed, 1)
	require.Equal(t, deleted, changes.removed[0].GetEntraObjectId())
	require.Equal(t, "changed", changes.removed[0].GetReason())
}

func TestListingsStartAgainWhereGraphAsksForIt(t *testing.T) {
	t.Parallel()
	b, ctx, one := setupListing(t)
	b.sim.admin(http.MethodPost, "changes", map[string]any{"kind": "grow", "tenant": one.TenantID, "count": 1500}, nil)
	one.Users += 1500 // more than one page
	full, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.NoError(t, err)
	for _, kind := range []string{"delta-expired", "delta-resync", "delta-gone"} {
		b.sim.fault(map[string]any{"kind": kind, "tenant": one.TenantID, "times": 1})
		got, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID, DeltaLink: full.completed.GetDeltaLink()})
		require.NoError(t, err, kind)
		require.Len(t, got.restarts, 1, kind)
		require.True(t, got.restarts[0].GetFull(), kind)
		require.True(t, got.completed.GetFull(), kind)
		require.Len(t, ids(got.users), one.Users, kind)
		b.sim.heal()
	}
	b.sim.fault(map[string]any{"kind": "expired-page-token", "route": "graph.users", "tenant": one.TenantID, "skip": 1, "times": 1})
	got, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.NoError(t, err)
	require.Len(t, got.restarts, 1)
	require.Equal(t, "page_token_expired", got.restarts[0].GetReason())
	require.Len(t, ids(got.users), one.Users)
	b.sim.heal()

	b.sim.fault(map[string]any{"kind": "expired-page-token", "route": "graph.users", "tenant": one.TenantID})
	got, err = b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.Equal(t, "upstream_error", errs.ReasonOf(err), "not for ever")
	require.Len(t, got.restarts, 3)
	require.Nil(t, got.completed)
}

func TestListUsersThroughTroubleOnTheWay(t *testing.T) {
	t.Parallel()
	b, ctx, one := setupListing(t)
	for _, fault := range []map[string]any{
		{"kind": "throttle", "route": "graph.users", "times": 1, "retryAfterSeconds": 1},
		{"kind": "status", "route": "graph.users", "status": 503, "times": 1, "retryAfterSeconds": 1, "retryAfterDate": true},
		{"kind": "truncate", "route": "graph.users", "times": 1, "afterBytes": 2000},
		{"kind": "cut", "route": "graph.users", "times": 1, "afterBytes": 2000},
		{"kind": "malformed", "route": "graph.users", "times": 1},
		{"kind": "empty-page", "route": "graph.users", "times": 1},
	} {
		fault["tenant"] = one.TenantID
		b.sim.fault(fault)
		got, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
		require.NoError(t, err, fault["kind"])
		require.Len(t, got.users, one.Users, "%v: each user once", fault["kind"])
		b.sim.heal()
	}
	var seen struct {
		EarlyRetries int `json:"earlyRetries"`
	}
	b.sim.admin(http.MethodGet, "requests", nil, &seen)
	require.Zero(t, seen.EarlyRetries)

	b.sim.fault(map[string]any{"kind": "throttle", "route": "graph.users", "tenant": one.TenantID, "retryAfterSeconds": 3600})
	_, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.Equal(t, "throttled", errs.ReasonOf(err))
	require.Equal(t, errs.Exhausted, errs.KindOf(err))
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, time.Hour, e.RetryAfter(), "handed back at once with the time to come again")
	require.Equal(t, "retry", e.Metadata()["class"])
	require.NotEmpty(t, e.Metadata()["request_id"])
	asked := b.sim.requests("graph.users", one.TenantID)
	_, err = b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.Equal(t, "throttled", errs.ReasonOf(err), "another run is told the same")
	require.Equal(t, asked, b.sim.requests("graph.users", one.TenantID), "without asking: it would be early")
	b.sim.heal()
	b.clock.advance(time.Hour + time.Second)

	_, err = b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.NoError(t, err)
	b.sim.admin(http.MethodPost, "access-tokens/expire", map[string]any{"tenant": one.TenantID}, nil)
	got, err := b.listUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.NoError(t, err, "a rejected token is renewed once")
	require.Len(t, got.users, one.Users)
}

func TestBrokenUsersAreMarked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one := managed[0]
	for _, kind := range []string{"missing-id", "invalid-utf8", "nul", "sql-name", "long-name"} {
		b.sim.admin(http.MethodPost, "tenants/"+one.TenantID+"/broken", map[string]any{"kind": kind}, nil)
	}
	got, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: one.TenantID})
	require.NoError(t, err)
	require.Len(t, got.users, one.Users+5)
	defects := map[string]int{}
	names := map[string]bool{}
	for _, u := range got.users {
		defects[u.GetDefect()]++
		names[u.GetDisplayName()] = true
	}
	require.Equal(t, map[string]int{"": one.Users + 3, "missing_id": 1, "invalid_utf8": 1}, defects)
	require.Contains(t, names, "Null\x00Character", "it passes as it is")
	require.Contains(t, names, `Robert'); DROP TABLE contacts;-- "Bobby" \ Tables`)
	require.Contains(t, names, "Zo\ufffd Latin-1 \ufffd(", "what could be read, as valid text")
}

func TestDirectoryFailuresKeepTheirReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "tenant": managed[0].TenantID, "aadsts": 65001})
	_, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: managed[0].TenantID})
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "consent_missing", e.Reason())
	require.Equal(t, errs.Precondition, e.Kind())
	require.Equal(t, "customer", e.Metadata()["class"])
	require.Equal(t, "65001", e.Metadata()["aadsts"])
	require.NotEmpty(t, e.Metadata()["remedy"])

	full, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{
		EntraTenantId: managed[1].TenantID, DeltaLink: "https://evil.example/v1.0/users/delta?$deltatoken=x",
	})
	require.NoError(t, err, "a link to another host is not followed, and all are listed")
	require.Len(t, full.restarts, 1)
	require.Equal(t, "delta_link_unusable", full.restarts[0].GetReason())
	require.True(t, full.restarts[0].GetFull())
	require.Len(t, ids(full.users), managed[1].Users)
	require.Contains(t, full.completed.GetDeltaLink(), b.sim.base+"/")
}
