package servicetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// write writes one contact as the host and returns what became of it.
func (b *bundle) write(record *syncenginev1.ContactRecord) *syncenginev1.ContactResult {
	b.t.Helper()
	batch, err := b.contacts.BatchUpsertContacts(b.as("host"), &syncenginev1.BatchUpsertContactsRequest{Contacts: []*syncenginev1.ContactRecord{record}})
	require.NoError(b.t, err)
	return batch.GetResults()[0]
}

// shown reads a contact.
func (b *bundle) shown(id string) *syncenginev1.Contact {
	b.t.Helper()
	got, err := b.contacts.GetContact(b.as("host"), &syncenginev1.GetContactRequest{Id: id})
	require.NoError(b.t, err)
	return got.GetContact()
}

// warned are the fields that a result warns of.
func warned(result *syncenginev1.ContactResult) (fields []string) {
	for _, warning := range result.GetWarnings() {
		fields = append(fields, warning.GetField())
	}
	return fields
}

// TestLinksFollowWhatTheHostDoes changes, moves, deletes and merges linked contacts. The feed
// tells of each, and the next sync finds what the host made.
func TestLinksFollowWhatTheHostDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var records []*syncenginev1.ContactRecord
	for _, n := range []string{"0", "1", "2", "3"} {
		records = append(records, contact("c-"+n, "Person "+n, "p"+n+"@corp.example"))
		b.directory.users = append(b.directory.users, user("o-"+n, "Person "+n, "p"+n+"@corp.example"))
	}
	ids := b.host(records...)
	require.EqualValues(t, 4, b.sync().GetLinked())
	listed, err := b.contacts.ListContacts(b.as("host"), &syncenginev1.ListContactsRequest{})
	require.NoError(t, err)

	version := b.shown(ids[0]).GetVersion()
	before := b.dump()
	late := b.write(&syncenginev1.ContactRecord{ExternalId: ptr("c-0"), FullName: "Late", Version: ptr(version - 1)})
	require.Equal(t, "conflict", late.GetOutcome())
	require.Equal(t, "version", late.GetViolations()[0].GetField())
	require.Equal(t, version, late.GetVersion(), "who was slower learns what to read again")
	require.Equal(t, before, b.dump())
	renamed := b.write(&syncenginev1.ContactRecord{ExternalId: ptr("c-0"), FullName: "Renamed", Email: ptr("new@corp.example"), Version: &version})
	require.Equal(t, "updated", renamed.GetOutcome())
	require.Empty(t, warned(renamed))
	kept := b.shown(ids[0])
	require.Equal(t, "o-0 active Renamed", strings.Join([]string{kept.GetEntraObjectId(), kept.GetLinkStatus(), kept.GetFullName()}, " "))
	require.Equal(t, version+1, kept.GetVersion())

	moved := b.write(&syncenginev1.ContactRecord{ExternalId: ptr("c-1"), ClientId: ptr(another)})
	require.Equal(t, "updated", moved.GetOutcome())
	require.Equal(t, []string{"clientId"}, warned(moved))
	require.Equal(t, "o-1", b.shown(ids[1]).GetEntraObjectId())
	require.Equal(t, another, b.shown(ids[1]).GetClientId())

	for _, id := range []string{"c-2", "c-3"} {
		deleted := b.write(&syncenginev1.ContactRecord{ExternalId: &id, Deleted: ptr(true)})
		require.Equal(t, "deleted", deleted.GetOutcome())
		require.Equal(t, []string{"deleted"}, warned(deleted))
		require.Empty(t, b.shown(deleted.GetId()).GetEntraObjectId())
	}
	survivor := b.host(contact("c-4", "Person 3", "p3@corp.example"))[0] // the two were merged

	counters := b.sync()
	require.EqualValues(t, 2, counters.GetUnchanged(), "who was renamed, and who moved")
	require.EqualValues(t, 1, counters.GetLinked())
	require.EqualValues(t, 1, counters.GetAmbiguous())
	require.Equal(t, "contact_deleted", b.open()["o-2"].GetReason())
	require.Equal(t, "o-3", b.shown(survivor).GetEntraObjectId())
	require.Equal(t, "Renamed", b.shown(ids[0]).GetFullName(), "a field that the host has is the host's")

	feed, err := b.changes.ListChanges(b.as("host"), &syncenginev1.ListChangesRequest{Cursor: listed.GetChangesCursor(), PageSize: 100})
	require.NoError(t, err)
	var told []string
	for _, change := range feed.GetChanges() {
		told = append(told, strings.Join([]string{
			change.GetType(), change.GetSource(), change.GetContact().GetExternalId(), strings.Join(change.GetFields(), ","),
		}, " "))
	}
	require.Equal(t, []string{
		"contact.updated host c-0 fullName,email",
		"contact.updated host c-1 clientId",
		"contact.deleted host c-2 deleted,entraObjectId,linkStatus",
		"contact.deleted host c-3 deleted,entraObjectId,linkStatus",
		"contact.created host c-4 ",
		"contact.linked sync c-4 ",
	}, told)
}
