package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestATokenIsGoodForItsListAlone: a place in one order means nothing in another.
func TestATokenIsGoodForItsListAlone(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	var records []*syncenginev1.ContactRecord
	for _, name := range []string{"Ann", "Bob", "Cem"} {
		records = append(records, &syncenginev1.ContactRecord{ExternalId: ptr(name), ClientExternalId: ptr("ext"), FullName: name})
	}
	batch, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: records})
	require.NoError(t, err)
	require.Equal(t, "created", batch.GetResults()[2].GetOutcome(), batch.GetResults()[2].GetViolations())
	byName := &syncenginev1.ListContactsRequest{PageSize: 1}
	var names []string
	for {
		list, err := b.contacts.ListContacts(ctx, byName)
		require.NoError(t, err)
		require.Len(t, list.GetContacts(), 1)
		names = append(names, list.GetContacts()[0].GetFullName())
		if list.GetNextPageToken() == "" {
			break
		}
		byName.PageToken = list.GetNextPageToken()
	}
	require.Equal(t, []string{"Ann", "Bob", "Cem"}, names)
	for _, other := range []*syncenginev1.ListContactsRequest{
		{ClientId: "client-1", PageToken: byName.GetPageToken()},
		{Q: "b", PageToken: byName.GetPageToken()},
		{Entra: "linked", PageToken: byName.GetPageToken()},
		{Status: "active", PageToken: byName.GetPageToken()},
	} {
		_, err = b.contacts.ListContacts(ctx, other)
		require.Equal(t, "invalid_argument", errs.ReasonOf(err), other)
	}
	_, err = b.runs.ListRuns(ctx, &syncenginev1.ListRunsRequest{PageToken: byName.GetPageToken()})
	require.Equal(t, "invalid_argument", errs.ReasonOf(err))
}
