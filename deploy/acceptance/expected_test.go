package acceptance

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/simulator/expect"
)

// requireExpected compares a first sync, tenant by tenant and reason by reason, with what the
// fleet implies.
func (w *world) requireExpected(t *testing.T, c *hostclient.Client, got hostclient.RunDetail) {
	t.Helper()
	pairs := expect.AutoMatched(w.fleet)
	want, err := expect.Initial(w.fleet, pairs)
	require.NoError(t, err)
	require.Len(t, got.TenantResults, len(pairs))
	clients := clientsByID(t, c)

	var sum hostclient.Counters
	for _, result := range got.TenantResults {
		outcome, ok := want[result.EntraTenantID]
		require.True(t, ok, "tenant %s was synced and is not expected", result.EntraTenantID)
		require.Contains(t, pairs, expect.Pair{TenantID: result.EntraTenantID, ClientExternalID: clients[result.ClientID]})
		require.Equal(t, hostclient.Counters{
			Created: outcome.Created, Linked: outcome.Linked,
			Ambiguous: expect.Sum(outcome.Ambiguous), Filtered: expect.Sum(outcome.Filtered), Failed: expect.Sum(outcome.Failed),
		}, result.Counters, "tenant %s", result.EntraTenantID)
		require.Equal(t, counted(outcome.Filtered), counted(result.Filtered), "filtered of tenant %s", result.EntraTenantID)
		require.Equal(t, counted(outcome.Ambiguous), counted(result.Ambiguous), "ambiguous of tenant %s", result.EntraTenantID)
		sum.Created += outcome.Created
		sum.Linked += outcome.Linked
		sum.Ambiguous += expect.Sum(outcome.Ambiguous)
		sum.Filtered += expect.Sum(outcome.Filtered)
		sum.Failed += expect.Sum(outcome.Failed)
	}
	require.Equal(t, sum, got.Run.Counters)
	require.Positive(t, sum.Created)
	require.Positive(t, sum.Linked)
	require.Positive(t, sum.Ambiguous)
	require.Positive(t, sum.Filtered)
	w.requireDecisions(t, c, want)
}

// later has accounts made again and contacts merged and deleted, and compares the next sync with
// what the rules say of it.
func (w *world) later(t *testing.T, c *hostclient.Client) {
	t.Helper()
	state, err := expect.First(w.fleet, expect.AutoMatched(w.fleet))
	require.NoError(t, err)
	changes, contacts := slices.Collect(w.fleet.Later()), slices.Collect(w.fleet.MSP().LaterContacts())
	w.simulator(t, "POST", "/admin/changes", map[string]any{"changes": changes})
	for _, change := range changes {
		_, err := w.fleet.Apply(change)
		require.NoError(t, err)
	}
	_, err = hostclient.Upsert(t.Context(), c, "/api/contacts:batch", "contacts", contacts)
	require.NoError(t, err)
	require.NoError(t, state.Next(w.fleet, contacts))
	got := sync(t, c, "all-tenants")
	require.Len(t, got.TenantResults, len(state.Outcomes))
	inactivated := 0
	for _, result := range got.TenantResults {
		want := state.Outcomes[result.EntraTenantID]
		require.Equal(t, hostclient.Counters{
			Created: want.Created, Linked: want.Linked, Inactivated: want.Inactivated, Unchanged: want.Unchanged,
			Ambiguous: expect.Sum(want.Ambiguous), Filtered: expect.Sum(want.Filtered), Failed: expect.Sum(want.Failed),
		}, result.Counters, "tenant %s", result.EntraTenantID)
		require.Equal(t, counted(want.Ambiguous), counted(result.Ambiguous), "ambiguous of tenant %s", result.EntraTenantID)
		inactivated += want.Inactivated
	}
	require.Positive(t, inactivated)
}

// requireDecisions compares identity by identity: which contact each is linked to, and what waits
// in the queue for which reason.
func (w *world) requireDecisions(t *testing.T, c *hostclient.Client, want map[string]expect.Outcome) {
	t.Helper()
	contacts, err := c.Contacts(t.Context(), map[string][]string{"entra": {"linked"}})
	require.NoError(t, err)
	linked := map[string]hostclient.Contact{}
	for _, contact := range contacts {
		linked[text(contact.EntraTenantID)+" "+text(contact.EntraObjectID)] = contact
	}
	items, err := c.Queue(t.Context(), map[string][]string{"status": {"open"}})
	require.NoError(t, err)
	queued := map[string]string{}
	for _, item := range items {
		queued[item.EntraTenantID+" "+item.EntraObjectID] = item.Reason
	}
	wantLinked, wantQueued := 0, 0
	for tenant, outcome := range want {
		for object, decision := range outcome.Decisions {
			key := tenant + " " + object
			switch decision.Class {
			case expect.Created:
				wantLinked++
				require.True(t, strings.EqualFold(decision.Email, linked[key].Email), "contact made for %s: %s", key, linked[key].Email)
				require.Nil(t, linked[key].ExternalID, "contact made for %s", key)
			case expect.Linked:
				wantLinked++
				require.Equal(t, decision.ContactExternalID, text(linked[key].ExternalID), "contact linked to %s", key)
			case expect.Ambiguous:
				wantQueued++
				require.Equal(t, decision.Reason, queued[key], "queue item of %s", key)
			case expect.Filtered, expect.Failed:
				require.NotContains(t, linked, key)
				require.NotContains(t, queued, key)
			}
		}
	}
	require.Len(t, linked, wantLinked)
	require.Len(t, queued, wantQueued)
}

func clientsByID(t *testing.T, c *hostclient.Client) map[string]string {
	t.Helper()
	clients, err := c.Clients(t.Context())
	require.NoError(t, err)
	byID := map[string]string{}
	for _, client := range clients {
		byID[client.ID] = client.ExternalID
	}
	return byID
}

// counted leaves out reasons that did not occur.
func counted(byReason map[string]int) map[string]int {
	out := map[string]int{}
	for reason, n := range byReason {
		if n != 0 {
			out[reason] = n
		}
	}
	return out
}
