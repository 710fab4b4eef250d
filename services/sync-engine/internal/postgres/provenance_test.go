package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestAContactShowsWhereItCameFrom follows one contact of sync and one of the host.
func TestAContactShowsWhereItCameFrom(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.host(syncengine.ContactRecord{ExternalID: ptr("h"), ClientID: ptr(client), FullName: "Host", Email: ptr("h@corp.example"), Inactive: ptr(true)})
	show := func(where string) syncengine.Provenance {
		_, p, err := syncengine.NewShowContact(e.store).Do(e.ctx(), e.rows(`SELECT id::text FROM contacts WHERE ` + where)[0])
		require.NoError(t, err)
		return p
	}
	host := show(`external_id = 'h'`)
	require.Nil(t, host.Link)
	require.Equal(t, "host", host.MadeBy)
	require.Equal(t, "host", host.InactiveReason)

	e.dir.users = people(9)
	first := e.round()
	linkedAt := e.now
	made := show(`entra_object_id = 'o-000'`)
	require.Equal(t, "sync", made.MadeBy)
	require.Equal(t, linkedAt, made.CreatedAt.UTC())
	require.Empty(t, made.InactiveReason)
	require.Equal(t, managed, made.Link.ManagedTenantID)
	require.Equal(t, directory, made.Link.EntraTenantID)
	require.Equal(t, first.RunID, made.Link.RunID)
	require.Equal(t, linkedAt, made.Link.LinkedAt.UTC())

	e.round()
	seen := show(`entra_object_id = 'o-000'`)
	require.Equal(t, e.now, seen.Link.LastSeenAt.UTC(), "a round that changes nothing sees it too")
	lastSeen := e.now
	e.dir.users = e.dir.users[1:]
	e.round()
	gone := show(`entra_object_id = 'o-000'`)
	require.Equal(t, "deleted_upstream", gone.InactiveReason)
	require.Equal(t, "inactive", gone.Link.Status)
	require.Equal(t, e.now, gone.Link.GoneAt.UTC())
	require.False(t, gone.Link.LastSeenAt.After(lastSeen))

	e.remap(other)
	_, err := e.decide(syncengine.DecisionLeave)
	require.NoError(t, err)
	left := show(`full_name = 'Person 0'`)
	require.Nil(t, left.Link)
	require.Len(t, left.History, 1)
	require.Equal(t, "ended", left.History[0].Event)
	require.Equal(t, client, left.History[0].OldClientID)
	require.Equal(t, linkedAt, left.History[0].LinkedAt.UTC())
}

// TestWhoLeavesWhileItsLinkWaitsIsNotGone: a link that is to be given a contact of the new client counts as
// none, whoever its identity was at the old one, by a listing and by a list of changes alike.
func TestWhoLeavesWhileItsLinkWaitsIsNotGone(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{true, false} {
		e := setup(t)
		ann, bob := person("o-ann", "Ann Lee", "ann@corp.example"), person("o-bob", "Bob Ray", "bob@corp.example")
		e.dir.users = []syncengine.User{ann, bob}
		e.round()
		for _, external := range []string{"h-1", "h-2"} {
			e.host(syncengine.ContactRecord{ExternalID: &external, ClientID: ptr(other), FullName: "Ann Lee", Email: &ann.Mail})
		}
		e.remap(other)
		e.followed()
		require.Equal(t, syncengine.Counters{Ambiguous: 1, Created: 1}, e.relink())
		e.dir.users, e.dir.expired = []syncengine.User{bob}, full
		require.Equal(t, syncengine.Counters{Unchanged: 1}, e.round().Counters)
		old := e.rows(`SELECT contact_id::text FROM entra_contact_links WHERE entra_object_id = 'o-ann'`)[0]
		_, shown, err := syncengine.NewShowContact(e.store).Do(e.ctx(), old)
		require.NoError(t, err)
		require.Equal(t, "orphaned", shown.Link.Status)
		require.Nil(t, shown.Link.GoneAt, "everybody listed: %v", full)
	}
}
