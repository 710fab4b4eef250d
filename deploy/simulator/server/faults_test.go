package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

// order makes a fault the only one.
func (b *bundle) order(f server.Fault) {
	b.t.Helper()
	b.admin(http.MethodDelete, "/faults", nil)
	b.admin(http.MethodPost, "/faults", f)
}

// fired is how often the faults that are ordered have struck.
func (b *bundle) fired() int {
	b.t.Helper()
	var answer struct{ Faults []server.Fault }
	require.NoError(b.t, json.Unmarshal(b.admin(http.MethodGet, "/faults", nil).raw, &answer))
	n := 0
	for _, f := range answer.Faults {
		n += f.Fired
	}
	return n
}

func TestOrderedFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	_, refresh := b.connect()
	b.order(server.Fault{Kind: "status", Route: "graph.*", Status: 504})
	requireGraphError(t, b.get(token, "/v1.0/users"), 504, "GatewayTimeout")
	b.order(server.Fault{Kind: "status", Route: "graph.*", Status: 401})
	a := b.get(token, "/v1.0/users")
	requireGraphError(t, a, 401, "InvalidAuthenticationToken")
	require.NotEmpty(t, a.header.Get("WWW-Authenticate"))
	b.order(server.Fault{Kind: "status", Route: "graph.users", Percent: 50})
	failed := 0
	for range 10 {
		if b.get(token, "/v1.0/users").status == http.StatusServiceUnavailable {
			failed++
		}
	}
	require.Equal(t, 5, failed)
	b.order(server.Fault{Kind: "expired-page-token", Route: "graph.users", Skip: 1, Times: 1})
	next := b.get(token, "/v1.0/users?$top=20").json["@odata.nextLink"].(string)
	requireGraphError(t, b.get(token, next), http.StatusBadRequest, "Directory_ExpiredPageToken")
	require.Equal(t, http.StatusOK, b.get(token, next).status)
	b.order(server.Fault{Kind: "oauth-error", Route: "login.token", Tenant: tenant.ID, AADSTS: 53003})
	requireOAuthError(t, b.token(tenant.ID, refreshForm(refresh, graphDefault)), 400, "invalid_grant", "53003")
	require.Equal(t, http.StatusOK, b.token("organizations", refreshForm(refresh, graphDefault)).status)
	b.order(server.Fault{Kind: "oauth-error", Route: "login.token", AADSTS: 90033})
	requireOAuthError(t, b.token("organizations", refreshForm(refresh, graphDefault)), 400, "temporarily_unavailable", "90033")
	b.order(server.Fault{Kind: "empty-listing", Route: "graph.*"})
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
	require.Len(t, b.admin(http.MethodGet, "/faults", nil).json["faults"], 1)
	b.order(server.Fault{Kind: "status", Route: "graph.users", ForSeconds: 5})
	require.Equal(t, 503, b.get(token, "/v1.0/users").status)
	b.clock.Advance(5 * time.Second)
	require.Equal(t, http.StatusOK, b.get(token, "/v1.0/users").status, "it ends by itself")
}

func TestSpoiledAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	whole := b.get(token, "/v1.0/users?$top=999")
	// fetch is a request whose body may break.
	fetch := func() (int, []byte, error) {
		res, err := b.http.Do(b.request(http.MethodGet, "/v1.0/users?$top=999", nil, "Authorization", "Bearer "+token))
		if err != nil {
			return 0, nil, err
		}
		defer func() { require.NoError(t, res.Body.Close()) }()
		raw, err := io.ReadAll(res.Body)
		return res.StatusCode, raw, err
	}
	b.order(server.Fault{Kind: "malformed", Route: "graph.users"})
	a := b.get(token, "/v1.0/users")
	require.Equal(t, http.StatusOK, a.status)
	require.False(t, json.Valid(a.raw))
	b.order(server.Fault{Kind: "truncate", Route: "graph.users", AfterBytes: 100})
	require.Equal(t, whole.raw[:100], b.get(token, "/v1.0/users?$top=999").raw)
	b.order(server.Fault{Kind: "wrong-types", Route: "graph.users"})
	a = b.get(token, "/v1.0/users")
	require.Equal(t, http.StatusOK, a.status)
	require.IsType(t, 0.0, a.rows(t)[0]["id"])
	b.order(server.Fault{Kind: "html"})
	for _, target := range []string{"/v1.0/users", "/cipp/api/me", "/" + tenant.ID + "/v2.0/.well-known/openid-configuration"} {
		bearer := token
		if strings.HasPrefix(target, "/cipp") {
			b.admin(http.MethodDelete, "/faults", nil)
			bearer = b.cippToken()
			b.order(server.Fault{Kind: "html"})
		}
		a = b.get(bearer, target)
		require.Equal(t, http.StatusOK, a.status, target)
		require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"), target)
		require.True(t, bytes.HasPrefix(a.raw, []byte("<!doctype html>")), target)
	}
	b.order(server.Fault{Kind: "body", Route: "graph.users", Body: `{"value":[]}`})
	require.Equal(t, `{"value":[]}`, string(b.get(token, "/v1.0/users").raw))
	b.order(server.Fault{Kind: "cut", Route: "graph.users", AfterBytes: 300})
	status, raw, err := fetch()
	require.Error(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, raw, 300)
	b.order(server.Fault{Kind: "drop", Route: "graph.users"})
	status, _, err = fetch()
	require.Error(t, err)
	require.Zero(t, status)
	for _, f := range []server.Fault{
		{Kind: "slow", Route: "graph.users", DelayMillis: 40},
		{Kind: "stall", Route: "graph.users", DelayMillis: 40, AfterBytes: 2000},
	} {
		b.order(f)
		began := time.Now()
		status, raw, err = fetch()
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, string(whole.raw), string(raw))
		require.GreaterOrEqual(t, time.Since(began), 40*time.Millisecond, f.Kind)
	}
	b.order(server.Fault{Kind: "slow", Route: "graph.users", DelayMillis: int(time.Hour / time.Millisecond)})
	answered := make(chan int)
	go func() {
		late, _, _ := fetch()
		answered <- late
	}()
	require.Eventually(t, func() bool { return b.fired() == 1 }, time.Minute, time.Millisecond)
	b.admin(http.MethodDelete, "/faults", nil)
	require.Equal(t, http.StatusOK, <-answered)
	batch := func() answer {
		return b.do(b.request(http.MethodPost, "/v1.0/$batch", strings.NewReader(`{"requests":[{"id":"1","method":"GET","url":"/users"}]}`), "Authorization", "Bearer "+token, "Content-Type", "application/json"))
	}
	b.order(server.Fault{Kind: "status", Route: "graph.batch", Status: 503})
	requireGraphError(t, batch(), 503, "ServiceUnavailable")
	b.order(server.Fault{Kind: "truncate", Route: "graph.batch", AfterBytes: 30})
	require.Len(t, batch().raw, 30)
}

func TestDeltaFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	link := b.get(token, "/v1.0/users/delta?$select=id,mail&$deltatoken=latest").json["@odata.deltaLink"].(string)
	b.order(server.Fault{Kind: "delta-expired", Route: "graph.users.delta", Code: "SyncStateNotFound"})
	requireGraphError(t, b.get(token, link), http.StatusBadRequest, "SyncStateNotFound")
	b.order(server.Fault{Kind: "delta-required", Route: "graph.users.delta"})
	a := b.get(token, link)
	requireGraphError(t, a, http.StatusGone, "resyncRequired")
	require.Empty(t, a.header.Get("Location"))
	for kind, selection := range map[string]bool{"delta-resync": true, "delta-gone": false} {
		b.order(server.Fault{Kind: kind, Route: "graph.users.delta", Times: 1})
		a = b.get(token, link)
		requireGraphError(t, a, http.StatusGone, "resyncRequired")
		require.Equal(t, selection, strings.Contains(a.header.Get("Location"), "$select="), kind)
		rows, _, _ := b.all(token, a.header.Get("Location"))
		require.Len(t, rows, 38)
	}
	b.order(server.Fault{Kind: "empty-page", Route: "graph.users", Times: 2})
	rows, pages, _ := b.all(token, "/v1.0/users?$top=20")
	require.Len(t, rows, 38)
	require.Equal(t, 4, pages)
}

// A reset ends all that misbehaves and leaves the people alone.
func TestReset(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	tenant := b.fleet.Customers()[2] // with two relationships
	_, refresh := b.connect()
	redeem := func(authority string) int {
		return b.token(authority, refreshForm(refresh, graphDefault)).status
	}
	user, _ := b.fleet.At(0, 0)
	before := b.fleet.Relationships()
	b.apply(fleet.Change{Kind: fleet.Grow, Tenant: tenant.ID, Count: 1})
	b.admin(http.MethodPost, "/cipp", server.CIPPSettings{ColdStartMillis: 1, Blocked: []string{tenant.ID}})
	for _, spoil := range []func(){
		func() { b.admin(http.MethodPost, "/faults", server.Fault{Kind: "oauth-error", AADSTS: 700082}) },
		func() { b.admin(http.MethodPost, "/refresh-tokens/revoke", map[string]any{}) },
		func() {
			b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": tenant.ID})
			b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": b.fleet.Partner().ID})
		},
		func() {
			b.admin(http.MethodPost, "/changes", map[string]any{"kind": "relationship", "tenant": tenant.DefaultDomain(), "status": "terminated"})
		},
		func() { b.admin(http.MethodPost, "/gdap", map[string]any{"user": user.ID}) },
		func() {
			b.admin(http.MethodPost, "/conditional-access", map[string]any{"tenant": tenant.ID, "aadsts": 53003})
		},
	} {
		spoil()
		require.Equal(t, http.StatusBadRequest, redeem(tenant.ID))
		b.admin(http.MethodPost, "/reset", nil)
		require.Equal(t, http.StatusOK, redeem(tenant.ID))
		require.Equal(t, http.StatusOK, redeem("organizations"))
	}
	require.Equal(t, before, b.fleet.Relationships())
	require.Equal(t, tenant.Generated+1, b.fleet.Count(tenant.Index))
	require.Empty(t, b.admin(http.MethodGet, "/cipp", nil).json["blocked"])
	require.Len(t, b.admin(http.MethodGet, "/cipp", nil).json["excluded"], 1)
	require.Empty(t, b.admin(http.MethodGet, "/faults", nil).json["faults"])
}

// Every line of the README that orders a fault is taken, and no kind is
// without such a line.
func TestReadmeOfFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(readme), "\n## Faults\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	shown := map[string]bool{}
	for line := range strings.Lines(section) {
		for i, part := range strings.Split(line, "`") {
			if i%2 == 0 || !strings.HasPrefix(part, `{"kind"`) || strings.Contains(part, "?") {
				continue
			}
			line := strings.ReplaceAll(part, "brightwater-logistics.co.uk", b.fleet.Customers()[0].ID)
			a := b.do(b.request(http.MethodPost, "/admin/faults", strings.NewReader(line)))
			require.Equal(t, http.StatusCreated, a.status, "%s: %s", line, a.raw)
			shown[a.json["kind"].(string)] = true
		}
	}
	unknown := b.do(b.request(http.MethodPost, "/admin/faults", strings.NewReader(`{"kind":"unheard"}`)))
	require.Equal(t, http.StatusBadRequest, unknown.status)
	_, kinds, _ := strings.Cut(unknown.json["error"].(string), "want one of ")
	for kind := range strings.FieldsSeq(kinds) {
		require.True(t, shown[kind], "the README shows no %s", kind)
	}
	for _, wrong := range []string{`{"kind":"slow","percent":101}`, `{"kind":"slow","times":-1}`, `{"kind":"slow","tenant":"nobody.example"}`, `{"kind":"slow","route":"["}`} {
		require.GreaterOrEqual(t, b.do(b.request(http.MethodPost, "/admin/faults", strings.NewReader(wrong))).status, 400, wrong)
	}
}
