package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func cippForm(scope string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {cippID}, "client_secret": {cippSecret}, "scope": {scope}}
}

const cippScope = "api://" + cippID + "/.default"

func (b *bundle) cippToken() string {
	b.t.Helper()
	a := b.postToken(b.fleet.Partner().ID, cippForm(cippScope))
	require.Equal(b.t, http.StatusOK, a.status, "%s", a.raw)
	require.NotContains(b.t, a.json, "refresh_token")
	return a.json["access_token"].(string)
}

func (b *bundle) cipp(token, endpoint string, query url.Values) answer {
	b.t.Helper()
	return b.get(token, "/cipp/api/"+endpoint+"?"+query.Encode())
}

func list(t *testing.T, raw []byte) []map[string]any {
	t.Helper()
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(raw, &rows), "%.200s", raw)
	return rows
}

func requireText(t *testing.T, a answer, status int, text string) {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.raw)
	require.Equal(t, text, string(a.raw))
	require.Equal(t, "text/plain; charset=utf-8", a.header.Get("Content-Type"))
}

func TestCIPPWantsAGoodToken(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	good := b.cippToken()
	graph, _ := b.connect()
	forGraph := b.postToken(b.fleet.Partner().ID, cippForm(graphDefault)).json["access_token"].(string)
	for _, token := range []string{"", "static-key", graph, forGraph, good[:len(good)-2] + "xx"} {
		a := b.cipp(token, "me", nil)
		requireText(t, a, http.StatusUnauthorized, "You do not have permission to view this directory or page.")
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer ")
	}
	me := b.cipp(good, "me", nil)
	require.Equal(t, http.StatusOK, me.status)
	require.Equal(t, cippID, me.json["clientPrincipal"].(map[string]any)["appId"])
	requireOAuthError(t, b.postToken(b.fleet.Customers()[0].ID, cippForm(cippScope)), 400, "unauthorized_client", "700016")
	requireOAuthError(t, b.postToken("common", cippForm(cippScope)), 400, "invalid_request", "50059")
	requireOAuthError(t, b.postToken(b.fleet.Partner().ID, cippForm("api://"+clientID+"/.default")), 400, "invalid_resource", "500011")
	b.clock.Advance(time.Hour)
	require.Equal(t, http.StatusUnauthorized, b.cipp(good, "me", nil).status)
}

func TestCIPPTenants(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	token := b.cippToken()
	rows := list(t, b.cipp(token, "ListTenants", nil).raw)
	require.Len(t, rows, 13, "12 are managed, one has lapsed and is excluded")
	excluded := 0
	for _, row := range rows {
		tenant, ok := b.fleet.Tenant(row["customerId"].(string))
		require.True(t, ok)
		require.Equal(t, tenant.DefaultDomain(), row["defaultDomainName"])
		require.Equal(t, tenant.InitialDomain(), row["initialDomainName"])
		require.Equal(t, "granularDelegatedAdminPrivileges", row["delegatedPrivilegeStatus"])
		end, err := time.Parse(time.RFC3339, row["relationshipEnd"].(string))
		require.NoError(t, err)
		if row["Excluded"] == true {
			excluded++
			require.True(t, end.Before(b.clock.Now()))
			continue
		}
		require.True(t, end.After(b.clock.Now()))
	}
	require.Equal(t, 1, excluded)
	one := b.fleet.Customers()[0]
	require.Len(t, list(t, b.cipp(token, "listtenants", url.Values{"TenantFilter": {one.DefaultDomain()}}).raw), 1)
	all := list(t, b.cipp(token, "ListTenants", url.Values{"AllTenantSelector": {"true"}}).raw)
	require.Equal(t, "AllTenants", all[0]["customerId"])

	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "cipp-tenants-failed", Times: 1})
	failed := b.cipp(token, "ListTenants", nil)
	require.Equal(t, http.StatusOK, failed.status, "a failure is no error to CIPP")
	rows = list(t, failed.raw)
	require.Len(t, rows, 1)
	require.Empty(t, rows[0]["customerId"])
	b.admin(http.MethodPost, "/cipp", server.CIPPSettings{Excluded: []string{one.DefaultDomain()}, PartnerListed: true})
	rows = list(t, b.cipp(token, "ListTenants", nil).raw)
	require.Len(t, rows, 13)
	require.Equal(t, "*Partner Tenant", rows[0]["displayName"])
	requireText(t, b.cipp(token, "ListUsers", url.Values{"tenantFilter": {one.ID}}), http.StatusInternalServerError,
		"Not allowed. You cannot manage your own tenant or tenants not under your scope")
}

func TestCIPPUsersInOneBody(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	token := b.cippToken()
	tenant := b.fleet.Customers()[1] // 1,200 users, more than a page of Graph
	byID := b.cipp(token, "ListUsers", url.Values{"tenantFilter": {tenant.ID}}).raw
	byDomain := b.cipp(token, "ListUsers", url.Values{"tenantFilter": {tenant.DefaultDomain()}}).raw
	require.True(t, bytes.Equal(byID, byDomain), "the id and the domain name the same tenant")
	rows := list(t, byID)
	require.Len(t, rows, 1200)
	users := map[string]map[string]any{}
	for _, row := range rows {
		users[row["id"].(string)] = row
	}
	require.Len(t, users, 1200)
	for u := range b.fleet.Users(tenant.Index) {
		row := users[u.ID]
		_, computed := row["primDomain"]
		require.True(t, computed, u.ID)
		_, isBool := row["onPremisesSyncEnabled"].(bool)
		require.True(t, isBool, "CIPP makes null false")
	}
	for _, filter := range []string{"", "nobody.example", b.fleet.Partner().ID, b.fleet.Customers()[13].ID} {
		requireText(t, b.cipp(token, "ListUsers", url.Values{"tenantFilter": {filter}}), http.StatusInternalServerError,
			"Not allowed. You cannot manage your own tenant or tenants not under your scope")
	}
	require.NotContains(t, list(t, b.cipp(token, "ListUsers", url.Values{"tenantFilter": {"AllTenants"}}).raw)[0], "id")
	requireText(t, b.cipp(token, "ListNothing", nil), http.StatusNotFound, "Endpoint not found")
}

func TestCIPPGraphRequestPages(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	token := b.cippToken()
	tenant := b.fleet.Customers()[0]
	query := func(more ...string) url.Values {
		q := url.Values{"tenantFilter": {tenant.ID}, "Endpoint": {"users"}, "$select": {"id,displayName"}, "$top": {"999"}, "manualPagination": {"true"}}
		for i := 0; i+1 < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return q
	}
	ids, pages, link := map[string]bool{}, 0, ""
	for {
		a := b.cipp(token, "ListGraphRequest", query("nextLink", link))
		require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
		pages++
		for _, row := range a.json["Results"].([]any) {
			row := row.(map[string]any)
			require.Equal(t, []any{tenant.ID, "Good"}, []any{row["Tenant"], row["CippStatus"]})
			require.Len(t, row, 4)
			ids[row["id"].(string)] = true
		}
		next, more := a.json["Metadata"].(map[string]any)["nextLink"].(string)
		if !more {
			break
		}
		require.Contains(t, next, "https://graph.microsoft.com/beta/users?")
		link = next
	}
	require.Equal(t, 3, pages)
	require.Len(t, ids, 2000)

	whole := query()
	whole.Del("manualPagination")
	require.Len(t, b.cipp(token, "ListGraphRequest", whole).json["Results"], 2000, "without manualPagination all pages come")
	requireText(t, b.cipp(token, "ListGraphRequest", query("$top", "1000")), http.StatusBadRequest,
		"Graph Error: Invalid page size specified: '1000'. Must be between 1 and 999 inclusive. - Endpoint: users")
	requireText(t, b.cipp(token, "ListGraphRequest", query("tenantFilter", "nobody.example")), http.StatusBadRequest,
		"Graph Error: Not allowed. You cannot manage your own tenant or tenants not under your scope - Endpoint: users")
	require.Equal(t, http.StatusBadRequest, b.cipp(token, "ListGraphRequest", query("nextLink", b.base+"/v1.0/users")).status)
	require.Equal(t, http.StatusBadRequest, b.cipp(token, "ListGraphRequest", query("Endpoint", "contracts")).status)
	require.Equal(t, http.StatusInternalServerError, b.cipp(token, "ListGraphRequest", query("manualPagination", "yes")).status)
	queued := b.cipp(token, "ListGraphRequest", query("tenantFilter", "AllTenants"))
	require.Equal(t, http.StatusOK, queued.status)
	require.Empty(t, queued.json["Results"])
	require.Equal(t, true, queued.json["Metadata"].(map[string]any)["Queued"])

	link = b.cipp(token, "ListGraphRequest", query()).json["Metadata"].(map[string]any)["nextLink"].(string)
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "expired-page-token", Route: "cipp.graph", Times: 1})
	require.Contains(t, string(b.cipp(token, "ListGraphRequest", query("nextLink", link)).raw), "has expired")
	require.Equal(t, http.StatusOK, b.cipp(token, "ListGraphRequest", query("nextLink", link)).status)
	b.clock.Advance(2 * time.Hour)
	old := b.cipp(b.cippToken(), "ListGraphRequest", query("nextLink", link))
	require.Equal(t, http.StatusBadRequest, old.status)
	require.Contains(t, string(old.raw), "has expired")
}

// An empty page between others leaves nobody out: its link leads to the rows that
// would have stood there.
func TestAnEmptyPageOfCIPPLeadsOn(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.cippToken()
	tenant := b.fleet.Customers()[0]
	want := map[string]bool{}
	for u := range b.fleet.Users(tenant.Index) {
		want[u.ID] = true
	}
	for _, before := range []int{0, 1, 2} { // pages
		b.admin(http.MethodPost, "/faults", server.Fault{Kind: "empty-page", Route: "cipp.graph", Skip: before, Times: 2})
		query := url.Values{"tenantFilter": {tenant.ID}, "Endpoint": {"users"}, "$select": {"id"}, "$top": {"5"}, "manualPagination": {"true"}}
		got, empty := map[string]bool{}, 0
		for {
			a := b.cipp(token, "ListGraphRequest", query)
			require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
			rows := a.json["Results"].([]any)
			for _, row := range rows {
				id := row.(map[string]any)["id"].(string)
				require.False(t, got[id], "nobody comes twice")
				got[id] = true
			}
			next, more := a.json["Metadata"].(map[string]any)["nextLink"].(string)
			if !more {
				break
			}
			if len(rows) == 0 {
				empty++
			}
			require.NotEqual(t, query.Get("nextLink"), next, "one's own link is how older releases end a listing")
			query.Set("nextLink", next)
		}
		require.Equal(t, 2, empty, before)
		require.Equal(t, want, got, before)
		b.admin(http.MethodDelete, "/faults", nil)
	}
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "empty-page", Route: "cipp.graph", Times: 1})
	whole := url.Values{"tenantFilter": {tenant.ID}, "Endpoint": {"users"}, "$select": {"id"}, "$top": {"5"}}
	require.Len(t, b.cipp(token, "ListGraphRequest", whole).json["Results"], len(want), "where all pages come in one body too")
}

func TestCIPPFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	token := b.cippToken()
	tenant := b.fleet.Customers()[11] // 3 users
	order := func(f server.Fault) {
		b.admin(http.MethodDelete, "/faults", nil)
		b.admin(http.MethodPost, "/faults", f)
	}
	users := url.Values{"tenantFilter": {tenant.ID}}
	graph := url.Values{"tenantFilter": {tenant.ID}, "Endpoint": {"users"}, "manualPagination": {"true"}, "$top": {"2"}}
	order(server.Fault{Kind: "cipp-graph-error", Tenant: tenant.ID, Message: "Could not get token: AADSTS65001"})
	requireText(t, b.cipp(token, "ListUsers", users), http.StatusInternalServerError, "Could not get token: AADSTS65001")
	requireText(t, b.cipp(token, "ListGraphRequest", graph), http.StatusBadRequest, "Graph Error: Could not get token: AADSTS65001 - Endpoint: users")
	order(server.Fault{Kind: "status", Route: "cipp.*", Status: 403})
	requireText(t, b.cipp(token, "ListUsers", users), http.StatusForbidden,
		"Access to this CIPP API endpoint is not allowed, the API Client does not have the required permission")
	order(server.Fault{Kind: "status", Route: "cipp.users", Status: 404})
	requireText(t, b.cipp(token, "ListUsers", users), http.StatusNotFound, "Endpoint not found")
	order(server.Fault{Kind: "throttle", Route: "cipp.users", RetryAfterSeconds: 3})
	throttled := b.cipp(token, "ListUsers", users)
	requireText(t, throttled, http.StatusTooManyRequests, "Too Many Requests")
	require.Equal(t, "3", throttled.header.Get("Retry-After"))
	order(server.Fault{Kind: "empty-listing", Route: "cipp.*"})
	for _, a := range []answer{b.cipp(token, "ListUsers", users), b.cipp(token, "ListTenants", nil)} {
		require.Equal(t, http.StatusOK, a.status)
		require.JSONEq(t, "[]", string(a.raw))
	}
	require.Empty(t, b.cipp(token, "ListGraphRequest", graph).json["Results"])
	order(server.Fault{Kind: "cipp-queued", Route: "cipp.graph"})
	require.Equal(t, true, b.cipp(token, "ListGraphRequest", graph).json["Metadata"].(map[string]any)["Queued"])
	order(server.Fault{Kind: "cipp-repeat-link", Route: "cipp.graph"})
	link := b.cipp(token, "ListGraphRequest", graph).json["Metadata"].(map[string]any)["nextLink"].(string)
	graph.Set("nextLink", link)
	require.Equal(t, link, b.cipp(token, "ListGraphRequest", graph).json["Metadata"].(map[string]any)["nextLink"])
	b.admin(http.MethodDelete, "/faults", nil)
	b.admin(http.MethodPost, "/cipp", server.CIPPSettings{Blocked: []string{tenant.ID}})
	requireText(t, b.cipp(token, "ListUsers", users), http.StatusForbidden, "Access to this tenant is not allowed")
	counts := b.admin(http.MethodGet, "/requests", nil).json["routes"].(map[string]any)
	require.Contains(t, counts, "cipp.users")
}

func TestCIPPStartsCold(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.cippToken()
	took := func() time.Duration {
		began := time.Now()
		require.Equal(t, http.StatusOK, b.cipp(token, "me", nil).status)
		return time.Since(began)
	}
	const cold = 3 * time.Second // no busy machine takes that long when it is warm
	b.admin(http.MethodPost, "/cipp", server.CIPPSettings{ColdStartMillis: int(cold.Milliseconds()), IdleSeconds: 600})
	require.GreaterOrEqual(t, took(), cold)
	b.clock.Advance(cold)
	require.Less(t, took(), cold)
	b.clock.Advance(10 * time.Minute)
	require.GreaterOrEqual(t, took(), cold, "idle again")
}
