package acceptance

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

const runsPath = "/api/integrations/entra/sync/runs/"

// identities reads a run's report.
func identities(t testing.TB, c *hostclient.Client, runID, query string) (all []reported) {
	t.Helper()
	next := ""
	for {
		var page struct {
			Identities    []reported `json:"identities"`
			NextPageToken string     `json:"nextPageToken"`
		}
		require.NoError(t, c.Do(t.Context(), "GET", runsPath+runID+"/identities?pageSize=200&"+query+"&pageToken="+url.QueryEscape(next), nil, &page))
		all = append(all, page.Identities...)
		if next = page.NextPageToken; next == "" {
			return all
		}
	}
}

// reported is an identity in a report, without the id of its contact, which a dry run does not know.
type reported struct {
	EntraObjectID string                                  `json:"entraObjectId"`
	DisplayName   string                                  `json:"displayName"`
	Outcome       string                                  `json:"outcome"`
	Reason        string                                  `json:"reason"`
	Pattern       string                                  `json:"pattern"`
	Changes       []struct{ Field, Before, After string } `json:"changes"`
}

// TestAPreflightTellsWhatASyncDoesAndAnApprovalIsCarriedOut looks before the first sync, has most
// people of two customers disabled, approves what the guard held of one and rejects it of the other.
// The held run has ended by then: nothing waits for a person.
func TestAPreflightTellsWhatASyncDoesAndAnApprovalIsCarriedOut(t *testing.T) {
	t.Parallel()
	w := start(t, stack.Options{Fleet: "tiny"})
	c := w.mapped(t, "careful")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()

	var started hostclient.Start
	require.NoError(t, c.Do(ctx, "POST", "/api/integrations/entra/sync/preflight", map[string]any{"scope": "initial"}, &started))
	require.Contains(t, started.WorkflowID, ":preflight")
	dry, err := c.WaitRun(ctx, started.RunID, nil)
	require.NoError(t, err)
	first := sync(t, c, "initial")
	require.Positive(t, first.Run.Counters.Created)
	require.Equal(t, first.Run.Counters, dry.Run.Counters)
	var changes []reported
	for _, i := range identities(t, c, dry.Run.RunID, "") {
		if i.Outcome != "unchanged" {
			changes = append(changes, i)
		}
	}
	require.Equal(t, identities(t, c, first.Run.RunID, ""), changes)

	active := func() map[string][]string {
		contacts, err := c.Contacts(ctx, url.Values{"entra": {"linked"}})
		require.NoError(t, err)
		of := map[string][]string{}
		for _, contact := range contacts {
			if text(contact.LinkStatus) == "active" {
				of[*contact.EntraTenantID] = append(of[*contact.EntraTenantID], *contact.EntraObjectID)
			}
		}
		return of
	}
	before := active()
	customers := slices.SortedFunc(maps.Keys(before), func(a, b string) int {
		return cmp.Or(len(before[b])-len(before[a]), strings.Compare(a, b))
	})
	approved, rejected := customers[0], customers[1]
	var disable []map[string]any
	for _, of := range []string{approved, rejected} {
		require.Greater(t, len(before[of]), 4)
		for _, user := range before[of][1:] {
			disable = append(disable, map[string]any{"kind": "edit", "tenant": of, "user": user, "set": map[string]any{"accountEnabled": false}})
		}
	}
	w.simulator(t, "POST", "/admin/changes", map[string]any{"changes": disable})

	held := sync(t, c, "all-tenants")
	require.Equal(t, "held", held.Run.State)
	w.requireNothingLeftBehind(ctx, t, "careful")
	of := map[string]hostclient.TenantResult{}
	for _, result := range held.TenantResults[:2] { // what needs a person comes first
		require.NotNil(t, result.Held)
		require.Equal(t, len(before[result.EntraTenantID])-1, result.Held.Count)
		of[result.EntraTenantID] = result
	}
	require.Len(t, identities(t, c, held.Run.RunID, "outcome=held"), len(disable))
	require.Equal(t, before, active(), "nobody is inactivated yet")
	path := runsPath + held.Run.RunID + "/held/"
	var problem *hostclient.Problem
	err = c.Do(ctx, "POST", path+of[approved].ManagedTenantID, map[string]any{"decision": "approve", "digest": "another"}, nil)
	require.ErrorAs(t, err, &problem)
	require.Equal(t, "held_set_differs", problem.Code)
	var decided struct {
		Run *struct {
			RunID string `json:"runId"`
		} `json:"run"`
	}
	decide := func(customer, decision string) {
		decided.Run = nil
		require.NoError(t, c.Do(ctx, "POST", path+of[customer].ManagedTenantID, map[string]any{"decision": decision, "digest": of[customer].Held.Digest}, &decided))
	}
	decide(rejected, "reject")
	require.Nil(t, decided.Run, "there is nothing to carry out")
	decide(approved, "approve")
	done, err := c.WaitRun(ctx, decided.Run.RunID, nil)
	require.NoError(t, err)
	require.Equal(t, "completed", done.Run.State)
	require.Equal(t, len(before[approved])-1, done.Run.Counters.Inactivated)
	require.Equal(t, 1, done.Run.TotalTenants)

	// The next run leaves alone what was rejected, and holds it no more.
	next := sync(t, c, "all-tenants")
	require.Equal(t, "completed", next.Run.State)
	require.Zero(t, next.Run.Counters.Inactivated)
	after := active()
	require.Equal(t, before[approved][:1], after[approved])
	require.Equal(t, before[rejected], after[rejected])
	w.requireNothingLeftBehind(ctx, t, "careful")
}
