package servicetest

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// dump is every row of the schema, as sorted text.
func (b *bundle) dump(except ...string) string {
	b.t.Helper()
	var tables []string
	rows, err := b.db.Admin.Query(b.t.Context(), `SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace('connection')
		AND c.relkind = 'r' ORDER BY 1`)
	require.NoError(b.t, err)
	for rows.Next() {
		var name string
		require.NoError(b.t, rows.Scan(&name))
		if !slices.Contains(except, name) {
			tables = append(tables, name)
		}
	}
	require.NoError(b.t, rows.Err())
	require.GreaterOrEqual(b.t, len(tables), 5)
	var lines []string
	for _, table := range tables {
		rows, err := b.db.Admin.Query(b.t.Context(), `SELECT row_to_json(x)::text FROM connection.`+table+` x`)
		require.NoError(b.t, err)
		for rows.Next() {
			var line string
			require.NoError(b.t, rows.Scan(&line))
			lines = append(lines, table+" "+line)
		}
		require.NoError(b.t, rows.Err())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// works proves that the tenant's connection reads.
func (b *bundle) works(id tenant.ID) {
	b.t.Helper()
	resp, err := b.public.ValidateDirect(person(b.t, id, "admin"), &connectionv1.ValidateDirectRequest{})
	require.NoError(b.t, err)
	require.True(b.t, resp.GetValid())
}

// TestAttackedStatesWriteNothing: whatever a browser brings that is not the
// answer to its own flow is refused before anything is asked of Microsoft, and no
// row changes, not even that of the state.
func TestAttackedStatesWriteNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	flow := func(id tenant.ID, user, session string) url.Values {
		return b.sim.consent(b.begin(browser(t, id, user, session)).GetAuthorizeUrl())
	}
	with := func(answer url.Values, key, value string) url.Values {
		changed := url.Values{}
		for k, v := range answer {
			changed[k] = v
		}
		changed.Set(key, value)
		return changed
	}
	victim, mallory := flow("msp", "admin", "s1"), flow("other", "mallory", "s2")
	used := flow("msp", "admin", "s1")
	require.Equal(t, "success", b.back(used, "s1").Get("entra_status"))
	before, asked := b.dump(), b.sim.requests("login.token", "")
	for name, c := range map[string]struct {
		answer  url.Values
		session string
		code    string
	}{
		"forged":                             {with(victim, "state", strings.Repeat("A", 43)), "s1", "invalid_state"},
		"an inch off":                        {with(victim, "state", victim.Get("state")[:42]+"."), "s1", "invalid_state"},
		"the state's hash in its place":      {with(victim, "state", strings.Repeat("ab", 32)), "s1", "invalid_state"},
		"replayed":                           {used, "s1", "invalid_state"},
		"replayed with a new code":           {with(used, "code", victim.Get("code")), "s1", "invalid_state"},
		"another's session":                  {victim, "s2", "session_mismatch"},
		"no session":                         {victim, "", "session_mismatch"},
		"another user's state in my browser": {mallory, "s1", "session_mismatch"},
		"a refusal in another's browser":     {url.Values{"state": victim["state"], "error": {"access_denied"}}, "s2", "session_mismatch"},
		"no code":                            {url.Values{"state": victim["state"]}, "s1", "missing_params"},
		"no state":                           {url.Values{"code": victim["code"]}, "s1", "missing_params"},
	} {
		end := b.back(c.answer, c.session)
		require.Equal(t, "failure", end.Get("entra_status"), name)
		require.Equal(t, c.code, end.Get("error"), name)
	}
	require.Equal(t, before, b.dump())

	b.clock.advance(10*time.Minute + time.Second)
	require.Equal(t, "expired_state", b.back(victim, "s1").Get("error"))
	require.Equal(t, before, b.dump())
	require.Equal(t, asked, b.sim.requests("login.token", ""), "Microsoft heard of none of it")
	b.works("msp")
	require.Equal(t, "not_connected", b.status("other").GetStatus())
}

// TestACodeOfAnotherFlowConnectsNobody: the code of a stranger's consent, put
// into one's own flow, does not fit its verifier.
func TestACodeOfAnotherFlowConnectsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	stolen := b.sim.consent(b.begin(browser(t, "other", "mallory", "s2")).GetAuthorizeUrl())
	mine := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	before := b.dump("oauth_states")
	mine.Set("code", stolen.Get("code"))
	require.Equal(t, "token_exchange_failed", b.back(mine, "s1").Get("error"))
	require.Equal(t, before, b.dump("oauth_states"), "the state is used up, and nothing else happened")
	require.Equal(t, "invalid_state", b.back(mine, "s1").Get("error"))
	b.works("msp")
}

func TestAttackedCompletionsWriteNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	pending := func() string {
		return b.back(b.sim.consent(b.begin(person(t, "msp", "admin")).GetAuthorizeUrl()), "").Get("completion_code")
	}
	complete := func(id tenant.ID, user, code string) string {
		_, err := b.public.CompleteConnect(person(t, id, user), &connectionv1.CompleteConnectRequest{CompletionCode: code})
		return errs.ReasonOf(err)
	}
	used, code := pending(), pending()
	require.Empty(t, complete("msp", "admin", used))
	before := b.dump()
	require.Equal(t, "invalid_completion", complete("msp", "admin", used), "replayed")
	require.Equal(t, "invalid_completion", complete("msp", "mallory", code), "a colleague's")
	require.Equal(t, "invalid_completion", complete("msp", "", code), "nobody's")
	require.Equal(t, "invalid_completion", complete("other", "admin", code), "another tenant's")
	require.Equal(t, "invalid_completion", complete("msp", "admin", code[:42]+"."), "forged")
	require.Equal(t, before, b.dump())
	b.clock.advance(5*time.Minute + time.Second)
	require.Equal(t, "expired_completion", complete("msp", "admin", code))
	require.Equal(t, before, b.dump())
	b.works("msp")
}

// TestOneOfManyBrowsersWins: the same answer arrives twenty times at once.
func TestOneOfManyBrowsersWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	asked := b.sim.requests("login.token", "")
	const browsers = 20
	var wg sync.WaitGroup
	targets := make(chan string, browsers)
	for range browsers {
		wg.Go(func() {
			resp, err := b.internal.CompleteCallback(t.Context(), &connectionv1.CompleteCallbackRequest{
				State: answer.Get("state"), Code: answer.Get("code"), Session: "s1",
			})
			if err != nil {
				targets <- err.Error()
				return
			}
			targets <- resp.GetRedirectUrl()
		})
	}
	wg.Wait()
	close(targets)
	won := 0
	for target := range targets {
		if strings.Contains(target, "entra_status=success") {
			won++
			continue
		}
		require.Contains(t, target, "error=invalid_state")
	}
	require.Equal(t, 1, won)
	require.Equal(t, asked+1, b.sim.requests("login.token", ""), "one code, one exchange")
	var connections int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM entra_partner_connections`).Scan(&connections))
	require.Equal(t, 1, connections)
}

func TestRefusedStatesChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	before := b.status("msp")
	var version string
	read := `SELECT secret_version FROM entra_partner_connections WHERE tenant_id = 'msp' AND status = 'connected'`
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), read).Scan(&version))

	flow := func() url.Values {
		return b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	}
	forged := flow()
	forged.Set("state", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	require.Equal(t, "invalid_state", b.back(forged, "s1").Get("error"))

	foreign := flow()
	require.Equal(t, "session_mismatch", b.back(foreign, "s2").Get("error"), "another browser")
	require.Equal(t, "session_mismatch", b.back(foreign, "").Get("error"), "no session at all")

	for _, missing := range []url.Values{{}, {"state": foreign["state"]}, {"code": foreign["code"]}} {
		require.Equal(t, "missing_params", b.back(missing, "s1").Get("error"))
	}
	denied := url.Values{"state": flow()["state"], "error": {"access_denied"}}
	require.Equal(t, "access_denied", b.back(denied, "s1").Get("error"))
	require.Equal(t, "invalid_state", b.back(denied, "s1").Get("error"), "it was consumed")

	odd := url.Values{"state": flow()["state"], "error": {"<script>"}}
	require.Equal(t, "provider_error", b.back(odd, "s1").Get("error"))

	late := flow()
	b.clock.advance(10*time.Minute + time.Second)
	require.Equal(t, "expired_state", b.back(late, "s1").Get("error"))
	require.NoError(t, b.parts.Sweep.Do(t.Context()))
	require.Equal(t, "expired_state", b.back(late, "s1").Get("error"), "also after the sweeper came")
	b.clock.advance(25 * time.Hour)
	require.NoError(t, b.parts.Sweep.Do(t.Context()))
	require.Equal(t, "invalid_state", b.back(late, "s1").Get("error"), "its trace is gone")

	var after string
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), read).Scan(&after))
	require.Equal(t, version, after)
	require.Equal(t, before.GetConnectedAt().AsTime(), b.status("msp").GetConnectedAt().AsTime())
}

func TestReplayedStateIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	require.Equal(t, "success", b.back(answer, "s1").Get("entra_status"))
	exchanges := b.sim.requests("login.token", "")
	require.Equal(t, "invalid_state", b.back(answer, "s1").Get("error"))
	require.Equal(t, exchanges, b.sim.requests("login.token", ""), "a replay does not reach Microsoft")
}

func TestAStateDecidesWhoseConnectionItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	// The gateway's call may speak for somebody else: the browser is signed in
	// elsewhere by now. The state alone counts.
	resp, err := b.internal.CompleteCallback(browser(t, "other", "mallory", "s1"), &connectionv1.CompleteCallbackRequest{
		State: answer.Get("state"), Code: answer.Get("code"), Session: "s1",
	})
	require.NoError(t, err)
	require.Contains(t, resp.GetRedirectUrl(), "entra_status=success")
	require.Equal(t, "connected", b.status("msp").GetStatus())
	require.Equal(t, "not_connected", b.status("other").GetStatus())
}

func TestARefusedFlowIsUsedUpAndStoresNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.sim.consent(b.begin(person(t, "msp", "admin")).GetAuthorizeUrl())
	found, err := b.internal.FindFlow(t.Context(), &connectionv1.FindFlowRequest{State: answer.Get("state")})
	require.NoError(t, err)
	require.Equal(t, "msp", found.GetTenantId())
	for _, state := range []string{"", "forged"} {
		none, err := b.internal.FindFlow(t.Context(), &connectionv1.FindFlowRequest{State: state})
		require.NoError(t, err)
		require.Empty(t, none.GetTenantId())
	}
	refused, err := b.internal.CompleteCallback(t.Context(), &connectionv1.CompleteCallbackRequest{
		State: answer.Get("state"), Code: answer.Get("code"), Refusal: "feature_disabled",
	})
	require.NoError(t, err)
	require.Contains(t, refused.GetRedirectUrl(), "entra_status=failure")
	require.Contains(t, refused.GetRedirectUrl(), "error=feature_disabled")
	require.Zero(t, b.sim.requests("login.token", ""), "the code is not exchanged")
	require.Equal(t, "invalid_state", b.back(answer, "").Get("error"))
	require.Equal(t, "not_connected", b.status("msp").GetStatus())
}
