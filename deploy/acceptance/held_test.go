package acceptance

import (
	"context"
	"net/url"
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
// people of a customer disabled, and approves what the guard held.
func TestAPreflightTellsWhatASyncDoesAndAnApprovalIsCarriedOut(t *testing.T) {
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

	active := map[string][]string{}
	contacts, err := c.Contacts(ctx, url.Values{"entra": {"linked"}})
	require.NoError(t, err)
	most := ""
	for _, contact := range contacts {
		if text(contact.LinkStatus) == "active" {
			in := *contact.EntraTenantID
			active[in] = append(active[in], *contact.EntraObjectID)
			if len(active[in]) > len(active[most]) {
				most = in
			}
		}
	}
	require.Greater(t, len(active[most]), 4)
	var disable []map[string]any
	for _, user := range active[most][1:] {
		disable = append(disable, map[string]any{"kind": "edit", "tenant": most, "user": user, "set": map[string]any{"accountEnabled": false}})
	}
	w.simulator(t, "POST", "/admin/changes", map[string]any{"changes": disable})

	held := sync(t, c, "all-tenants")
	require.Equal(t, "held", held.Run.State)
	first200 := held.TenantResults[0]
	require.NotNil(t, first200.Held, "what needs a person comes first")
	require.Equal(t, len(disable), first200.Held.Count)
	require.Len(t, identities(t, c, held.Run.RunID, "outcome=held"), len(disable))
	path := runsPath + held.Run.RunID + "/held/" + first200.ManagedTenantID
	var problem *hostclient.Problem
	err = c.Do(ctx, "POST", path, map[string]any{"decision": "approve", "digest": "another"}, nil)
	require.ErrorAs(t, err, &problem)
	require.Equal(t, "held_set_differs", problem.Code)
	var decided struct {
		Run struct {
			RunID string `json:"runId"`
		} `json:"run"`
	}
	require.NoError(t, c.Do(ctx, "POST", path, map[string]any{"decision": "approve", "digest": first200.Held.Digest}, &decided))
	done, err := c.WaitRun(ctx, decided.Run.RunID, nil)
	require.NoError(t, err)
	require.Equal(t, "completed", done.Run.State)
	require.Equal(t, len(disable), done.Run.Counters.Inactivated)
	require.Equal(t, 1, done.Run.TotalTenants)
}
