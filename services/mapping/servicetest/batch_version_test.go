package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// TestARecordIsTakenOnlyWhileItsClientHasTheVersionItNames: whoever changes a client that they read
// does not undo what somebody else changed in between.
func TestARecordIsTakenOnlyWhileItsClientHasTheVersionItNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := func(n int64) *int64 { return &n }
	made := b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Name: "Acme"})[0]
	require.Equal(t, int64(1), made.GetVersion())
	require.Equal(t, int64(1), b.client(made.GetId()).GetVersion())
	renamed := b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Name: "Acme Ltd", Version: version(1)})[0]
	require.Equal(t, "updated", renamed.GetOutcome())
	require.Equal(t, int64(2), renamed.GetVersion())

	before := b.contents()
	results := b.upsert(
		&mappingv1.ClientRecord{ExternalId: "a", Name: "Stale", Website: text("nonesuch"), Version: version(1)},
		&mappingv1.ClientRecord{ExternalId: "b", Name: "Nobody", Version: version(1)},
	)
	require.Equal(t, []string{"conflict", "conflict"}, outcomes(results))
	require.Equal(t, made.GetId(), results[0].GetId())
	require.Equal(t, int64(2), results[0].GetVersion(), "the one that it has")
	require.Equal(t, "version", results[0].GetViolations()[0].GetField())
	require.Empty(t, results[0].GetWarnings())
	require.Empty(t, results[1].GetId())
	require.Nil(t, results[1].Version)
	stale := b.upsert(&mappingv1.ClientRecord{Id: made.GetId(), Deleted: true, Version: version(1)})[0]
	require.Equal(t, "conflict", stale.GetOutcome())
	require.Equal(t, "a", stale.GetExternalId())
	same := b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Name: "Acme Ltd", Version: version(2)})[0]
	require.Equal(t, "unchanged", same.GetOutcome())
	require.Equal(t, int64(2), same.GetVersion())
	require.Equal(t, before, b.contents(), "none of it wrote anything")

	tenant := b.discover("Acme", "acme.com")[0]
	b.mustConfirm(decide(tenant, "map", made.GetId()))
	require.Equal(t, int64(3), b.client(made.GetId()).GetVersion(), "its mapping is shown with it")
	b.mustConfirm(decide(tenant, "skip"))
	gone := b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Deleted: true, Version: version(4)})[0]
	require.Equal(t, "deleted", gone.GetOutcome())
	require.Equal(t, int64(5), gone.GetVersion())
	require.Equal(t, int64(5), b.client(made.GetId()).GetVersion())
}

// TestOfChangesMadeOnOneVersionOneIsTaken: they meet at the lock of the tenant's clients.
func TestOfChangesMadeOnOneVersionOneIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Name: "Acme"})
	const callers = 8
	first, ctx := int64(1), b.ctx()
	came, failed := make(chan string, callers), make(chan error, callers)
	for i := range callers {
		go func() {
			answer, err := b.clients.BatchUpsertClients(ctx, &mappingv1.BatchUpsertClientsRequest{Clients: []*mappingv1.ClientRecord{
				{ExternalId: "a", Name: "Acme " + string(rune('A'+i)), Version: &first},
			}})
			failed <- err
			came <- answer.GetResults()[0].GetOutcome()
		}()
	}
	counts := map[string]int{}
	for range callers {
		require.NoError(t, <-failed)
		counts[<-came]++
	}
	require.Equal(t, map[string]int{"updated": 1, "conflict": callers - 1}, counts)
}
