package server_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func requireOAuthError(t *testing.T, a answer, status int, code, aadsts string) {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.raw)
	require.Equal(t, code, a.json["error"])
	require.Contains(t, a.json["error_description"], "AADSTS"+aadsts+": ")
	require.Contains(t, a.json["error_description"], "\r\nTrace ID: ")
	require.Equal(t, json.Number(aadsts).String(), json.Number(strings.TrimSuffix(strings.TrimPrefix(string(mustJSON(t, a.json["error_codes"])), "["), "]")).String())
	for _, field := range []string{"timestamp", "trace_id", "correlation_id"} {
		require.NotEmpty(t, a.json[field])
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func TestCodeGivesTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	a := b.token("organizations", codeForm(b.code(partnerScope)))
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "Bearer", a.json["token_type"])
	require.EqualValues(t, 3599, a.json["expires_in"])
	require.EqualValues(t, 3599, a.json["ext_expires_in"])
	require.Contains(t, a.json["scope"], "https://graph.microsoft.com/Directory.Read.All")
	require.NotEmpty(t, a.json["refresh_token"])
	require.Equal(t, 2, strings.Count(a.json["id_token"].(string), "."))

	bare := b.token("organizations", codeForm(b.code("https://graph.microsoft.com/User.Read")))
	require.Equal(t, http.StatusOK, bare.status)
	without := codeForm(b.code("https://graph.microsoft.com/User.Read"))
	without.Set("scope", "https://graph.microsoft.com/User.Read")
	bare = b.token("organizations", without)
	require.NotContains(t, bare.json, "refresh_token")
	require.NotContains(t, bare.json, "id_token")
}

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	_, refresh := b.connect()
	customer := b.fleet.Customers()[0].ID
	used := b.code(partnerScope)
	require.Equal(t, http.StatusOK, b.token("organizations", codeForm(used)).status)
	with := func(form url.Values, name, value string) url.Values {
		form.Set(name, value)
		return form
	}
	fresh := func() url.Values { return codeForm(b.code(partnerScope)) }
	for name, c := range map[string]struct {
		authority string
		form      url.Values
		status    int
		code      string
		number    string
	}{
		"a code twice":                {"organizations", codeForm(used), 400, "invalid_grant", "54005"},
		"an unknown code":             {"organizations", codeForm("1.Anothing"), 400, "invalid_grant", "70000"},
		"another verifier":            {"organizations", with(fresh(), "code_verifier", strings.Repeat("b", 50)), 400, "invalid_grant", "501481"},
		"no verifier":                 {"organizations", with(fresh(), "code_verifier", ""), 400, "invalid_grant", "501481"},
		"another redirect":            {"organizations", with(fresh(), "redirect_uri", redirectURI+"/x"), 400, "invalid_grant", "50011"},
		"another tenant's authority":  {customer, fresh(), 400, "invalid_grant", "700005"},
		"a wrong secret":              {"organizations", with(fresh(), "client_secret", "wrong"), 401, "invalid_client", "7000215"},
		"no secret":                   {"organizations", with(fresh(), "client_secret", ""), 401, "invalid_client", "7000218"},
		"an unknown app":              {"organizations", with(fresh(), "client_id", customer), 400, "unauthorized_client", "700016"},
		"two resources":               {"organizations", refreshForm(refresh, "https://graph.microsoft.com/User.Read https://api.partnercenter.microsoft.com/user_impersonation"), 400, "invalid_request", "28000"},
		".default with another scope": {"organizations", refreshForm(refresh, graphDefault+" https://graph.microsoft.com/User.Read"), 400, "invalid_scope", "70011"},
		"an unknown scope":            {"organizations", refreshForm(refresh, "https://graph.microsoft.com/Everything.Write"), 400, "invalid_scope", "70011"},
		"an unconsented scope":        {"organizations", refreshForm(refresh, "https://graph.microsoft.com/GroupMember.Read.All"), 400, "invalid_grant", "65001"},
		"an unknown refresh token":    {"organizations", refreshForm("x", graphDefault), 400, "invalid_grant", "70000"},
		"an unknown tenant":           {"11111111-2222-4333-8444-555555555555", refreshForm(refresh, graphDefault), 400, "invalid_request", "90002"},
		"no grant type":               {"organizations", url.Values{}, 400, "invalid_request", "900144"},
		"a password":                  {"organizations", url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type", "70003"},
		"app-only at common":          {"common", url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}}, 400, "invalid_request", "50059"},
		"app-only without .default":   {customer, url.Values{"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/User.Read.All"}}, 400, "invalid_scope", "1002012"},
		"a parameter twice":           {"organizations", url.Values{"grant_type": {"refresh_token", "refresh_token"}}, 400, "invalid_request", "90014"},
		"a token without GDAP":        {b.fleet.Customers()[12].ID, refreshForm(refresh, graphDefault), 400, "invalid_grant", "50020"},
	} {
		t.Run(name, func(t *testing.T) {
			requireOAuthError(t, b.token(c.authority, c.form), c.status, c.code, c.number)
		})
	}
	t.Run("a code after ten minutes", func(t *testing.T) {
		form := fresh()
		b.clock.Advance(11 * time.Minute)
		requireOAuthError(t, b.token("organizations", form), 400, "invalid_grant", "70008")
	})
	t.Run("a refresh token after 90 days", func(t *testing.T) {
		b.clock.Advance(91 * 24 * time.Hour)
		requireOAuthError(t, b.token("organizations", refreshForm(refresh, graphDefault)), 400, "invalid_grant", "700082")
	})
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	set := func(name, value string) url.Values {
		q := authorizeQuery(partnerScope)
		q.Set(name, value)
		return q
	}
	for _, q := range []url.Values{set("client_id", "unknown"), set("redirect_uri", "https://evil.example/")} {
		a := b.do(b.request(http.MethodGet, "/organizations/oauth2/v2.0/authorize?"+q.Encode(), nil))
		require.Equal(t, http.StatusBadRequest, a.status, "an untrusted redirect is never followed")
		require.Contains(t, string(a.raw), "AADSTS")
	}
	for code, q := range map[string]url.Values{
		"unsupported_response_type": set("response_type", "token"),
		"invalid_request":           set("code_challenge_method", "plain"),
		"invalid_scope":             set("scope", "Bogus.Permission"),
		"invalid_resource":          set("scope", "https://elsewhere.example/.default"),
		"login_required":            set("prompt", "none"),
		"access_denied":             set("simulator_decision", "decline"),
	} {
		to := b.authorize("organizations", q)
		require.Equal(t, code, to.Get("error"))
		require.Equal(t, "state-1", to.Get("state"))
		require.Empty(t, to.Get("code"))
	}
}

func TestPersonSeesTheConsentPage(t *testing.T) {
	t.Parallel()
	b := setupWith(t, fleet.Tiny, "", false)
	target := "/organizations/oauth2/v2.0/authorize?" + authorizeQuery(partnerScope).Encode()
	for _, accept := range []string{"text/html", "*/*"} {
		a := b.do(b.request(http.MethodGet, target, nil, "Accept", accept))
		require.Equal(t, http.StatusOK, a.status)
		for _, shown := range []string{"entrasync", "DelegatedAdminRelationship.Read.All", `id="accept"`, `id="decline"`} {
			require.Contains(t, string(a.raw), shown)
		}
		require.NotContains(t, string(a.raw), "refresh\"", "nothing is accepted by itself here")
	}
}

func TestBrowserIsAcceptedByItself(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	target := "/organizations/oauth2/v2.0/authorize?" + authorizeQuery(partnerScope).Encode()
	a := b.do(b.request(http.MethodGet, target, nil, "Accept", "text/html,application/xhtml+xml"))
	require.Equal(t, http.StatusOK, a.status)
	link := regexp.MustCompile(`id="accept" href="([^"]+)"`).FindSubmatch(a.raw)
	require.NotNil(t, link)
	require.Contains(t, string(a.raw), `http-equiv="refresh"`)
	a = b.do(b.request(http.MethodGet, html.UnescapeString(string(link[1])), nil, "Accept", "text/html"))
	require.Equal(t, http.StatusFound, a.status)
	require.Contains(t, a.header.Get("Location"), redirectURI+"?code=")
}

func TestCustomerAuthority(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	_, refresh := b.connect()
	tenant := b.fleet.Customers()[2] // with two relationships
	redeem := func() answer { return b.token(tenant.ID, refreshForm(refresh, graphDefault)) }
	a := redeem()
	require.Equal(t, http.StatusOK, a.status)
	require.NotContains(t, a.json, "refresh_token", "offline_access was not asked for")

	t.Run("app-only", func(t *testing.T) {
		a := b.token(tenant.DefaultDomain(), url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}})
		require.Equal(t, http.StatusOK, a.status)
		require.NotContains(t, a.json, "refresh_token")
		require.Equal(t, http.StatusOK, b.get(a.json["access_token"].(string), "/v1.0/users?$top=1").status)
		require.Equal(t, http.StatusBadRequest, b.get(a.json["access_token"].(string), "/v1.0/me").status)
	})
	t.Run("consent is revoked and given back", func(t *testing.T) {
		b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": tenant.ID})
		requireOAuthError(t, redeem(), 400, "invalid_grant", "65001")
		require.Equal(t, "consent_required", redeem().json["suberror"])
		q := url.Values{"client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {"s"}, "scope": {graphDefault}}
		a := b.do(b.request(http.MethodGet, "/"+tenant.ID+"/v2.0/adminconsent?"+q.Encode(), nil))
		to, err := url.Parse(a.header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, "True", to.Query().Get("admin_consent"))
		require.Equal(t, tenant.ID, to.Query().Get("tenant"))
		require.Equal(t, http.StatusOK, redeem().status)
	})
	t.Run("consent by the Partner Center", func(t *testing.T) {
		b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": tenant.ID})
		pc := "offline_access https://api.partnercenter.microsoft.com/user_impersonation"
		form := codeForm(b.code(pc))
		form.Set("scope", pc)
		token := b.token("organizations", form).json["access_token"].(string)
		body := `{"applicationId":"` + clientID + `","displayName":"entrasync","applicationGrants":[{"enterpriseApplicationId":"00000003-0000-0000-c000-000000000000","scope":"User.Read.All,GroupMember.Read.All"}]}`
		consent := func(token string) answer {
			return b.do(b.request(http.MethodPost, "/v1/customers/"+tenant.ID+"/applicationconsents", strings.NewReader(body), "Authorization", "Bearer "+token))
		}
		graphToken, _ := b.connect()
		require.Equal(t, http.StatusUnauthorized, consent(graphToken).status, "the audience is checked")
		require.Equal(t, http.StatusCreated, consent(token).status)
		again := consent(token)
		require.Equal(t, http.StatusConflict, again.status)
		require.Contains(t, string(again.raw), "Permission entry already exists")
		require.Equal(t, http.StatusOK, redeem().status)
	})
	t.Run("the relationships end", func(t *testing.T) {
		var mine []string
		for _, r := range b.fleet.Relationships() {
			if r.TenantID == tenant.ID {
				mine = append(mine, r.ID)
			}
		}
		require.Len(t, mine, 2)
		b.apply(fleet.Change{Kind: fleet.EditRelationship, Relationship: mine[0], Status: "terminated"})
		require.Equal(t, http.StatusOK, redeem().status)
		b.apply(fleet.Change{Kind: fleet.EditRelationship, Relationship: mine[1], Status: "expired"})
		requireOAuthError(t, redeem(), 400, "invalid_grant", "50020")
		require.Equal(t, http.StatusOK, b.token("organizations", refreshForm(refresh, graphDefault)).status, "the partner is untouched")
	})
}

func TestRefreshTokensSurviveUseAndEndByOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	_, refresh := b.connect()
	first := b.token("organizations", refreshForm(refresh, "offline_access "+graphDefault))
	require.Equal(t, http.StatusOK, first.status)
	require.NotEqual(t, refresh, first.json["refresh_token"])
	require.Equal(t, http.StatusOK, b.token("organizations", refreshForm(refresh, graphDefault)).status, "a used one is not revoked")
	b.admin(http.MethodPost, "/refresh-tokens/revoke", map[string]any{"aadsts": 50173})
	requireOAuthError(t, b.token("organizations", refreshForm(refresh, graphDefault)), 400, "invalid_grant", "50173")
	_, refresh = b.connect()
	require.Equal(t, http.StatusOK, b.token("organizations", refreshForm(refresh, graphDefault)).status, "a new sign-in mends it")

	partner := b.fleet.Partner()
	user, _ := b.fleet.At(partner.Index, 0)
	b.apply(fleet.Change{Kind: fleet.Edit, Tenant: partner.ID, User: user.ID, Set: map[string]json.RawMessage{"accountEnabled": json.RawMessage("false")}})
	requireOAuthError(t, b.token("organizations", refreshForm(refresh, graphDefault)), 400, "invalid_grant", "50057")
}

func TestRestartLosesNothing(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state.jsonl")
	var refresh, added string
	t.Run("before", func(t *testing.T) {
		b := setupWith(t, fleet.Tiny, state, true)
		_, refresh = b.connect()
		tenant := b.fleet.Customers()[0]
		added = b.apply(fleet.Change{Kind: fleet.Add, Tenant: tenant.ID, Set: map[string]json.RawMessage{"displayName": json.RawMessage(`"New"`)}})[0]
		b.apply(fleet.Change{Kind: fleet.Edit, Tenant: tenant.ID, User: added, Bytes: map[string][]byte{"jobTitle": {0xff, 'x'}}})
		b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": b.fleet.Customers()[1].ID})
	})
	b := setupWith(t, fleet.Tiny, state, true)
	tenant := b.fleet.Customers()[0]
	a := b.token(tenant.ID, refreshForm(refresh, graphDefault))
	require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
	got := b.get(a.json["access_token"].(string), "/v1.0/users/"+added+"?$select=displayName,jobTitle")
	require.Equal(t, "New", got.json["displayName"])
	require.Contains(t, string(got.raw), "\"jobTitle\":\"\xffx\"")
	requireOAuthError(t, b.token(b.fleet.Customers()[1].ID, refreshForm(refresh, graphDefault)), 400, "invalid_grant", "65001")
}

func TestSecretsAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	code := b.code(partnerScope)
	given := b.token("organizations", codeForm(code)).json
	forged := url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {clientID}, "client_assertion": {"a.forged.assertion"}}
	b.postToken(b.fleet.Customers()[0].ID, forged)
	b.admin(http.MethodPost, "/apps", map[string]any{"clientId": clientID, "name": "entrasync", "clientSecret": "rotated-secret"})
	kinds := map[string]bool{}
	for _, each := range b.admin(http.MethodGet, "/secrets", nil).json["secrets"].([]any) {
		kinds[each.(map[string]any)["kind"].(string)] = true
	}
	require.Len(t, kinds, 7, kinds)
	cipp := b.cippToken()
	var issued []string
	require.NoError(t, json.Unmarshal(b.admin(http.MethodGet, "/issued", nil).raw, &issued))
	require.Subset(t, issued, []string{
		code, verifier, clientSecret, "rotated-secret", cippSecret, cipp, "a.forged.assertion",
		given["access_token"].(string), given["refresh_token"].(string), given["id_token"].(string),
	})
	slices.Sort(issued)
	require.Len(t, slices.Compact(slices.Clone(issued)), len(issued), "no value twice")
}

// An app that is registered in the partner's directory only is in no other, whatever
// a customer consented to, and is not for authorities that stand for many.
func TestASingleTenantApp(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	const single, secret = "0aa10000-0000-4000-8000-00000000aaaa", "the-secret-of-a-single-tenant-app"
	b.admin(http.MethodPost, "/apps", server.App{ID: single, Name: "single", Secret: secret, RedirectURIs: []string{redirectURI}, SingleTenant: true})
	partner, customer := b.fleet.Partner(), b.fleet.Customers()[0]
	as := func(form url.Values) url.Values {
		form.Set("client_id", single)
		form.Set("client_secret", secret)
		return form
	}
	query := authorizeQuery(partnerScope)
	query.Set("client_id", single)
	for _, shared := range []string{"organizations", "common"} {
		got := b.authorize(shared, query)
		require.Equal(t, "invalid_request", got.Get("error"), shared)
		require.Contains(t, got.Get("error_description"), "AADSTS50194: ")
		require.Empty(t, got.Get("code"))
	}
	page := b.do(b.request(http.MethodGet, "/"+customer.ID+"/oauth2/v2.0/authorize?"+query.Encode(), nil))
	require.Equal(t, http.StatusBadRequest, page.status, "nobody is sent back with a code")
	require.Contains(t, string(page.raw), "AADSTS700016: ")
	page = b.do(b.request(http.MethodGet, "/"+customer.ID+"/v2.0/adminconsent?"+query.Encode(), nil))
	require.Equal(t, http.StatusBadRequest, page.status)
	require.Contains(t, string(page.raw), "AADSTS700016: ")

	code := b.authorize(partner.ID, query).Get("code")
	require.NotEmpty(t, code)
	requireOAuthError(t, b.postToken("organizations", as(codeForm(code))), http.StatusBadRequest, "invalid_request", "50194")
	own := b.postToken(partner.ID, as(codeForm(code)))
	require.Equal(t, http.StatusOK, own.status, "%s", own.raw)
	refresh := own.json["refresh_token"].(string)
	require.Equal(t, http.StatusOK, b.postToken(partner.DefaultDomain(), as(refreshForm(refresh, graphDefault))).status)
	for _, authority := range []string{"organizations", "common"} {
		requireOAuthError(t, b.postToken(authority, as(refreshForm(refresh, graphDefault))), http.StatusBadRequest, "invalid_request", "50194")
	}
	for _, authority := range []string{customer.ID, customer.DefaultDomain()} {
		requireOAuthError(t, b.postToken(authority, as(refreshForm(refresh, graphDefault))), http.StatusBadRequest, "unauthorized_client", "700016")
		alone := as(url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}})
		requireOAuthError(t, b.postToken(authority, alone), http.StatusBadRequest, "unauthorized_client", "700016")
	}
}
