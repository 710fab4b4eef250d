package server_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func TestBrokenUsersOnTheWire(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[2] // 3 users
	token := b.customer(tenant)
	for _, kind := range []string{"missing-id", "long-name", "invalid-utf8", "nul", "sql-name", "duplicate-id"} {
		b.admin(http.MethodPost, "/tenants/"+tenant.ID+"/broken", map[string]string{"kind": kind})
	}
	a := b.get(token, "/v1.0/users?$select=id,displayName&$top=999")
	rows := a.rows(t)
	require.Len(t, rows, 9)
	require.NotContains(t, rows[3], "id")
	require.Equal(t, 300, utf8.RuneCountInString(rows[4]["displayName"].(string)))
	require.True(t, bytes.Contains(a.raw, []byte("Zo\xeb Latin-1 \xc3\x28")))
	require.True(t, bytes.Contains(a.raw, []byte(`Null\u0000Character`)))
	require.Equal(t, `Robert'); DROP TABLE contacts;-- "Bobby" \ Tables`, rows[7]["displayName"])
	require.Equal(t, rows[0]["id"], rows[8]["id"])
	require.NotEqual(t, rows[0]["displayName"], rows[8]["displayName"])
}

func TestAdministratorChangesUsers(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	list := b.admin(http.MethodGet, "/tenants/"+tenant.DefaultDomain()+"/users?limit=2", nil).json
	require.Len(t, list["users"], 2)
	user := list["users"].([]any)[1].(map[string]any)
	change := func(kind string, set map[string]any) {
		b.admin(http.MethodPost, "/changes", map[string]any{"kind": kind, "tenant": tenant.ID, "user": user["userPrincipalName"], "set": set})
	}
	read := func() answer {
		return b.get(token, "/v1.0/users/"+user["id"].(string)+"?$select=displayName,accountEnabled,mail,employeeType")
	}
	change("edit", map[string]any{"accountEnabled": false, "displayName": "Someone Else", "mail": nil, "employeeType": "Contractor"})
	require.Equal(t, false, read().json["accountEnabled"])
	require.Equal(t, "Someone Else", read().json["displayName"])
	require.Nil(t, read().json["mail"])
	require.Equal(t, "Contractor", read().json["employeeType"])
	change("delete", nil)
	requireGraphError(t, read(), http.StatusNotFound, "Request_ResourceNotFound")
	b.admin(http.MethodPost, "/changes", map[string]any{"kind": "restore", "tenant": tenant.ID, "user": user["id"]})
	require.Equal(t, http.StatusOK, read().status)
	b.admin(http.MethodPost, "/changes", map[string]any{"changes": []any{map[string]any{"kind": "grow", "tenant": tenant.ID, "count": 500}}})
	require.Equal(t, "538", string(b.get(token, "/v1.0/users/$count", "ConsistencyLevel", "eventual").raw))

	bad := b.do(b.request(http.MethodPost, "/admin/changes", bytes.NewReader([]byte(`{"kind":"edit","tenant":"nowhere"}`))))
	require.Equal(t, http.StatusNotFound, bad.status)
	bad = b.do(b.request(http.MethodPost, "/admin/changes", bytes.NewReader([]byte(`{"kind":"edit","tenent":"x"}`))))
	require.Equal(t, http.StatusBadRequest, bad.status)
}

func TestMSPRecordsAreStreamed(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	for path, want := range map[string]int{"/msp/clients": 7, "/msp/contacts": 0} {
		lines := 0
		for s := bufio.NewScanner(bytes.NewReader(b.admin(http.MethodGet, path, nil).raw)); s.Scan(); {
			require.True(t, bytes.HasPrefix(s.Bytes(), []byte(`{"externalId":"`)))
			lines++
		}
		require.Positive(t, lines)
		if want > 0 {
			require.Equal(t, want, lines)
		}
	}
}

func TestOrderedFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	_, refresh := b.connect()
	order := func(f server.Fault) {
		b.admin(http.MethodDelete, "/faults", nil)
		b.admin(http.MethodPost, "/faults", f)
	}
	order(server.Fault{Kind: "status", Route: "graph.*", Status: 504})
	requireGraphError(t, b.get(token, "/v1.0/users"), 504, "GatewayTimeout")
	order(server.Fault{Kind: "status", Route: "graph.users", Percent: 50})
	failed := 0
	for range 10 {
		if b.get(token, "/v1.0/users").status == http.StatusServiceUnavailable {
			failed++
		}
	}
	require.Equal(t, 5, failed)
	order(server.Fault{Kind: "expired-page-token", Route: "graph.users", Skip: 1, Times: 1})
	next := b.get(token, "/v1.0/users?$top=20").json["@odata.nextLink"].(string)
	requireGraphError(t, b.get(token, next), http.StatusBadRequest, "Directory_ExpiredPageToken")
	require.Equal(t, http.StatusOK, b.get(token, next).status)
	order(server.Fault{Kind: "oauth-error", Route: "login.token", Tenant: tenant.ID, AADSTS: 53003})
	requireOAuthError(t, b.token(tenant.ID, refreshForm(refresh, graphDefault)), 400, "invalid_grant", "53003")
	require.Equal(t, http.StatusOK, b.token("organizations", refreshForm(refresh, graphDefault)).status)
	order(server.Fault{Kind: "oauth-error", Route: "login.token", AADSTS: 90033})
	requireOAuthError(t, b.token("organizations", refreshForm(refresh, graphDefault)), 400, "temporarily_unavailable", "90033")
	order(server.Fault{Kind: "malformed", Route: "graph.users"})
	require.Nil(t, b.get(token, "/v1.0/users").json)
	order(server.Fault{Kind: "truncate", Route: "graph.users", AfterBytes: 100})
	require.Len(t, b.get(token, "/v1.0/users").raw, 100)
	order(server.Fault{Kind: "empty-listing", Route: "graph.*"})
	partner, _ := b.connect()
	for bearer, targets := range map[string][]string{
		token:   {"/v1.0/users", "/v1.0/users?$top=5", "/v1.0/users/delta", "/v1.0/groups"},
		partner: {"/v1.0/tenantRelationships/delegatedAdminRelationships", "/v1.0/contracts"},
	} {
		for _, target := range targets {
			rows, pages, _ := b.all(bearer, target)
			require.Empty(t, rows, target)
			require.Equal(t, 1, pages, target)
		}
	}
	order(server.Fault{Kind: "slow", Route: "graph.users", DelayMillis: 30})
	began := time.Now()
	require.Equal(t, http.StatusOK, b.get(token, "/v1.0/users").status)
	require.GreaterOrEqual(t, time.Since(began), 30*time.Millisecond)
	order(server.Fault{Kind: "cut", Route: "graph.users", AfterBytes: 300})
	res, err := b.http.Do(b.request(http.MethodGet, "/v1.0/users", nil, "Authorization", "Bearer "+token))
	require.NoError(t, err)
	_, err = io.ReadAll(res.Body)
	require.Error(t, err)
	require.NoError(t, res.Body.Close())
	require.Len(t, b.admin(http.MethodGet, "/faults", nil).json["faults"], 1)
}
