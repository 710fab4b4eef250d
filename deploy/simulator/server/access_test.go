package server_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func appOnly() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}}
}

// An app by itself gets in where it was consented to, and does what it has roles for.
func TestAppOnlyNeedsConsentInTheTenant(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	consent := func(body map[string]any) {
		body["clientId"], body["tenant"] = clientID, tenant.ID
		b.admin(http.MethodPost, "/consents", body)
	}
	consent(map[string]any{})
	requireOAuthError(t, b.token(tenant.ID, appOnly()), 400, "unauthorized_client", "700016")
	consent(map[string]any{"delegated": []string{"User.Read.All"}})
	a := b.token(tenant.ID, appOnly())
	require.Equal(t, http.StatusOK, a.status, "the app is there, without a role")
	requireGraphError(t, b.get(a.json["access_token"].(string), "/v1.0/users"), http.StatusForbidden, "Authorization_RequestDenied")
	consent(map[string]any{"roles": []string{"User.Read.All"}})
	a = b.token(tenant.ID, appOnly())
	require.NotContains(t, a.json, "refresh_token")
	require.Equal(t, http.StatusOK, b.get(a.json["access_token"].(string), "/v1.0/users").status)
	for _, authority := range []string{"common", "organizations"} {
		requireOAuthError(t, b.token(authority, appOnly()), 400, "invalid_request", "50059")
	}
}

// Consent to named scopes is for people. Roles come by ".default" alone, which
// stands for all that the registration asks for.
func TestAdminConsentGivesRolesByDefaultAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	_, refresh := b.connect()
	tenant := b.fleet.Customers()[0]
	b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": tenant.ID})
	consent := func(scope string) url.Values {
		q := url.Values{"client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {"s"}, "scope": {scope}}
		a := b.do(b.request(http.MethodGet, "/"+tenant.ID+"/v2.0/adminconsent?"+q.Encode(), nil))
		require.Equal(t, http.StatusFound, a.status, "%s", a.raw)
		to, err := url.Parse(a.header.Get("Location"))
		require.NoError(t, err)
		return to.Query()
	}
	statusOf := func(form url.Values, target string) int {
		a := b.token(tenant.ID, form)
		require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
		return b.get(a.json["access_token"].(string), target).status
	}
	requireNothing := func() {
		t.Helper()
		requireOAuthError(t, b.token(tenant.ID, refreshForm(refresh, graphDefault)), 400, "invalid_grant", "65001")
	}
	requireNothing()
	none := consent("")
	require.Equal(t, "invalid_request", none.Get("error"))
	require.Contains(t, none.Get("error_description"), "'scope'")
	requireNothing()
	require.Equal(t, "True", consent("https://api.partnercenter.microsoft.com/.default").Get("admin_consent"))
	require.Equal(t, http.StatusForbidden, statusOf(appOnly(), "/v1.0/users"), "a consent to something else")

	require.Equal(t, "True", consent("https://graph.microsoft.com/User.Read.All openid").Get("admin_consent"))
	require.Equal(t, http.StatusOK, statusOf(refreshForm(refresh, graphDefault), "/v1.0/users"))
	require.Equal(t, http.StatusForbidden, statusOf(refreshForm(refresh, graphDefault), "/v1.0/groups"), "it was not asked for")
	require.Equal(t, http.StatusForbidden, statusOf(appOnly(), "/v1.0/users"), "the app has no role")

	require.Equal(t, "True", consent(graphDefault).Get("admin_consent"))
	for _, target := range []string{"/v1.0/users", "/v1.0/groups", "/v1.0/organization"} {
		require.Equal(t, http.StatusOK, statusOf(appOnly(), target), target)
	}
	require.Equal(t, http.StatusOK, statusOf(refreshForm(refresh, graphDefault), "/v1.0/groups"))
}

func TestPoliciesOfACustomer(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state.jsonl")
	b := setupWith(t, fleet.Tiny, state, true)
	_, refresh := b.connect()
	tenant, other := b.fleet.Customers()[0], b.fleet.Customers()[1]
	redeem := func(authority string) answer { return b.token(authority, refreshForm(refresh, graphDefault)) }
	set := func(tenant string, aadsts int) {
		b.admin(http.MethodPost, "/conditional-access", map[string]any{"tenant": tenant, "aadsts": aadsts})
	}
	for _, number := range []int{53003, 530032, 530034, 500212, 500213, 50074, 50076, 50079} {
		set(tenant.ID, number)
		a := redeem(tenant.ID)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Equal(t, "invalid_grant", a.json["error"])
		require.EqualValues(t, number, a.json["error_codes"].([]any)[0])
		require.Equal(t, http.StatusOK, redeem(other.ID).status)
		require.Equal(t, http.StatusOK, redeem("organizations").status)
	}
	require.Equal(t, http.StatusOK, b.token(tenant.ID, appOnly()).status, "people are meant, not apps")
	set(tenant.ID, 0)
	require.Equal(t, http.StatusOK, redeem(tenant.ID).status)
	set(b.fleet.Partner().ID, 50076)
	requireOAuthError(t, redeem("organizations"), 400, "invalid_grant", "50076")
	require.Equal(t, http.StatusOK, redeem(tenant.ID).status)

	user, _ := b.fleet.At(0, 0)
	member := func(tenant string, in bool) {
		b.admin(http.MethodPost, "/gdap", map[string]any{"user": user.UserPrincipalName.Value, "tenant": tenant, "member": in})
	}
	member(tenant.ID, false)
	requireOAuthError(t, redeem(tenant.ID), 400, "invalid_grant", "50020")
	require.Equal(t, http.StatusOK, redeem(other.ID).status)
	member("", false)
	requireOAuthError(t, redeem(other.ID), 400, "invalid_grant", "50020")
	member(tenant.ID, true)
	require.Equal(t, http.StatusOK, redeem(tenant.ID).status)

	grants := b.admin(http.MethodGet, "/requests", nil).json["routes"].(map[string]any)["login.token"].(map[string]any)["byGrant"].(map[string]any)
	require.EqualValues(t, 1, grants["authorization_code"])
	require.EqualValues(t, 1, grants["client_credentials"])
	require.Greater(t, grants["refresh_token"], 20.0)

	again := setupWith(t, fleet.Tiny, state, true)
	requireOAuthError(t, again.token(other.ID, refreshForm(refresh, graphDefault)), 400, "invalid_grant", "50020")
	requireOAuthError(t, again.token("organizations", refreshForm(refresh, graphDefault)), 400, "invalid_grant", "50076")
}

// An ordered failure strikes the partner's authority or one customer's alone.
func TestOrderedLoginErrors(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	_, refresh := b.connect()
	tenant := b.fleet.Customers()[0]
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "oauth-error", Route: "login.token", Tenant: b.fleet.Partner().ID, AADSTS: 700082})
	for _, authority := range []string{"organizations", "common", b.fleet.Partner().ID} {
		requireOAuthError(t, b.token(authority, refreshForm(refresh, graphDefault)), 400, "invalid_grant", "700082")
	}
	require.Equal(t, http.StatusOK, b.token(tenant.ID, refreshForm(refresh, graphDefault)).status)
	b.admin(http.MethodDelete, "/faults", nil)

	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "oauth-error", Route: "login.*", AADSTS: 65004, Code: "access_denied"})
	to := b.authorize("organizations", authorizeQuery(partnerScope))
	require.Equal(t, "access_denied", to.Get("error"))
	require.Contains(t, to.Get("error_description"), "AADSTS65004")
	q := url.Values{"client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {"s"}, "scope": {graphDefault}}
	for _, decision := range []string{"", "decline"} {
		q.Set("simulator_decision", decision)
		a := b.do(b.request(http.MethodGet, "/"+tenant.ID+"/v2.0/adminconsent?"+q.Encode(), nil))
		require.Equal(t, http.StatusFound, a.status)
		where, err := url.Parse(a.header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, []string{"access_denied", "s"}, []string{where.Query().Get("error"), where.Query().Get("state")})
		require.NotContains(t, where.Query(), "admin_consent")
		b.admin(http.MethodDelete, "/faults", nil)
	}
}

func TestPartnerCenter(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	const scope = "offline_access https://api.partnercenter.microsoft.com/user_impersonation"
	form := codeForm(b.code(scope))
	form.Set("scope", scope)
	token := b.token("organizations", form).json["access_token"].(string)
	ask := func(method, path, scopes string) answer {
		body := `{"applicationId":"` + clientID + `","applicationGrants":[{"enterpriseApplicationId":"00000003-0000-0000-c000-000000000000","scope":"` + scopes + `"}]}`
		return b.do(b.request(method, "/v1/customers/"+path, strings.NewReader(body), "Authorization", "Bearer "+token))
	}
	path := tenant.ID + "/applicationconsents"
	require.Equal(t, http.StatusConflict, ask("POST", path, "User.Read.All").status, "customers begin consented")
	require.Equal(t, http.StatusNoContent, ask("DELETE", path+"/"+clientID, "").status)
	require.Equal(t, http.StatusNotFound, ask("DELETE", path+"/"+clientID, "").status)
	_, refresh := b.connect()
	requireOAuthError(t, b.token(tenant.ID, refreshForm(refresh, graphDefault)), 400, "invalid_grant", "65001")
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "consent-exists", Status: 400, Times: 1})
	exists := ask("POST", path, "User.Read.All")
	require.Equal(t, http.StatusBadRequest, exists.status)
	require.Equal(t, "Permission entry already exists.", exists.json["description"])
	require.IsType(t, "", exists.json["code"])
	require.Equal(t, http.StatusCreated, ask("POST", path, "User.Read.All,GroupMember.Read.All").status)
	require.Equal(t, http.StatusOK, b.token(tenant.ID, refreshForm(refresh, graphDefault)).status)
	require.Equal(t, http.StatusBadRequest, ask("POST", path, "Everything.Read").status)
	require.Equal(t, http.StatusForbidden, ask("POST", tenant.DefaultDomain()+"/applicationconsents", "User.Read.All").status)
	require.Equal(t, http.StatusForbidden, ask("POST", b.fleet.Partner().ID+"/applicationconsents", "User.Read.All").status)
}
