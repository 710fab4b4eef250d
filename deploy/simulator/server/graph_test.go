package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/graphtypes"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func requireGraphError(t *testing.T, a answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.raw)
	e, ok := a.json["error"].(map[string]any)
	require.True(t, ok, "%s", a.raw)
	require.Equal(t, code, e["code"])
	inner := e["innerError"].(map[string]any)
	require.Equal(t, a.header.Get("request-id"), inner["request-id"])
	require.NotEmpty(t, inner["date"])
	require.NotEmpty(t, inner["client-request-id"])
}

func TestGraphWantsAGoodToken(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	access, _ := b.connect()
	pc := "https://api.partnercenter.microsoft.com/user_impersonation"
	form := codeForm(b.code(pc))
	form.Set("scope", pc)
	foreign := b.token("organizations", form).json["access_token"].(string)
	for _, token := range []string{"", "nonsense", "a.b.c", access[:len(access)-2] + "xx", foreign} {
		a := b.get(token, "/v1.0/organization")
		requireGraphError(t, a, http.StatusUnauthorized, "InvalidAuthenticationToken")
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer ")
	}
	require.Equal(t, http.StatusOK, b.get(access, "/v1.0/organization").status)
	b.admin(http.MethodPost, "/access-tokens/expire", map[string]any{})
	requireGraphError(t, b.get(access, "/v1.0/organization"), http.StatusUnauthorized, "InvalidAuthenticationToken")
	access, _ = b.connect()
	b.clock.Advance(time.Hour)
	requireGraphError(t, b.get(access, "/v1.0/organization"), http.StatusUnauthorized, "InvalidAuthenticationToken")
}

func TestTenantsDoNotMix(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	mine, other := b.fleet.Customers()[0], b.fleet.Customers()[1]
	token, otherToken := b.customer(mine), b.customer(other)
	own, _ := b.fleet.At(mine.Index, 5)
	foreign, _ := b.fleet.At(other.Index, 5)
	require.Equal(t, http.StatusOK, b.get(token, "/v1.0/users/"+own.ID).status)
	requireGraphError(t, b.get(token, "/v1.0/users/"+foreign.ID), http.StatusNotFound, "Request_ResourceNotFound")
	page := b.get(otherToken, "/v1.0/users?$top=2")
	requireGraphError(t, b.get(token, page.json["@odata.nextLink"].(string)), http.StatusBadRequest, "Request_BadRequest")
	_, _, last := b.all(otherToken, "/v1.0/users/delta")
	requireGraphError(t, b.get(token, last.json["@odata.deltaLink"].(string)), http.StatusBadRequest, "Request_BadRequest")
	requireGraphError(t, b.get(token, "/v1.0/tenantRelationships/delegatedAdminRelationships"), http.StatusForbidden, "Authorization_RequestDenied")
	// Also a customer that consented to it does not see the partner's customers.
	b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": mine.ID, "delegated": []string{"Directory.Read.All", "DelegatedAdminRelationship.Read.All"}})
	token = b.customer(mine)
	for _, target := range []string{"/v1.0/contracts", "/v1.0/tenantRelationships/delegatedAdminRelationships"} {
		requireGraphError(t, b.get(token, target), http.StatusForbidden, "Authorization_RequestDenied")
	}
	// By itself the app may list relationships, but customers only with a person.
	app := b.token(b.fleet.Partner().ID, url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}}).json["access_token"].(string)
	require.Equal(t, http.StatusOK, b.get(app, "/v1.0/tenantRelationships/delegatedAdminRelationships").status)
	requireGraphError(t, b.get(app, "/v1.0/tenantRelationships/delegatedAdminCustomers"), http.StatusForbidden, "Authorization_RequestDenied")
}

func TestHeadersOfGraph(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	a := b.get(token, "/v1.0/users?$select=id&$top=999", "client-request-id", "mine-1")
	require.NotEmpty(t, a.header.Get("request-id"))
	require.Equal(t, "mine-1", a.header.Get("client-request-id"))
	require.Equal(t, "1", a.header.Get("x-ms-resource-unit"))
	require.Equal(t, "2", b.get(token, "/v1.0/users").header.Get("x-ms-resource-unit"))
	require.True(t, strings.HasPrefix(a.header.Get("Content-Type"), "application/json;odata.metadata=minimal"))
}

func TestUsersAreStrict(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	for target, message := range map[string]string{
		"/v1.0/users?$top=1000":                                   "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
		"/v1.0/users?$top=0":                                      "Invalid page size specified: '0'",
		"/v1.0/users?$top=x":                                      "Invalid value 'x'",
		"/v1.0/users?$select=id,shoeSize":                         "Could not find a property named 'shoeSize' on type 'microsoft.graph.user'.",
		"/v1.0/users?$orderby=displayName":                        "'$orderby'",
		"/v1.0/users?$count=true":                                 "$count is not currently supported.",
		"/v1.0/users/$count":                                      "$count is not currently supported.",
		"/v1.0/users?$filter=shoeSize eq 4":                       "Invalid filter",
		"/v1.0/users?$skiptoken=abc":                              "page token",
		"/v1.0/users/delta?$top=5":                                "'$top'",
		"/v1.0/users/delta?$deltatoken=abc":                       "Badly formed token",
		"/v1.0/users/delta?$deltatoken=abc&$select=id":            "encoded in the token",
		"/v1.0/tenantRelationships/delegatedAdminCustomers?$top=": "",
	} {
		a := b.get(token, target)
		if message == "" {
			require.Equal(t, http.StatusForbidden, a.status)
			continue
		}
		requireGraphError(t, a, http.StatusBadRequest, "Request_BadRequest")
		require.Contains(t, string(a.raw), message, target)
	}
	for _, filter := range []string{"userType ne 'Guest'", "endswith(mail,'.uk')", "not(startswith(mail,'a'))", "assignedLicenses/$count ne 0"} {
		target := "/v1.0/users?$filter=" + strings.ReplaceAll(filter, " ", "%20")
		requireGraphError(t, b.get(token, target), http.StatusBadRequest, "Request_UnsupportedQuery")
		a := b.get(token, target+"&$count=true", "ConsistencyLevel", "eventual")
		require.Equal(t, http.StatusOK, a.status)
		require.EqualValues(t, len(a.rows(t)), a.json["@odata.count"])
	}
	requireGraphError(t, b.get(token, "/v1.0/tenantRelationships/managedTenants/tenants"), http.StatusBadRequest, "BadRequest")
	requireGraphError(t, b.get(token, "/v1.0/unheard"), http.StatusBadRequest, "BadRequest")
	next := b.get(token, "/v1.0/users?$select=id,mail&$top=5").json["@odata.nextLink"].(string)
	requireGraphError(t, b.get(token, strings.Replace(next, "mail", "city", 1)), http.StatusBadRequest, "Request_BadRequest")
	b.clock.Advance(2 * time.Hour)
	requireGraphError(t, b.get(b.customer(b.fleet.Customers()[0]), next), http.StatusBadRequest, "Directory_ExpiredPageToken")
}

func TestDefaultProperties(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	row := b.get(token, "/v1.0/users?$top=1").rows(t)[0]
	require.Len(t, row, 11)
	require.NotContains(t, row, "accountEnabled", "only when selected")
	require.Len(t, b.get(token, "/v1.0/users").rows(t), 38)
	counted := b.get(token, "/v1.0/users?$count=true&$top=20", "ConsistencyLevel", "eventual")
	require.EqualValues(t, 38, counted.json["@odata.count"])
	counted = b.get(token, counted.json["@odata.nextLink"].(string), "ConsistencyLevel", "eventual")
	require.Len(t, counted.rows(t), 18)
	require.NotContains(t, counted.json, "@odata.count", "the first page alone tells it")
	require.Equal(t, "38", string(b.get(token, "/v1.0/users/$count", "ConsistencyLevel", "eventual").raw))
	require.True(t, strings.HasPrefix(b.get(token, "/v1.0/users/$count", "ConsistencyLevel", "eventual").header.Get("Content-Type"), "text/plain"))
}

func TestPagingIsCompleteUnderChanges(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	tenant := b.fleet.Customers()[7] // 180 users
	token := b.customer(tenant)
	rapid.Check(t, func(rt *rapid.T) {
		top := rapid.IntRange(10, 400).Draw(rt, "top")
		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		before := map[string]bool{}
		for u := range b.fleet.Users(tenant.Index) {
			before[u.ID] = true
		}
		removed := map[string]bool{}
		var order []int
		target := fmt.Sprintf("%s/v1.0/users?$select=id&$top=%d", b.base, top)
		seen := map[string]bool{}
		for target != "" {
			a := b.quick(token, target)
			require.Equal(t, http.StatusOK, a.status)
			for _, row := range a.rows(t) {
				id := row["id"].(string)
				require.False(t, seen[id], "no row twice")
				seen[id] = true
				slot, ok := b.fleet.Find(tenant.Index, id)
				require.True(t, ok)
				order = append(order, slot)
			}
			target, _ = a.json["@odata.nextLink"].(string)
			// Somebody goes, somebody comes, somebody is renamed.
			victim, gone := b.fleet.At(tenant.Index, random.IntN(b.fleet.Slots(tenant.Index)))
			if gone == fleet.Present {
				b.apply(fleet.Change{Kind: fleet.Edit, Tenant: tenant.ID, User: victim.ID, Set: map[string]json.RawMessage{"displayName": json.RawMessage(`"Renamed"`)}})
				b.apply(fleet.Change{Kind: fleet.Delete, Tenant: tenant.ID, User: victim.ID})
				removed[victim.ID] = true
				b.apply(fleet.Change{Kind: fleet.Grow, Tenant: tenant.ID, Count: 1})
			}
		}
		require.IsIncreasing(t, order)
		for id := range before {
			require.True(t, seen[id] || removed[id], "nobody is lost")
		}
	})
}

// The same seed gives the same bytes, whichever process serves them.
func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	serve := func(seed uint64) string {
		f, err := fleet.New(fleet.Config{Size: fleet.Small, Seed: seed, Year: 2026})
		require.NoError(t, err)
		now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
		s, err := server.New(server.Config{Fleet: f, Now: func() time.Time { return now }, Apps: []server.App{{ID: clientID, Secret: clientSecret}}})
		require.NoError(t, err)
		ask := func(method, target, body, token string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			return w
		}
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {clientID}, "client_secret": {clientSecret}}
		var token struct {
			AccessToken string `json:"access_token"`
		}
		raw := ask(http.MethodPost, "/"+f.Customers()[0].ID+"/oauth2/v2.0/token", form.Encode(), "").Body.Bytes()
		require.NoError(t, json.Unmarshal(raw, &token))
		return ask(http.MethodGet, "/v1.0/users?$top=999&$select="+allProperties(), "", token.AccessToken).Body.String()
	}
	require.Equal(t, serve(1), serve(1))
	require.NotEqual(t, serve(1), serve(2))
}

// allProperties are the properties of a user that User.Read.All reads, as $select wants them: all
// but when people signed in.
func allProperties() string {
	names := []string{"id", "deletedDateTime"}
	for name := range graphtypes.Types["microsoft.graph.user"].Properties {
		if name != "signInActivity" {
			names = append(names, name)
		}
	}
	slices.Sort(names) // two processes ask for the same bytes
	return strings.Join(names, ",")
}

func TestBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	first, _ := b.fleet.At(tenant.Index, 0)
	send := func(n int) answer {
		items := []map[string]any{}
		for i := range n {
			item := map[string]any{"id": fmt.Sprint(i), "method": "GET", "url": "/users/" + first.ID + "?$select=id"}
			switch i {
			case 1:
				item["url"] = "/users/$count"
				item["headers"] = map[string]string{"ConsistencyLevel": "eventual"}
			case 2:
				item["url"] = "/users/nobody"
			}
			items = append(items, item)
		}
		return b.do(b.request(http.MethodPost, "/v1.0/$batch", strings.NewReader(string(mustJSON(t, map[string]any{"requests": items}))), "Authorization", "Bearer "+token, "Content-Type", "application/json"))
	}
	a := send(20)
	require.Equal(t, http.StatusOK, a.status)
	byID := map[string]map[string]any{}
	for _, r := range a.json["responses"].([]any) {
		byID[r.(map[string]any)["id"].(string)] = r.(map[string]any)
	}
	require.Len(t, byID, 20)
	require.EqualValues(t, 200, byID["0"]["status"])
	require.Equal(t, first.ID, byID["0"]["body"].(map[string]any)["id"])
	require.Equal(t, "38", byID["1"]["body"], "text is a string in a batch")
	require.EqualValues(t, 404, byID["2"]["status"])
	require.Equal(t, http.StatusBadRequest, send(21).status)

	items := `{"requests":[{"id":"1","method":"GET","url":"/users/nobody"},{"id":"2","method":"GET","url":"/organization","dependsOn":["1"]},{"id":"3","method":"GET","url":"/organization"}]}`
	chained := b.do(b.request(http.MethodPost, "/v1.0/$batch", strings.NewReader(items), "Authorization", "Bearer "+token, "Content-Type", "application/json"))
	statuses := map[string]float64{}
	for _, r := range chained.json["responses"].([]any) {
		statuses[r.(map[string]any)["id"].(string)] = r.(map[string]any)["status"].(float64)
	}
	require.Equal(t, map[string]float64{"1": 404, "2": 424, "3": 200}, statuses)
	for _, wrong := range []string{strings.ReplaceAll(items, `"3"`, `"1"`), strings.Replace(items, `["1"]`, `["3"]`, 1), `{"requests":[]}`, `[`} {
		a := b.do(b.request(http.MethodPost, "/v1.0/$batch", strings.NewReader(wrong), "Authorization", "Bearer "+token, "Content-Type", "application/json"))
		requireGraphError(t, a, http.StatusBadRequest, "BadRequest")
	}

	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "throttle", Route: "graph.user", Skip: 3, Times: 1, RetryAfterSeconds: 7})
	throttled := 0
	for _, r := range send(5).json["responses"].([]any) {
		item := r.(map[string]any)
		if item["status"].(float64) == 429 {
			throttled++
			require.NotEmpty(t, item["headers"].(map[string]any)["Retry-After"])
		}
	}
	require.Positive(t, throttled, "each item is throttled on its own")
}

func TestManagedTenants(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	token, _ := b.connect()
	rows, pages, _ := b.all(token, "/v1.0/tenantRelationships/delegatedAdminRelationships?$filter=status%20eq%20'active'&$top=5")
	require.Len(t, rows, 14)
	require.Equal(t, 3, pages)
	tenants, transition := map[string]int{}, 0
	for _, r := range rows {
		if strings.HasPrefix(r["displayName"].(string), "MLT_") {
			transition++
			continue
		}
		tenants[r["customer"].(map[string]any)["tenantId"].(string)]++
	}
	require.Len(t, tenants, 12)
	require.Equal(t, 1, transition)
	require.Equal(t, 2, tenants[b.fleet.Customers()[2].ID])
	all, _, _ := b.all(token, "/v1.0/tenantRelationships/delegatedAdminRelationships?$top=300")
	require.Len(t, all, 15, "one has expired")
	requireGraphError(t, b.get(token, "/v1.0/tenantRelationships/delegatedAdminRelationships?$top=301"), http.StatusBadRequest, "Request_BadRequest")
	contracts, _, _ := b.all(token, "/v1.0/contracts")
	require.Len(t, contracts, 13, "one customer has none")
	customers, _, _ := b.all(token, "/v1.0/tenantRelationships/delegatedAdminCustomers")
	require.Len(t, customers, 13)
	lighthouse, _, _ := b.all(token, "/beta/tenantRelationships/managedTenants/tenants")
	require.Len(t, lighthouse, 13)
	me := b.get(token, "/v1.0/me")
	require.Equal(t, http.StatusOK, me.status)
	org := b.get(b.customer(b.fleet.Customers()[3]), "/v1.0/organization").rows(t)[0]
	initial, byDefault := 0, 0
	for _, d := range org["verifiedDomains"].([]any) {
		if d.(map[string]any)["isInitial"].(bool) {
			initial++
		}
		if d.(map[string]any)["isDefault"].(bool) {
			byDefault++
		}
	}
	require.Equal(t, []int{1, 1}, []int{initial, byDefault})
	require.Len(t, org["verifiedDomains"], 3)
}

func TestGroupMembers(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	group := b.fleet.Groups(tenant.Index)[1]
	target := "/v1.0/groups/" + group.ID + "/transitiveMembers/microsoft.graph.user?$select=id&$count=true"
	requireGraphError(t, b.get(token, target), http.StatusBadRequest, "Request_BadRequest")
	rows, _, last := b.all(token, target, "ConsistencyLevel", "eventual")
	require.Len(t, rows, 4)
	require.EqualValues(t, 4, last.json["@odata.count"])
	require.Equal(t, "4", last.header.Get("x-ms-resource-unit"))
	page := b.get(token, target+"&$top=3", "ConsistencyLevel", "eventual")
	require.EqualValues(t, 4, page.json["@odata.count"])
	next := page.json["@odata.nextLink"].(string)
	require.Len(t, b.get(token, next, "ConsistencyLevel", "eventual").rows(t), 1)
	require.NotContains(t, b.get(token, next, "ConsistencyLevel", "eventual").json, "@odata.count", "the first page alone tells the count")
	requireGraphError(t, b.get(token, next), http.StatusBadRequest, "Request_UnsupportedQuery")
	staff, enabled := b.fleet.Groups(tenant.Index)[0], 0
	for u := range b.fleet.Members(tenant.Index, staff) {
		if u.AccountEnabled.Or(false) {
			enabled++
		}
	}
	require.Less(t, enabled, b.fleet.MemberCount(tenant.Index, staff))
	filtered := strings.Replace(target, group.ID, staff.ID, 1) + "&$filter=accountEnabled eq true"
	require.EqualValues(t, enabled, b.get(token, filtered+"&$top=3", "ConsistencyLevel", "eventual").json["@odata.count"], "all that match, not the page")
	rows, _, _ = b.all(token, filtered, "ConsistencyLevel", "eventual")
	require.Len(t, rows, enabled)
	u, _ := b.fleet.At(tenant.Index, 1)
	b.apply(fleet.Change{Kind: fleet.Member, Tenant: tenant.ID, User: u.ID, Group: group.ID})
	rows, _, _ = b.all(token, target, "ConsistencyLevel", "eventual")
	require.Len(t, rows, 5)
	requireGraphError(t, b.get(token, "/v1.0/groups/"+u.ID), http.StatusNotFound, "Request_ResourceNotFound")
}

// A batch that does not say that it is JSON is not read.
func TestABatchIsJSON(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	send := func(kind string) answer {
		r := b.request(http.MethodPost, "/v1.0/$batch", strings.NewReader(`{"requests":[{"id":"1","method":"GET","url":"/organization"}]}`), "Authorization", "Bearer "+token)
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		return b.do(r)
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/mixed; boundary=x", ";"} {
		requireGraphError(t, send(kind), http.StatusBadRequest, "BadRequest")
	}
	for _, kind := range []string{"application/json", "Application/JSON; charset=utf-8", "application/json;odata.metadata=minimal"} {
		require.Equal(t, http.StatusOK, send(kind).status, kind)
	}
}
