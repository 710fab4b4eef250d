package acceptance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// TestTheMainJob does what an MSP does first and compares every count with what the fleet implies,
// computed without the engine's code.
func TestTheMainJob(t *testing.T) {
	t.Parallel()
	w := start(t, stack.Options{})
	c := w.mapped(t, "main-job")

	first := sync(t, c, "initial")
	require.Equal(t, "completed", first.Run.State)
	w.requireExpected(t, c, first)

	status, err := c.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, "connected", status.Status)
	require.NotNil(t, status.LastDiscoveryAt)
	require.Equal(t, first.Run.RunID, status.LastRun.RunID)

	t.Run("a second sync changes nothing", func(t *testing.T) {
		before, seen := w.rowVersions(t, "main-job"), lastSync(t, c)
		second := sync(t, c, "all-tenants")
		require.Equal(t, "completed", second.Run.State)
		require.Zero(t, second.Run.Counters.Created)
		require.Zero(t, second.Run.Counters.Linked)
		require.Zero(t, second.Run.Counters.Updated)
		require.Equal(t, first.Run.Counters.Total(), second.Run.Counters.Total())
		require.Equal(t, before, w.rowVersions(t, "main-job"), "rows of contacts or links were written")
		after := lastSync(t, c)
		require.Len(t, after, len(seen))
		for id, then := range seen {
			require.True(t, after[id].After(then), "lastEntraSyncAt of contact %s did not move", id)
		}
	})

	t.Run("what happens later comes out as the rules say", func(t *testing.T) {
		w.later(t, c)
	})
}

// TestAnotherTenantSeesNothing asks for one MSP's things as another one.
func TestAnotherTenantSeesNothing(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Tiny)
	c := w.mapped(t, "owner")
	run := sync(t, c, "initial")
	contacts, err := c.Contacts(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, contacts)
	clients, err := c.Clients(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, clients)

	other := w.msp(t, "stranger")
	for _, path := range []string{
		"/api/contacts/" + contacts[0].ID,
		"/api/clients/" + clients[0].ID,
		"/api/integrations/entra/sync/runs/" + run.Run.RunID,
	} {
		require.NoError(t, c.Do(t.Context(), "GET", path, nil, nil))
		foreign := problemOf(t, other.Do(t.Context(), "GET", path, nil, nil))
		require.Equal(t, 404, foreign.Status, path)
		// An id that exists nowhere gets the very same answer.
		unknown := problemOf(t, other.Do(t.Context(), "GET", path[:len(path)-4]+"0000", nil, nil))
		require.Equal(t, unknown.Status, foreign.Status)
		require.Equal(t, unknown.Code, foreign.Code)
	}
	managed, err := c.ManagedTenants(t.Context())
	require.NoError(t, err)
	theirs, err := other.ManagedTenants(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, managed)
	require.Empty(t, theirs)
	none, err := other.Contacts(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

// TestAFlagIsOffFromTheNextRequestOn turns the integration off for a tenant.
func TestAFlagIsOffFromTheNextRequestOn(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Tiny)
	c := w.msp(t, "flagged")
	_, err := c.Status(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.platform().TargetFlag(t.Context(), "entra-integration-ui", "flagged", false))
	_, err = c.Status(t.Context())
	p := problemOf(t, err)
	require.Equal(t, 404, p.Status)
	require.Equal(t, "feature_disabled", p.Code)
	require.NoError(t, w.platform().TargetFlag(t.Context(), "entra-integration-ui", "flagged", true))
	_, err = c.Status(t.Context())
	require.NoError(t, err)
}

// TestTheCommunityEditionServesNoneOfIt starts the other edition.
func TestTheCommunityEditionServesNoneOfIt(t *testing.T) {
	t.Parallel()
	w := start(t, stack.Options{Fleet: "tiny", Edition: "community"})
	c := w.msp(t, "community")
	_, err := c.Status(t.Context())
	p := problemOf(t, err)
	require.Equal(t, 501, p.Status)
	require.Equal(t, "edition_required", p.Code)
}
