package acceptance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// TestAClientToBeCreatedIsCreatedOnce begins with an MSP that has no client at all and has one
// created for each managed tenant.
func TestAClientToBeCreatedIsCreatedOnce(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Tiny)
	c := w.msp(t, "creates")
	require.NoError(t, c.Connect(t.Context()))
	_, err := c.Discover(t.Context())
	require.NoError(t, err)
	preview, err := c.Preview(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, preview.Unmatched)
	decisions := make([]hostclient.Decision, len(preview.Unmatched))
	names := make([]string, len(preview.Unmatched))
	for i, row := range preview.Unmatched {
		decisions[i] = hostclient.Decision{ManagedTenantID: row.ManagedTenantID, Decision: "create_new"}
		names[i] = row.DisplayName
	}
	_, err = c.Confirm(t.Context(), decisions)
	require.NoError(t, err)
	clients, err := c.Clients(t.Context())
	require.NoError(t, err)
	require.Empty(t, clients, "a decision alone creates nobody")

	first := sync(t, c, "initial")
	require.Equal(t, len(decisions), first.Run.TotalTenants)
	require.Positive(t, first.Run.Counters.Created)
	for range 2 {
		clients, err = c.Clients(t.Context())
		require.NoError(t, err)
		got := make([]string, len(clients))
		for i, client := range clients {
			got[i] = client.Name
		}
		require.ElementsMatch(t, names, got)
		again := sync(t, c, "all-tenants")
		require.Equal(t, len(decisions), again.Run.TotalTenants)
		require.Zero(t, again.Run.Counters.Created)
	}
	status, err := c.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(decisions), status.MappingSummary.Mapped)
	require.Zero(t, status.MappingSummary.CreateNew)
}
