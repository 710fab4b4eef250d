package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// under pushes items as a round of the directory's mapping does.
func (b *bundle) under(clientID string, revision int64, objects ...string) reconciliation.Pushed {
	round := roundOf(uuid.NewString())
	round.ClientID, round.MappingRevision = clientID, revision
	sightings := make([]reconciliation.Sighting, len(objects))
	for i, object := range objects {
		sightings[i] = sighting(object, "f")
	}
	pushed, err := b.push.Do(b.ctx, round, sightings)
	require.NoError(b.t, err)
	return pushed
}

// told tells of the directory's mapping and answers how many items that closed.
func (b *bundle) told(clientID string, revision int64) int {
	closed, err := b.apply.Do(b.ctx, reconciliation.Mapped{EntraTenantID: "entra-1", ClientID: clientID, Revision: revision})
	require.NoError(b.t, err)
	return closed
}

func TestItemsOfAClientThatIsNoLongerMappedClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.under("client-1", 1, "o1", "o2", "o3")
	b.decide("o3", reconciliation.Dismissed)
	elsewhere := roundOf(uuid.NewString())
	elsewhere.EntraTenantID = "entra-2"
	_, err := b.push.Do(b.ctx, elsewhere, []reconciliation.Sighting{sighting("o1", "f")})
	require.NoError(t, err)

	require.Equal(t, 2, b.told("client-2", 2), "remapped")
	require.Len(t, b.items(reconciliation.Superseded), 2)
	require.Len(t, b.items(reconciliation.Dismissed), 1, "what a person decided stays decided")
	before := b.versions()
	require.Zero(t, b.told("client-2", 2))
	require.Equal(t, before, b.versions(), "the same again writes no row")

	b.under("client-2", 2, "o1", "o2")
	require.Zero(t, b.told("", 1), "what is told late does no harm to later items")
	require.Zero(t, b.told("client-2", 3), "nor does a revision with the same client")
	b.under("client-2", 3, "o1")
	require.Equal(t, 2, b.told("", 4), "unmapped")
	open := b.items(reconciliation.Open)
	require.Len(t, open, 1)
	require.Equal(t, "entra-2", open[0].EntraTenantID)
}

// TestADecisionHoldsForItsClient remaps a directory after a person decided: what
// was decided about contacts of one client says nothing about another's, also
// where there is no candidate to tell them apart.
func TestADecisionHoldsForItsClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.under("client-1", 1, "o1")
	b.decide("o1", reconciliation.Resolved)
	require.Equal(t, reconciliation.Pushed{Decided: []string{"o1"}}, b.under("client-1", 1, "o1"))
	require.Equal(t, reconciliation.Pushed{Open: 1}, b.under("client-2", 2, "o1"))
	require.Equal(t, 1, b.told("client-1", 3))
	require.Equal(t, reconciliation.Pushed{Decided: []string{"o1"}}, b.under("client-1", 3, "o1"), "back again nothing is asked anew")
}
