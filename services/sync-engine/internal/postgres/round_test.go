package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func TestFirstRoundCreatesLinksAndQueues(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("c-ann"), ClientID: ptr(client), FullName: "Ann by the host", Email: ptr("Ann@Corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("c-two-1"), ClientID: ptr(client), FullName: "Two", Email: ptr("two@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("c-two-2"), ClientID: ptr(client), FullName: "Two again", Email: ptr("two@corp.example")},
	)
	ann := person("o-ann", "Ann", "")
	ann.ProxyAddresses = []string{"smtp:other@corp.example", "SMTP:ANN@corp.example"}
	disabled := person("o-off", "Off", "off@corp.example")
	disabled.AccountEnabled = ptr(false)
	e.dir.users = []syncengine.User{
		ann, person("o-two", "Two", "two@corp.example"), person("o-bob", `Bob "'; DROP TABLE contacts; --`, "bob@corp.example"),
		disabled,
		{ObjectID: "o-unknown", UserPrincipalName: "u@corp.example"},
		{DisplayName: "No id"},
	}
	got := e.round()
	require.Equal(t, syncengine.StatePartial, got.State)
	require.Equal(t, syncengine.Counters{Created: 1, Linked: 1, Ambiguous: 1, Filtered: 2, Failed: 1}, got.Counters)
	require.Equal(t, map[string]int{"account_disabled": 1, "account_state_unknown": 1}, got.Filtered)
	require.Equal(t, []syncengine.Failure{{Reason: "missing_id"}}, got.Failures)
	require.Equal(t, "multiple_email_matches", e.queue.items["o-two"].Reason)
	require.Len(t, e.queue.items["o-two"].Candidates, 2)
	require.Equal(t, []string{`Bob "'; DROP TABLE contacts; -- bob@corp.example entra_sync active true`},
		e.rows(`SELECT full_name || ' ' || email, entra_sync_source || ' ' || entra_sync_status, entra_account_enabled FROM contacts WHERE made_by = 'sync'`))
	require.Equal(t, []string{"Ann by the host o-ann"}, e.rows(`SELECT full_name || ' ' || entra_object_id FROM contacts WHERE external_id = 'c-ann'`))
	require.Equal(t, 2, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active'`))
	require.Equal(t, []string{"1 contact.created", "2 contact.created", "3 contact.created", "4 contact.linked", "5 contact.created"},
		e.rows(`SELECT seq, type FROM contact_changes ORDER BY seq`))
}

func TestSecondRoundChangesNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-1", "One", "one@corp.example"), person("o-2", "Two", "two@corp.example")}
	require.Equal(t, 2, e.round().Counters.Created)
	rowsOf := func() []string {
		return append(e.rows(`SELECT xmin::text, id FROM contacts ORDER BY id`), e.rows(`SELECT xmin::text, entra_object_id FROM entra_contact_links ORDER BY 2`)...)
	}
	before := rowsOf()
	shown, _, err := e.store.Contacts(e.ctx(), syncengine.ContactPage{Size: 10})
	require.NoError(t, err)

	got := e.round()
	require.Equal(t, syncengine.Counters{Unchanged: 2}, got.Counters)
	require.Equal(t, before, rowsOf())
	again, _, err := e.store.Contacts(e.ctx(), syncengine.ContactPage{Size: 10})
	require.NoError(t, err)
	require.Equal(t, shown[0].LastSyncAt.Add(time.Hour), *again[0].LastSyncAt)
}
