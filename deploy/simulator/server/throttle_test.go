package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func (b *bundle) early() float64 {
	b.t.Helper()
	return b.admin(http.MethodGet, "/requests", nil).json["earlyRetries"].(float64)
}

func TestThrottleStorm(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token, other := b.customer(tenant), b.customer(b.fleet.Customers()[1])
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "throttle", Route: "graph.users", Tenant: tenant.ID, Times: 1, RetryAfterSeconds: 5})
	a := b.get(token, "/v1.0/users")
	requireGraphError(t, a, http.StatusTooManyRequests, "TooManyRequests")
	require.Equal(t, "429", a.json["error"].(map[string]any)["innerError"].(map[string]any)["code"])
	require.Equal(t, "5", a.header.Get("Retry-After"))
	require.Equal(t, "Tenant_Application/ReadWrite/"+clientID+"/"+tenant.ID, a.header.Get("x-ms-throttle-scope"))
	require.Equal(t, "ResourceUnitLimitExceeded", a.header.Get("x-ms-throttle-information"))
	require.Equal(t, http.StatusTooManyRequests, b.get(token, "/v1.0/me").status)
	require.Zero(t, b.early(), "that one was under way when the other was refused")
	require.Equal(t, http.StatusTooManyRequests, b.get(token, "/v1.0/users").status)
	require.EqualValues(t, 1, b.early(), "the same again is a retry")
	b.clock.Advance(3 * time.Second)
	early := b.get(token, "/v1.0/organization")
	requireGraphError(t, early, http.StatusTooManyRequests, "TooManyRequests")
	require.Equal(t, "4", early.header.Get("Retry-After"), "each early retry prolongs the wait")
	require.Equal(t, http.StatusOK, b.get(other, "/v1.0/users").status, "another tenant goes on")
	b.clock.Advance(4 * time.Second)
	require.Equal(t, http.StatusOK, b.get(token, "/v1.0/users", "x-ms-throttle-priority", "Low").status)
	counts := b.admin(http.MethodGet, "/requests", nil).json
	require.EqualValues(t, 2, counts["earlyRetries"])
	users := counts["routes"].(map[string]any)["graph.users"].(map[string]any)
	require.EqualValues(t, 4, users["requests"])
	require.EqualValues(t, 2, users["byStatus"].(map[string]any)["429"])
	require.EqualValues(t, 3, users["byTenant"].(map[string]any)[tenant.ID])
	require.Equal(t, map[string]any{"normal": 3.0, "low": 1.0}, users["byPriority"])
}

// A header in date form names a full second, and whoever waits for it is in time.
func TestRetryAfterAsADate(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	b.clock.Advance(700 * time.Millisecond)
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "throttle", Route: "graph.users", Times: 1, RetryAfterSeconds: 2, RetryAfterDate: true, NoCode: true})
	a := b.get(token, "/v1.0/users")
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Empty(t, a.json["error"].(map[string]any)["code"])
	until, err := http.ParseTime(a.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Equal(t, b.clock.Now().Add(2300*time.Millisecond), until.UTC())
	b.clock.Advance(until.Sub(b.clock.Now()))
	require.Equal(t, http.StatusOK, b.get(token, "/v1.0/users").status)
	require.Zero(t, b.early())
}

// Ninety of a hundred are refused while it lasts, and not one after.
func TestStormOfNinetyPercent(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "throttle", Route: "graph.*", Percent: 90, ForSeconds: 30, RetryAfterSeconds: 1})
	refused := 0
	for range 30 {
		a := b.get(token, "/v1.0/users")
		if a.status == http.StatusTooManyRequests {
			refused++
		}
		b.clock.Advance(time.Second)
	}
	require.Equal(t, 27, refused)
	require.Zero(t, b.early(), "who waits is never early")
	for range 20 {
		require.Equal(t, http.StatusOK, b.get(token, "/v1.0/users").status)
	}
}

func TestDocumentedLimitsHold(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[2])
	// 38 users and fewer: 3,500 resource units in 10 s, 1 each.
	used := ""
	ask := func(headers ...string) answer {
		a := b.quick(token, "/v1.0/organization", headers...)
		for a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "1" { // also 2,000 requests a second for the app
			require.True(t, strings.HasPrefix(a.header.Get("x-ms-throttle-scope"), "Application/ReadWrite/"+clientID+"/"))
			b.clock.Advance(time.Second)
			a = b.quick(token, "/v1.0/organization", headers...)
		}
		return a
	}
	for i := range 3150 {
		a := ask()
		require.Equal(t, http.StatusOK, a.status)
		used = a.header.Get("x-ms-throttle-limit-percentage")
		require.Equal(t, i+1 > 2800, used != "", "from above 0.8 on only: %d", i)
	}
	require.Equal(t, "0.90", used)
	low := ask("x-ms-throttle-priority", "low")
	requireGraphError(t, low, http.StatusTooManyRequests, "TooManyRequests")
	for range 350 {
		a := ask("x-ms-throttle-priority", "high")
		require.Equal(t, http.StatusOK, a.status, "low is shed first")
		used = a.header.Get("x-ms-throttle-limit-percentage")
	}
	require.Equal(t, "1.00", used)
	a := ask("x-ms-throttle-priority", "high")
	requireGraphError(t, a, http.StatusTooManyRequests, "TooManyRequests")
	require.True(t, strings.HasPrefix(a.header.Get("x-ms-throttle-scope"), "Tenant_Application/"))
	require.EqualValues(t, 1, b.admin(http.MethodGet, "/requests", nil).json["peakUse"].(map[string]any)["tenant"])
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	b.clock.Advance(time.Duration(wait) * time.Second)
	require.Equal(t, http.StatusOK, ask().status)
	b.admin(http.MethodPost, "/throttle", map[string]any{})
	require.Empty(t, b.admin(http.MethodGet, "/requests", nil).json["peakUse"])
}

// A refusal of the whole app holds in every tenant until its time has come,
// also where nothing was asked before, and for that app alone.
func TestRefusalOfTheAppHoldsInEveryTenant(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenants := b.fleet.Customers()[:3]
	tokens := []string{b.customer(tenants[0]), b.customer(tenants[1]), b.customer(tenants[2])}
	const target = "/v1.0/organization"
	refused := func(tenant int, target, kind, wait string) {
		t.Helper()
		a := b.quick(tokens[tenant], target)
		requireGraphError(t, a, http.StatusTooManyRequests, "TooManyRequests")
		require.Equal(t, kind+"/ReadWrite/"+clientID+"/"+tenants[tenant].ID, a.header.Get("x-ms-throttle-scope"))
		require.Equal(t, wait, a.header.Get("Retry-After"))
	}
	exhaust := func(tenant, left int) {
		t.Helper()
		for range left {
			require.Equal(t, http.StatusOK, b.quick(tokens[tenant], target).status)
		}
		refused(tenant, target, "Application", "1")
	}
	exhaust(0, 2000)
	refused(1, target, "Application", "1")
	require.Zero(t, b.early(), "what another tenant asks is no repetition")
	b.clock.Advance(600 * time.Millisecond)
	refused(1, "/v1.0/me", "Application", "2")
	require.EqualValues(t, 1, b.early(), "by then the app knows")
	b.clock.Advance(900 * time.Millisecond)
	refused(2, "/v1.0/me", "Application", "2")
	const other = "another-app"
	b.admin(http.MethodPost, "/apps", server.App{ID: other, Name: other, Secret: "s"})
	form := appOnly()
	form.Set("client_id", other)
	form.Set("client_secret", "s")
	require.Equal(t, http.StatusOK, b.quick(b.token(tenants[0].ID, form).json["access_token"].(string), "/v1.0/users").status)
	b.clock.Advance(1500 * time.Millisecond)
	require.Equal(t, http.StatusOK, b.quick(tokens[2], target).status)

	// Of two refusals the longer one is told.
	b.clock.Advance(10 * time.Second)
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "throttle", Route: "graph.users", Tenant: tenants[0].ID, Times: 1, RetryAfterSeconds: 5})
	refused(0, "/v1.0/users", "Tenant_Application", "5")
	exhaust(1, 1999)
	refused(0, target, "Tenant_Application", "5")
	b.clock.Advance(time.Second)
	require.Equal(t, http.StatusOK, b.quick(tokens[1], target).status)
	refused(0, "/v1.0/me", "Tenant_Application", "5")
}

// The costs of requests are the documented ones, and the budget grows with
// the directory.
func TestResourceUnits(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	partner, _ := b.connect()
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	group := b.fleet.Groups(tenant.Index)[1].ID
	members := "/v1.0/groups/" + group + "/transitiveMembers/microsoft.graph.user?$count=true"
	for target, want := range map[string]string{
		"/v1.0/users": "2", "/v1.0/users?$top=19": "1", "/v1.0/users?$top=20": "2", "/v1.0/users?$select=id": "1", "/v1.0/users?$select=id&$top=5": "1",
		"/v1.0/users/delta": "1", "/v1.0/organization": "1", members: "5", members + "&$select=id": "4",
	} {
		a := b.get(token, target, "ConsistencyLevel", "eventual")
		require.Equal(t, http.StatusOK, a.status, "%s: %s", target, a.raw)
		require.Equal(t, want, a.header.Get("x-ms-resource-unit"), target)
	}
	require.Equal(t, "3", b.get(partner, "/v1.0/contracts").header.Get("x-ms-resource-unit"))
	require.Equal(t, "1", b.get(partner, "/v1.0/tenantRelationships/delegatedAdminRelationships").header.Get("x-ms-resource-unit"))
	for _, directory := range b.fleet.Customers()[:12] { // of 3 to 2,000 users
		budget := 8000.0
		switch {
		case directory.Generated < 50:
			budget = 3500
		case directory.Generated <= 500:
			budget = 5000
		}
		b.admin(http.MethodPost, "/throttle", map[string]any{})
		b.get(b.customer(directory), "/v1.0/users")
		require.InDelta(t, 2/budget, b.admin(http.MethodGet, "/requests", nil).json["peakUse"].(map[string]any)["tenant"], 1e-9)
	}
}

func TestPageSizesOfTheLists(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	partner, _ := b.connect()
	token := b.customer(b.fleet.Customers()[0])
	for target, largest := range map[string]int{
		"/v1.0/users": 999, "/v1.0/groups": 999, "/v1.0/contracts": 999, "/v1.0/tenantRelationships/delegatedAdminCustomers": 300,
		"/v1.0/tenantRelationships/delegatedAdminRelationships": 300, "/beta/tenantRelationships/managedTenants/tenants": 300,
	} {
		bearer := partner
		if target == "/v1.0/users" || target == "/v1.0/groups" {
			bearer = token
		}
		require.Equal(t, http.StatusOK, b.get(bearer, fmt.Sprintf("%s?$top=%d", target, largest)).status, target)
		a := b.get(bearer, fmt.Sprintf("%s?$top=%d", target, largest+1))
		requireGraphError(t, a, http.StatusBadRequest, "Request_BadRequest")
		require.Equal(t, fmt.Sprintf("Invalid page size specified: '%d'. Must be between 1 and %d inclusive.", largest+1, largest), a.json["error"].(map[string]any)["message"])
	}
}

func TestPartnerCenterTakesFiftyASecond(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	const scope = "https://api.partnercenter.microsoft.com/user_impersonation"
	form := codeForm(b.code(scope))
	form.Set("scope", scope)
	token := b.token("organizations", form).json["access_token"].(string)
	target := "/v1/customers/" + url.PathEscape(b.fleet.Customers()[0].ID) + "/applicationconsents"
	ask := func() answer {
		return b.do(b.request(http.MethodPost, target, strings.NewReader("{}"), "Authorization", "Bearer "+token))
	}
	for range 50 {
		require.Equal(t, http.StatusBadRequest, ask().status)
	}
	a := ask()
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	b.clock.Advance(time.Second)
	require.Equal(t, http.StatusBadRequest, ask().status)
}
