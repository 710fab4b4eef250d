package servicetest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
	"github.com/entrasync/entrasync/services/connection/internal/cipp"
)

const (
	cippClientID = "c1bb0000-0000-4000-8000-000000000001"
	cippSecret   = "simulated-cipp-secret"
)

// setupCIPP is setup with the simulator's CIPP on the list of allowed places.
func setupCIPP(t *testing.T, adjust ...func(*assembly.Settings)) *bundle {
	t.Helper()
	sim := startSimulator(t)
	base, err := url.Parse(sim.base)
	require.NoError(t, err)
	return setupOn(t, sim, append([]func(*assembly.Settings){func(s *assembly.Settings) {
		s.Kinds = []assembly.KindOpener{assembly.Opener(cipp.Settings{AllowedHosts: []string{base.Host}}, cipp.New)}
	}}, adjust...)...)
}

// good is a request that connects.
func (b *bundle) good() *connectionv1.SaveCippRequest {
	b.t.Helper()
	partner, _ := b.sim.directories()
	return &connectionv1.SaveCippRequest{
		BaseUrl: b.sim.base + "/cipp", TenantId: partner.TenantID, ClientId: cippClientID, ClientSecret: cippSecret,
	}
}

func (b *bundle) saveCIPP(id tenant.ID, req *connectionv1.SaveCippRequest) error {
	b.t.Helper()
	resp, err := b.cipp.SaveCipp(person(b.t, id, "admin"), req)
	if err == nil {
		require.Equal(b.t, "connected", resp.GetStatus())
	}
	return err
}

func (b *bundle) validateCIPP() *connectionv1.ValidateCippResponse {
	b.t.Helper()
	resp, err := b.cipp.ValidateCipp(person(b.t, "msp", "admin"), &connectionv1.ValidateCippRequest{})
	require.NoError(b.t, err)
	return resp
}

// sets are the keys of a tenant's stored secrets.
func (b *bundle) sets(id tenant.ID) (keys []string) {
	b.t.Helper()
	rows, err := b.db.Admin.Query(b.t.Context(), `SELECT DISTINCT key FROM secrets WHERE tenant_id = $1 ORDER BY key`, string(id))
	require.NoError(b.t, err)
	for rows.Next() {
		var key string
		require.NoError(b.t, rows.Scan(&key))
		keys = append(keys, key)
	}
	require.NoError(b.t, rows.Err())
	return keys
}

func TestConnectThroughCIPP(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	partner, managed := b.sim.directories()
	b.sim.admin(http.MethodPost, "cipp", map[string]any{"excluded": []string{managed[2].TenantID}, "partnerListed": true}, nil)
	require.NoError(t, b.saveCIPP("msp", b.good()))
	require.Equal(t, []string{"entra_cipp"}, b.sets("msp"))
	status := b.status("msp")
	require.Equal(t, []string{"connected", "cipp"}, []string{status.GetStatus(), status.GetConnectionType()})
	require.Equal(t, []string{"direct"}, status.GetAvailableConnectionTypes(), "it is never offered")
	require.NotNil(t, status.GetLastValidatedAt())
	effects := b.pull(1)
	require.Len(t, effects, 1)
	require.Equal(t, "connection_connected", effects[0].GetKind())

	tenants, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	listed := map[string]*connectionv1.DirectoryTenant{}
	for _, one := range tenants {
		listed[one.GetEntraTenantId()] = one
	}
	require.NotContains(t, listed, partner.TenantID, "the partner manages itself")
	require.NotContains(t, listed, managed[2].TenantID, "excluded in CIPP")
	first := managed[0]
	require.Equal(t, first.DisplayName, listed[first.TenantID].GetDisplayName())
	require.Equal(t, first.DefaultDomain, listed[first.TenantID].GetPrimaryDomain())

	read := b.read(first.TenantID)
	require.Nil(t, read.GetProblem())
	require.ElementsMatch(t, first.Domains, read.GetDomains())
	require.EqualValues(t, first.Users, read.GetUserCount())
	users, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: first.TenantID})
	require.NoError(t, err)
	require.Len(t, ids(users.users), first.Users)
	require.True(t, users.completed.GetFull())
	require.Empty(t, users.completed.GetDeltaLink())
	excluded := b.read(managed[2].TenantID)
	require.Equal(t, "upstream_error", excluded.GetProblem().GetCode())
	require.NotEmpty(t, excluded.GetProblem().GetRemedy())
	_, err = b.engine.GetUsers(b.inside("msp"), &connectionv1.GetUsersRequest{EntraTenantId: first.TenantID, EntraObjectIds: []string{users.users[0].GetEntraObjectId()}})
	require.Equal(t, "not_supported", errs.ReasonOf(err))
	_, err = b.public.ValidateDirect(person(t, "msp", "admin"), &connectionv1.ValidateDirectRequest{})
	require.Equal(t, "not_connected", errs.ReasonOf(err), "there is no direct connection to validate")
	require.True(t, b.validateCIPP().GetValid())
	require.EqualValues(t, 1, b.validateCIPP().GetManagedTenantSampleCount())
	var issued []string
	b.sim.admin(http.MethodGet, "issued", nil, &issued)
	dump := b.dump()
	require.NotEmpty(t, issued)
	for _, secret := range append(issued, cippSecret) {
		require.NotContains(t, dump, secret, "nothing is stored in clear")
	}
}

// TestSwitchingRemovesTheOtherKindsSecrets is F045, on both kinds of secret stores.
func TestSwitchingRemovesTheOtherKindsSecrets(t *testing.T) {
	t.Parallel()
	onVault := newVault(t)
	for name, use := range map[string]func(*assembly.Settings){"postgres": func(*assembly.Settings) {}, "vault": onVault.use} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupCIPP(t, use)
			stored := func(set string) (n int) {
				if name != "vault" {
					require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM secrets WHERE tenant_id = 'msp' AND key = $1`, set).Scan(&n))
					return n
				}
				for _, path := range onVault.server.Paths() {
					if strings.HasSuffix(path, "msp/"+set) {
						n++
					}
				}
				return n
			}
			b.connect("msp")
			b.set(&connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret})
			require.Equal(t, []int{1, 0, 1}, []int{stored("entra_direct"), stored("entra_cipp"), stored("microsoft_app")})
			require.NoError(t, b.saveCIPP("msp", b.good()))
			require.Equal(t, []int{0, 1, 1}, []int{stored("entra_direct"), stored("entra_cipp"), stored("microsoft_app")})
			_, err := b.managedTenants(b.inside("msp"))
			require.NoError(t, err)

			b.connect("msp")
			require.Equal(t, []int{1, 0, 1}, []int{stored("entra_direct"), stored("entra_cipp"), stored("microsoft_app")})
			b.works("msp")
			_, err = b.cipp.ValidateCipp(person(t, "msp", "admin"), &connectionv1.ValidateCippRequest{})
			require.Equal(t, "not_connected", errs.ReasonOf(err))
			keep := b.good()
			keep.ClientSecret = ""
			require.Equal(t, "client_secret_required", errs.ReasonOf(b.saveCIPP("msp", keep)), "it is not there any more")

			require.NoError(t, b.saveCIPP("msp", b.good()))
			resp, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
			require.NoError(t, err)
			require.Equal(t, "disconnected", resp.GetStatus())
			require.Equal(t, []int{0, 0, 1}, []int{stored("entra_direct"), stored("entra_cipp"), stored("microsoft_app")})
			_, err = b.managedTenants(b.inside("msp"))
			require.Equal(t, "not_connected", errs.ReasonOf(err))
			require.Equal(t, 4, b.rows("entra_partner_connections"), "all history stays")
		})
	}
}

func TestTheStoredCIPPSecretStaysWithItsAddress(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	without := func(change func(*connectionv1.SaveCippRequest)) *connectionv1.SaveCippRequest {
		req := b.good()
		req.ClientSecret = ""
		change(req)
		return req
	}
	same := func(*connectionv1.SaveCippRequest) {}
	require.Equal(t, "client_secret_required", errs.ReasonOf(b.saveCIPP("msp", without(same))))
	require.NoError(t, b.saveCIPP("msp", b.good()))
	require.NoError(t, b.saveCIPP("msp", without(same)), "the stored one is kept")
	require.NoError(t, b.saveCIPP("msp", without(func(r *connectionv1.SaveCippRequest) {
		r.BaseUrl += "/"
		r.ClientId = strings.ToUpper(r.GetClientId())
	})), "another spelling is no other place")
	require.True(t, b.validateCIPP().GetValid())
	before, asked := b.dump(), b.sim.requests("login.token", "")
	_, managed := b.sim.directories()
	for name, change := range map[string]func(*connectionv1.SaveCippRequest){
		"another address": func(r *connectionv1.SaveCippRequest) { r.BaseUrl = "https://cipp.contoso.example" },
		"another path":    func(r *connectionv1.SaveCippRequest) { r.BaseUrl += "/elsewhere" },
		"another tenant":  func(r *connectionv1.SaveCippRequest) { r.TenantId = managed[0].TenantID },
		"another app":     func(r *connectionv1.SaveCippRequest) { r.ClientId = clientID },
	} {
		require.Equal(t, "client_secret_required", errs.ReasonOf(b.saveCIPP("msp", without(change))), name)
	}
	require.Equal(t, "client_secret_required", errs.ReasonOf(b.saveCIPP("other", without(same))), "it is another's")
	require.Equal(t, before, b.dump())
	require.Equal(t, asked, b.sim.requests("login.token", ""), "the secret was sent nowhere")
}

// TestAFailedSaveLeavesTheWorkingConnection: CIPP is proven before anything is
// stored.
func TestAFailedSaveLeavesTheWorkingConnection(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	b.connect("msp")
	before := b.dump()
	faulty := func(reason string, fault map[string]any) {
		t.Helper()
		b.sim.fault(fault)
		require.Equal(t, reason, errs.ReasonOf(b.saveCIPP("msp", b.good())), fault)
		b.sim.heal()
	}
	faulty("auth_rejected", map[string]any{"kind": "status", "route": "cipp.me", "status": 401})
	faulty("consent_missing", map[string]any{"kind": "status", "route": "cipp.me", "status": 403})
	faulty("upstream_error", map[string]any{"kind": "status", "route": "cipp.me", "status": 404})
	faulty("upstream_error", map[string]any{"kind": "status", "route": "cipp.tenants", "status": 500})
	faulty("upstream_error", map[string]any{"kind": "cipp-tenants-failed", "route": "cipp.tenants"})
	faulty("upstream_error", map[string]any{"kind": "html", "route": "cipp.*"})
	faulty("auth_rejected", map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 7000222})
	changed := func(reason string, change func(*connectionv1.SaveCippRequest)) {
		t.Helper()
		req := b.good()
		change(req)
		require.Equal(t, reason, errs.ReasonOf(b.saveCIPP("msp", req)))
	}
	changed("auth_rejected", func(r *connectionv1.SaveCippRequest) { r.ClientSecret = "wrong" })
	changed("auth_rejected", func(r *connectionv1.SaveCippRequest) { r.ClientId = "nobody" })
	changed("auth_rejected", func(r *connectionv1.SaveCippRequest) { r.TenantId = "nobody.example" })
	changed("upstream_error", func(r *connectionv1.SaveCippRequest) { r.BaseUrl = b.sim.base })
	for _, address := range []string{
		"http://cipp.example", "https://user:pass@cipp.example", "https://cipp.example?x=1", "https://cipp.example/#x", "cipp.example",
		"https://10.0.0.1", "https://[::1]", "https://169.254.169.254", "https://[::ffff:127.0.0.1]", "https://127.0.0.1:1", "https://localhost:1",
	} {
		changed("base_url_refused", func(r *connectionv1.SaveCippRequest) { r.BaseUrl = address })
	}
	for _, authority := range []string{"common", "organizations", "..", "a..b", "consumers"} {
		changed("invalid_tenant", func(r *connectionv1.SaveCippRequest) { r.TenantId = authority })
	}
	_, err := b.cipp.SaveCipp(person(t, "msp", ""), b.good())
	require.Equal(t, "person_required", errs.ReasonOf(err))
	require.Equal(t, before, b.dump())
	b.works("msp")
}

func TestValidateCIPPStoresTheOutcome(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	require.NoError(t, b.saveCIPP("msp", b.good()))
	for _, c := range []struct {
		fault map[string]any
		code  string
	}{
		{map[string]any{"kind": "status", "route": "cipp.me", "status": 401}, "auth_rejected"},
		{map[string]any{"kind": "status", "route": "cipp.tenants", "status": 403}, "consent_missing"},
		{map[string]any{"kind": "throttle", "route": "cipp.tenants", "retryAfterSeconds": 3600}, "throttled"},
		{map[string]any{"kind": "cipp-tenants-failed", "route": "cipp.tenants"}, "upstream_error"},
	} {
		b.sim.fault(c.fault)
		got := b.validateCIPP()
		require.False(t, got.GetValid())
		require.Equal(t, c.code, got.GetError().GetCode())
		require.Equal(t, []string{"validation_failed", c.code}, []string{b.status("msp").GetStatus(), b.status("msp").GetLastValidationError().GetCode()})
		b.sim.heal()
		if c.code == "throttled" {
			asked := b.sim.requests("cipp.me", "")
			require.Equal(t, "throttled", b.validateCIPP().GetError().GetCode(), "for as long as CIPP said")
			require.Equal(t, asked, b.sim.requests("cipp.me", ""), "nobody comes early")
			b.clock.advance(time.Hour)
		}
	}
	require.True(t, b.validateCIPP().GetValid())
	require.Equal(t, "connected", b.status("msp").GetStatus())
	require.Nil(t, b.status("msp").GetLastValidationError(), "cleared on success")

	// The secret is replaced at Microsoft: the token lives on until it ends.
	b.sim.admin(http.MethodPost, "apps", map[string]any{"clientId": cippClientID, "name": "CIPP-API", "clientSecret": "another", "singleTenant": true}, nil)
	require.True(t, b.validateCIPP().GetValid())
	b.clock.advance(time.Hour)
	_, err := b.managedTenants(b.inside("msp"))
	require.Equal(t, "auth_rejected", errs.ReasonOf(err))
	require.Equal(t, "validation_failed", b.status("msp").GetStatus(), "who reads finds it out too")
	require.Contains(t, b.status("msp").GetLastValidationError().GetMessage(), "AADSTS7000215")
	require.False(t, b.validateCIPP().GetValid())
}
