package postgres_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestAQueuedIdentityComesWithWhatTellsItApart: who shares its address, and what became of
// the identity that has its contact, also where a round hears of changes alone.
func TestAQueuedIdentityComesWithWhatTellsItApart(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("1"), ClientID: ptr(client), FullName: "Ann Lee", Email: ptr("ann@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("2"), ClientID: ptr(client), FullName: "Bo Dahl", Email: ptr("bo@corp.example")},
	)
	e.dir.users = []syncengine.User{person("o-ann", "Ann Lee", "ann@corp.example"), person("o-bo", "Bo Dahl", "bo@corp.example")}
	e.round()
	e.dir.users[1].AccountEnabled = ptr(false)
	member, guest := person("o-twin", "Kim Ray", "kim@corp.example"), person("o-guest", "Kim Ray", "kim@home.example")
	member.UserType, member.LicenceCount = "Member", ptr(int32(2))
	guest.UserType, guest.LicenceCount, guest.ProxyAddresses = "Guest", ptr(int32(0)), []string{"smtp:kim@corp.example"}
	e.dir.users = append(e.dir.users, person("o-ann2", "Sue Cho", "ann@corp.example"), person("o-bo2", "Tim Poe", "bo@corp.example"), member, guest)
	for range 2 {
		clear(e.queue.items)
		require.Equal(t, 4, e.round().Counters.Ambiguous)
		items := e.queue.items
		require.Equal(t, []string{"active", "o-ann@corp.example", "o-ann"},
			[]string{items["o-ann2"].Candidates[0].LinkedState, items["o-ann2"].Candidates[0].LinkedUPN, items["o-ann2"].Candidates[0].LinkedTo})
		require.Equal(t, "disabled", items["o-bo2"].Candidates[0].LinkedState)
		require.Empty(t, items["o-ann2"].Peers)
		require.Equal(t, []syncengine.Peer{{
			ObjectID: "o-guest", UserPrincipalName: "o-guest@corp.example", DisplayName: "Kim Ray", Enabled: ptr(true), Licences: ptr(int32(0)), UserType: "Guest",
		}}, items["o-twin"].Peers)
		require.Equal(t, "o-twin", items["o-guest"].Peers[0].ObjectID)
		require.Equal(t, ptr(int32(2)), items["o-twin"].Licences)
		require.Equal(t, "Guest", items["o-guest"].UserType)
	}
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "the last round asked for changes")

	e.dir.users = slices.Delete(e.dir.users, 1, 2)
	e.round()
	require.Equal(t, "deleted", e.queue.items["o-bo2"].Candidates[0].LinkedState)
}

// TestAQueuedIdentityComesWithWhatBecameOfTheOtherWhileInactivationIsOff: the contacts of the
// disabled and the deleted stay active then, and yet a person is told.
func TestAQueuedIdentityComesWithWhatBecameOfTheOtherWhileInactivationIsOff(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.setting("mark_inactive_when_disabled", false)
	e.dir.users = []syncengine.User{person("o-off", "Ann Lee", "ann@corp.example"), person("o-gone", "Bo Dahl", "bo@corp.example")}
	e.round()
	e.dir.users[0].AccountEnabled = ptr(false)
	e.dir.users[1] = person("o-tim", "Tim Poe", "bo@corp.example")
	e.dir.users = append(e.dir.users, person("o-sue", "Sue Cho", "ann@corp.example"))
	require.Equal(t, 2, e.round().Counters.Ambiguous)
	require.Equal(t, "disabled", e.queue.items["o-sue"].Candidates[0].LinkedState)
	require.Equal(t, "deleted", e.queue.items["o-tim"].Candidates[0].LinkedState)
}
