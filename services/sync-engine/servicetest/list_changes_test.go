package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func TestTheHostFollowsTheFeed(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	write := func(name string) {
		_, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: []*syncenginev1.ContactRecord{
			{ExternalId: ptr("1"), ClientExternalId: ptr("ext"), FullName: name},
		}})
		require.NoError(t, err)
	}
	write("Before")
	list, err := b.contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetContacts(), 1)
	write("After")
	all, err := b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{})
	require.NoError(t, err)
	require.Len(t, all.GetChanges(), 2)
	require.Equal(t, "Before", all.GetChanges()[0].GetContact().GetFullName())
	later, err := b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{Cursor: list.GetChangesCursor(), WaitSeconds: 1})
	require.NoError(t, err)
	require.Len(t, later.GetChanges(), 1)
	entry := later.GetChanges()[0]
	require.Equal(t, "contact.updated", entry.GetType())
	require.Equal(t, "host", entry.GetSource())
	require.Equal(t, []string{"fullName"}, entry.GetFields())
	require.Equal(t, "After", entry.GetContact().GetFullName())
	require.Equal(t, all.GetNextCursor(), later.GetNextCursor())
	_, err = b.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{Cursor: syncengine.FeedCursor(9)})
	require.Equal(t, "cursor_expired", errs.ReasonOf(err))
}
