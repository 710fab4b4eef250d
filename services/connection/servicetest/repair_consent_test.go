package servicetest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

// asking is the context in which discovery works for a person of the tenant
// "msp", in a browser session or none.
func (b *bundle) asking(session string) func(managed string) (*connectionv1.RepairConsentResponse, error) {
	b.t.Helper()
	ctx := b.insideAs("msp", tenant.Actor{ID: "admin", Type: "user"}, session)
	return func(managed string) (*connectionv1.RepairConsentResponse, error) {
		return b.discovery.RepairConsent(ctx, &connectionv1.RepairConsentRequest{EntraTenantId: managed, ReturnTo: returnTo})
	}
}

// consents brings the answer of an administrator's consent page.
func (b *bundle) consents(answer url.Values, session string) url.Values {
	b.t.Helper()
	resp, err := b.internal.CompleteCallback(b.t.Context(), &connectionv1.CompleteCallbackRequest{
		State: answer.Get("state"), Code: answer.Get("code"), Error: answer.Get("error"), Session: session,
		AdminConsent: strings.EqualFold(answer.Get("admin_consent"), "true"),
	})
	require.NoError(b.t, err)
	target, err := url.Parse(resp.GetRedirectUrl())
	require.NoError(b.t, err)
	require.Equal(b.t, "psa.example", target.Host)
	return target.Query()
}

// revoke takes the app's consent in a managed tenant away.
func (b *bundle) revoke(managed string) {
	b.t.Helper()
	b.sim.admin(http.MethodPost, "consents", map[string]any{"clientId": clientID, "tenant": managed}, nil)
}

// partnerMayConsent lets the partner's user act at the Partner Center.
func (b *bundle) partnerMayConsent() {
	b.t.Helper()
	partner, _ := b.sim.directories()
	b.sim.admin(http.MethodPost, "consents", map[string]any{"clientId": clientID, "tenant": partner.TenantID, "delegated": []string{
		"User.Read", "Directory.Read.All", "DelegatedAdminRelationship.Read.All", "user_impersonation",
	}}, nil)
}

func TestThePartnerRepairsConsent(t *testing.T) {
	t.Parallel()
	b, one := setupConsent(t)
	b.revoke(one)
	require.Equal(t, "consent_missing", b.read(one).GetProblem().GetCode())
	before := b.status("msp").GetConnectedAt().AsTime()

	repair := b.asking("")
	got, err := repair(one)
	require.NoError(t, err)
	require.Equal(t, "granted", got.GetOutcome())
	require.Empty(t, got.GetAdminConsentUrl())
	require.Nil(t, got.GetProblem())
	require.Equal(t, 1, b.sim.requests("partner.applicationconsents", ""))
	require.Nil(t, b.read(one).GetProblem())

	got, err = repair(one)
	require.NoError(t, err)
	require.Equal(t, "granted", got.GetOutcome(), "that it stands already is a success")
	require.Equal(t, before, b.status("msp").GetConnectedAt().AsTime())
	require.Equal(t, "connected", b.status("msp").GetStatus())
}

// TestARepairVoidsTokensOnEveryReplica: a token from before the repair does not
// carry what was granted.
func TestARepairVoidsTokensOnEveryReplica(t *testing.T) {
	t.Parallel()
	b, one := setupConsent(t)
	b.sim.admin(http.MethodPost, "consents", map[string]any{"clientId": clientID, "tenant": one, "delegated": []string{"User.Read"}}, nil)
	second := b.start(b.pool())
	ctx := b.inside("msp")
	read := func() *connectionv1.GetTenantDetailsResponse {
		resp, err := second.discovery.GetTenantDetails(ctx, &connectionv1.GetTenantDetailsRequest{EntraTenantId: one})
		require.NoError(t, err)
		return resp
	}
	require.Equal(t, "consent_missing", read().GetProblem().GetCode(), "users may not be read")
	got, err := b.asking("")(one)
	require.NoError(t, err)
	require.Equal(t, "granted", got.GetOutcome())
	require.Nil(t, read().GetProblem(), "the other replica does not use the token it kept")
}

func TestAnAdministratorIsAskedForConsent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one, two := managed[0].TenantID, managed[1].TenantID
	b.revoke(one)
	repair := b.asking("s1")
	got, err := repair(one)
	require.NoError(t, err)
	require.Equal(t, "admin_consent_required", got.GetOutcome())
	require.Equal(t, "consent_missing", got.GetProblem().GetCode(), "the partner's user may not use the Partner Center")
	require.NotEmpty(t, got.GetProblem().GetRemedy())
	require.WithinDuration(t, b.clock.now().Add(10*time.Minute), got.GetExpiresAt().AsTime(), time.Minute)
	asked, err := url.Parse(got.GetAdminConsentUrl())
	require.NoError(t, err)
	require.Equal(t, "/"+one+"/v2.0/adminconsent", asked.Path)
	require.Equal(t, clientID, asked.Query().Get("client_id"))
	require.Equal(t, redirectURI, asked.Query().Get("redirect_uri"))
	require.Equal(t, "https://graph.microsoft.com/User.Read.All https://graph.microsoft.com/GroupMember.Read.All", asked.Query().Get("scope"))
	require.Len(t, asked.Query().Get("state"), 43)
	found, err := b.internal.FindFlow(t.Context(), &connectionv1.FindFlowRequest{State: asked.Query().Get("state")})
	require.NoError(t, err)
	require.Equal(t, "msp", found.GetTenantId())

	before := b.dump("oauth_states", "entra_partner_connections")
	claim := url.Values{"state": asked.Query()["state"], "admin_consent": {"True"}, "tenant": {one}}
	require.Equal(t, "session_mismatch", b.consents(claim, "s2").Get("error"))
	answer := b.sim.consent(got.GetAdminConsentUrl())
	require.Equal(t, "True", answer.Get("admin_consent"))
	end := b.consents(answer, "s1")
	require.Equal(t, "success", end.Get("entra_status"))
	require.Equal(t, "connection", end.Get("tab"), "the address of the allow-list is kept whole")
	require.Nil(t, b.read(one).GetProblem())
	require.Equal(t, "invalid_state", b.returns(answer, "s1"), "once")
	require.Equal(t, before, b.dump("oauth_states", "entra_partner_connections"))

	// The browser's word, with the tenant it names, is worth nothing.
	b.revoke(two)
	got, err = repair(two)
	require.NoError(t, err)
	asked, err = url.Parse(got.GetAdminConsentUrl())
	require.NoError(t, err)
	lie := url.Values{"state": asked.Query()["state"], "admin_consent": {"True"}, "tenant": {one}}
	require.Equal(t, "consent_missing", b.consents(lie, "s1").Get("error"))
	require.Equal(t, "consent_missing", b.read(two).GetProblem().GetCode())
	require.Equal(t, "connected", b.status("msp").GetStatus())

	// An administrator who declines.
	got, err = repair(two)
	require.NoError(t, err)
	declined := b.sim.consent(got.GetAdminConsentUrl() + "&simulator_decision=decline")
	require.Equal(t, "access_denied", b.consents(declined, "s1").Get("error"))

	// One who is late.
	got, err = repair(two)
	require.NoError(t, err)
	answer = b.sim.consent(got.GetAdminConsentUrl())
	b.clock.advance(10*time.Minute + time.Second)
	require.Equal(t, "expired_state", b.consents(answer, "s1").Get("error"))
}

// returns is the code that a browser gets whose state is not known any more.
func (b *bundle) returns(answer url.Values, session string) string {
	b.t.Helper()
	return b.consents(answer, session).Get("error")
}

// TestStatesOfOneKindAreGoodForNoOther: neither can stand in for the other, and
// the attempt uses nothing up.
func TestStatesOfOneKindAreGoodForNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	_, managed := b.sim.directories()
	one := managed[0].TenantID
	b.revoke(one)
	got, err := b.asking("s1")(one)
	require.NoError(t, err)
	consent := b.sim.consent(got.GetAdminConsentUrl())
	connect := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	before, asked := b.dump(), b.sim.requests("login.token", "")
	for name, answer := range map[string]url.Values{
		"a code with the state of a consent": {"state": consent["state"], "code": connect["code"]},
		"a consent with the state of a flow": {"state": connect["state"], "admin_consent": {"True"}},
		"both at once":                       {"state": connect["state"], "code": connect["code"], "admin_consent": {"True"}},
		"both, the other way":                {"state": consent["state"], "code": connect["code"], "admin_consent": {"True"}},
		"neither":                            {"state": consent["state"]},
	} {
		resp, err := b.internal.CompleteCallback(t.Context(), &connectionv1.CompleteCallbackRequest{
			State: answer.Get("state"), Code: answer.Get("code"), AdminConsent: answer.Get("admin_consent") != "", Session: "s1",
		})
		require.NoError(t, err)
		require.Contains(t, resp.GetRedirectUrl(), "entra_status=failure", name)
		require.NotContains(t, resp.GetRedirectUrl(), "error=internal", name)
	}
	require.Equal(t, before, b.dump())
	require.Equal(t, asked, b.sim.requests("login.token", ""))
	require.Equal(t, "success", b.consents(consent, "s1").Get("entra_status"))
	require.Equal(t, "success", b.back(connect, "s1").Get("entra_status"))
}

func TestConsentOfAnAppByItself(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *assembly.Settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	b.partnerMayConsent()
	_, managed := b.sim.directories()
	one := managed[0].TenantID
	repair := b.asking("")
	got, err := repair(one)
	require.NoError(t, err)
	require.Equal(t, "granted", got.GetOutcome(), "nothing is missing")
	b.revoke(one)
	got, err = repair(one)
	require.NoError(t, err)
	require.Equal(t, "admin_consent_required", got.GetOutcome())
	require.Zero(t, b.sim.requests("partner.applicationconsents", ""), "the partner cannot give an app permissions of its own")
	require.Contains(t, got.GetAdminConsentUrl(), "scope=https%3A%2F%2Fgraph.microsoft.com%2F.default")
	require.Equal(t, "success", b.consents(b.sim.consent(got.GetAdminConsentUrl()), "").Get("entra_status"))
	require.Nil(t, b.read(one).GetProblem())
}

// TestARepairMeetsADeadGrant: no customer's administrator can mend the partner's
// own, and none is asked in vain.
func TestARepairMeetsADeadGrant(t *testing.T) {
	t.Parallel()
	b, microsoft := setupLogin(t)
	b.connect("msp")
	b.partnerMayConsent()
	_, managed := b.sim.directories()
	repair := b.asking("s1")
	for _, aadsts := range []int{700082, 50173} {
		b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": aadsts})
		_, err := repair(managed[0].TenantID)
		require.Equal(t, "refresh_failed", errs.ReasonOf(err))
		got := b.status("msp")
		require.Equal(t, "validation_failed", got.GetStatus())
		require.Contains(t, got.GetLastValidationError().GetMessage(), "AADSTS"+strconv.Itoa(aadsts))
		b.sim.heal()
		b.clock.advance(time.Minute) // past the time for which the answer is believed
	}
	require.Zero(t, b.rows("oauth_states WHERE kind = 'admin_consent'"))

	// The Partner Center alone refuses the grant: then an administrator can help.
	microsoft.on(func(_ url.Values, answer map[string]any) { delete(answer, "refresh_token") }) // it stays the same
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 53003, "times": 1})
	got, err := repair(managed[0].TenantID)
	require.NoError(t, err)
	require.Equal(t, "admin_consent_required", got.GetOutcome())
	require.Equal(t, "connected", b.status("msp").GetStatus(), "the partner's authority took it")
}

func TestARepairThatConsentCannotMake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, managed := b.sim.directories()
	one := managed[0].TenantID
	repair := b.asking("")
	_, err := repair(one)
	require.Equal(t, "not_connected", errs.ReasonOf(err))
	b.connect("msp")
	b.partnerMayConsent()
	before := b.dump("entra_partner_connections", "secrets")

	for _, id := range []string{"common", "organizations", "../admin", one + "/x"} {
		_, err = repair(id)
		require.Equal(t, errs.Invalid, errs.KindOf(err), id)
	}
	_, err = b.discovery.RepairConsent(b.inside("msp"), &connectionv1.RepairConsentRequest{EntraTenantId: one, ReturnTo: "https://evil.example/"})
	require.Equal(t, "return_to_not_allowed", errs.ReasonOf(err))
	_, err = b.engine.RepairConsent(b.inside("msp"), &connectionv1.RepairConsentRequest{EntraTenantId: one})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))

	b.sim.fault(map[string]any{"kind": "status", "route": "partner.applicationconsents", "status": 503, "retryAfterSeconds": 3600})
	_, err = repair(one)
	require.Equal(t, "upstream_error", errs.ReasonOf(err), "what passes is no matter for an administrator")
	b.sim.heal()
	b.clock.advance(time.Hour) // the Partner Center asked for it
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "tenant": one, "aadsts": 53003})
	_, err = repair(one)
	require.Equal(t, "conditional_access", errs.ReasonOf(err), "consent does not lift a policy")
	b.sim.heal()
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 7000215})
	_, err = repair(one)
	require.Equal(t, "refresh_failed", errs.ReasonOf(err), "our own secret is wrong")
	b.sim.heal()
	require.Equal(t, before, b.dump("entra_partner_connections", "secrets"))

	b.sim.fault(map[string]any{"kind": "status", "route": "partner.applicationconsents", "status": 403})
	got, err := repair(one)
	require.NoError(t, err)
	require.Equal(t, "admin_consent_required", got.GetOutcome())
	require.Equal(t, "connected", b.status("msp").GetStatus())
}
