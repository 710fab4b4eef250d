package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// standsIn are the tables of both services in which one of the texts stands, in any column.
func (b *bundle) standsIn(texts ...string) (tables []string) {
	b.t.Helper()
	for _, table := range b.strings(`SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('reconciliation', 'syncengine') ORDER BY 1`) {
		for _, text := range texts {
			if b.strings(`SELECT count(*)::text FROM `+table+` t WHERE strpos(lower(t::text), lower($1)) > 0`, text)[0] != "0" {
				tables = append(tables, table+" has "+text)
			}
		}
	}
	return tables
}

// erase erases whom an export shows.
func (b *bundle) erase(subject *syncenginev1.PersonSubject) {
	b.t.Helper()
	shown, err := b.people.ExportPerson(b.as("operator"), &syncenginev1.ExportPersonRequest{Subject: subject})
	require.NoError(b.t, err)
	erased, err := b.people.ErasePerson(b.as("operator"), &syncenginev1.ErasePersonRequest{Subject: subject, Digest: shown.GetDigest()})
	require.NoError(b.t, err)
	require.Equal(b.t, "done", erased.GetErasure().GetState())
}

// TestAnErasedPersonLeavesTheItemsOfOthers erases a candidate that is suggested and one of two
// identities that share an address. Nothing names them, and the others' items stay.
func TestAnErasedPersonLeavesTheItemsOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.host(contact("candidate", "Anna Quillfeather Berg", "anna@corp.example"), contact("reception", "Reception", "anna@corp.example"))
	twin, guest := user("o-twin", "Ida Holm", "ida@corp.example"), user("o-guest", "Ida Holm (Xenograph)", "ida@corp.example")
	twin.AssignedLicenceCount, guest.AssignedLicenceCount, guest.UserType = ptr(int32(2)), ptr(int32(0)), ptr("Guest")
	b.directory.users = append(b.directory.users, user("o-anna", "Anna Berg", "anna@corp.example"), twin, guest)
	require.EqualValues(t, 3, b.sync().GetAmbiguous())
	items := b.open()
	require.Equal(t, ids[0], items["o-anna"].GetSuggestion().GetContactId())
	require.Equal(t, "o-guest", items["o-twin"].GetPeers()[0].GetEntraObjectId())
	require.Contains(t, b.standsIn("Quillfeather"), "reconciliation.entra_contact_reconciliation_queue has Quillfeather")

	b.erase(&syncenginev1.PersonSubject{ContactId: ids[0]})
	require.Empty(t, b.standsIn("Quillfeather"))
	require.NotContains(t, b.standsIn(ids[0]), "reconciliation.entra_contact_reconciliation_queue has "+ids[0])
	anna := b.open()["o-anna"]
	require.Nil(t, anna.GetSuggestion(), "the contact was suggested")
	require.Len(t, anna.GetCandidates(), 1)
	require.Equal(t, ids[1], anna.GetCandidates()[0].GetContactId())

	b.erase(&syncenginev1.PersonSubject{EntraObjectId: "o-guest"})
	names := []string{"Quillfeather", "o-guest", "Xenograph"}
	require.Empty(t, b.standsIn(names...))
	left := b.open()
	require.NotContains(t, left, "o-guest")
	require.Contains(t, left, "o-twin", "a shared address names nobody")
	require.Empty(t, left["o-twin"].GetPeers())

	counters := b.sync()
	require.Empty(t, b.standsIn(names...), "the next sync makes nobody again")
	require.Zero(t, counters.GetFiltered(), "who was erased is left out without a trace")
	require.EqualValues(t, 1, counters.GetCreated(), "nobody shares the other's address any more")
	require.NotContains(t, b.open(), "o-twin")
}
