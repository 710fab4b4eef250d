package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestTheRuleUPNShowsTheSignInName in every answer that has the contact: its detail, all lists and
// searches, and the feed as of each change. Turned off again, the rule leaves what it wrote alone.
func TestTheRuleUPNShowsTheSignInName(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	b.flags.on = []string{"entra-integration-field-sync"}
	sync := func(upn string) {
		ann := user("ann", "ann@corp.example")
		ann.UserPrincipalName = &upn
		b.connection.events = []*connectionv1.ListUsersResponse{page(ann), completed}
		b.synced(ctx, t)
	}
	rule := func(on bool) {
		b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{FieldRules: &syncenginev1.FieldRules{Upn: &on}}})
	}
	var id string
	requireShown := func(want, account string) {
		t.Helper()
		for _, req := range []*syncenginev1.ListContactsRequest{{}, {ClientId: clientID}, {Q: "name of"}, {Q: "ann@"}, {Q: "ann", ClientId: clientID}} {
			list, err := b.contacts.ListContacts(ctx, req)
			require.NoError(t, err)
			require.Len(t, list.GetContacts(), 1, req)
			require.Equal(t, want, list.GetContacts()[0].GetSignInName(), req)
			id = list.GetContacts()[0].GetId()
		}
		detail, err := b.contacts.GetContact(ctx, &syncenginev1.GetContactRequest{Id: id})
		require.NoError(t, err)
		require.Equal(t, want, detail.GetContact().GetSignInName())
		require.Equal(t, account, detail.GetContact().GetEntraUserPrincipalName())
	}
	type entry struct {
		kind   string
		fields []string
		shows  string
	}
	told := func() (entries []entry) {
		feed, err := b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{})
		require.NoError(t, err)
		for _, c := range feed.GetChanges() {
			entries = append(entries, entry{c.GetType(), c.GetFields(), c.GetContact().GetSignInName()})
		}
		return entries
	}

	sync("first@corp.example")
	requireShown("", "first@corp.example")
	rule(true)
	sync("second@corp.example")
	requireShown("second@corp.example", "second@corp.example")
	sync("third@corp.example")
	requireShown("third@corp.example", "third@corp.example")
	_, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: []*syncenginev1.ContactRecord{
		{Id: &id, FullName: "Name of ann", Role: ptr("Cook")},
	}})
	require.NoError(t, err)
	requireShown("third@corp.example", "third@corp.example")
	rule(false)
	sync("fourth@corp.example")
	requireShown("third@corp.example", "fourth@corp.example")
	require.Equal(t, []entry{
		{kind: "contact.created"},
		{"contact.updated", []string{"signInName"}, "second@corp.example"},
		{"contact.updated", []string{"signInName"}, "third@corp.example"},
		{"contact.updated", []string{"role"}, "third@corp.example"},
	}, told(), "each as of its change")
}

// TestANewContactShowsItsSignInName from its first entry in the feed on, while the rule is on.
func TestANewContactShowsItsSignInName(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	b.flags.on = []string{"entra-integration-field-sync"}
	b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{FieldRules: &syncenginev1.FieldRules{Upn: ptr(true)}}})
	b.connection.events = []*connectionv1.ListUsersResponse{page(user("ann", "ann@corp.example")), completed}
	b.synced(ctx, t)
	feed, err := b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{})
	require.NoError(t, err)
	require.Len(t, feed.GetChanges(), 1)
	require.Equal(t, "contact.created", feed.GetChanges()[0].GetType())
	require.Equal(t, "ann@corp.example", feed.GetChanges()[0].GetContact().GetSignInName())
}
