package postgres_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func outcomes(results []syncengine.ContactResult) (out []string) {
	for _, r := range results {
		line := r.Outcome
		for _, v := range r.Violations {
			line += " " + v.Field
		}
		out = append(out, line)
	}
	return out
}

func TestBatchUpserts(t *testing.T) {
	t.Parallel()
	e := setup(t)
	record := func(external, name string) syncengine.ContactRecord {
		return syncengine.ContactRecord{ExternalID: &external, ClientExternalID: ptr("ext-client"), FullName: name, Email: ptr(external + "@corp.example")}
	}
	first := e.host(record("a", "Anna"), record("b", "Berta"))
	require.Equal(t, []string{"created", "created"}, outcomes(first))
	partly := syncengine.ContactRecord{ExternalID: ptr("a"), Role: ptr("Boss")}
	require.Equal(t, []string{"updated", "unchanged"}, outcomes(e.host(partly, record("b", "Berta"))))
	require.Equal(t, []string{"Anna Boss a@corp.example 2 " + client}, e.rows(`SELECT full_name, role, email, version, client_id::text FROM contacts WHERE external_id = 'a'`))
	require.Equal(t, []string{"deleted"}, outcomes(e.host(syncengine.ContactRecord{ID: &first[1].ID, Deleted: ptr(true)})))
	require.Equal(t, []string{"1 contact.created host", "2 contact.created host", "3 contact.updated host", "4 contact.deleted host"},
		e.rows(`SELECT seq, type, source FROM contact_changes ORDER BY seq`))
	require.Equal(t, 1, e.count(`SELECT count(*) FROM contacts WHERE NOT deleted`))
}

func TestBatchRefusesBadRecordsAlone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	n := 0
	bad := func(change func(*syncengine.ContactRecord)) syncengine.ContactRecord {
		n++
		r := syncengine.ContactRecord{ExternalID: ptr(strconv.Itoa(n)), ClientID: ptr(client), FullName: "Bad"}
		change(&r)
		return r
	}
	got := e.host(
		bad(func(r *syncengine.ContactRecord) { r.FullName = "nul\x00" }),
		bad(func(r *syncengine.ContactRecord) { r.Email = ptr("no address") }),
		bad(func(r *syncengine.ContactRecord) { r.ExternalID = nil }),
		bad(func(r *syncengine.ContactRecord) { r.ClientID = ptr("77777777-7777-4777-8777-777777777777") }),
		bad(func(r *syncengine.ContactRecord) { r.ClientID = nil; r.ClientExternalID = ptr("nobody") }),
		bad(func(r *syncengine.ContactRecord) { r.ClientID = nil }),
		bad(func(r *syncengine.ContactRecord) {
			r.ExternalID = nil
			r.ID = ptr("88888888-8888-4888-8888-888888888888")
		}),
		syncengine.ContactRecord{ExternalID: ptr("good"), ClientID: ptr(client), FullName: `O'Brien "; --`},
		syncengine.ContactRecord{ExternalID: ptr("good"), ClientID: ptr(client), FullName: "Twice"},
	)
	require.Equal(t, []string{
		"invalid fullName", "invalid email", "invalid externalId", "invalid clientId", "invalid clientExternalId", "invalid clientId",
		"invalid id", "created", "invalid externalId",
	}, outcomes(got))
	require.Equal(t, []string{`O'Brien "; --`}, e.rows(`SELECT full_name FROM contacts`))
}

func TestHostAdoptsWhatSyncMade(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	e.round()
	id := e.rows(`SELECT id::text FROM contacts WHERE entra_object_id = 'o-000'`)[0]
	got := e.host(
		syncengine.ContactRecord{ID: &id, ExternalID: ptr("by-id")},
		syncengine.ContactRecord{ExternalID: ptr("by-email"), ClientID: ptr(client), FullName: "Host's name", Email: ptr("P1@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("other-client"), ClientID: ptr(other), FullName: "New", Email: ptr("p2@corp.example")},
	)
	require.Equal(t, []string{"adopted", "adopted", "created"}, outcomes(got))
	require.Equal(t, 4, e.count(`SELECT count(*) FROM contacts`))
	require.Equal(t, syncengine.Counters{Unchanged: 3}, e.round().Counters)
	require.Equal(t, []string{"invalid externalId"}, outcomes(e.host(syncengine.ContactRecord{ID: &id, ExternalID: ptr("by-email")})))
}

// TestATombstoneAdoptsNothing deletes what the host had under that id, and never what a sync
// made for somebody with the same address.
func TestATombstoneAdoptsNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(1)
	e.round()
	before := e.dump()
	tombstone := syncengine.ContactRecord{ExternalID: ptr("never-seen"), ClientID: ptr(client), FullName: "Gone", Email: ptr("p0@corp.example"), Deleted: ptr(true)}
	require.Equal(t, []string{"unchanged"}, outcomes(e.host(tombstone)))
	require.Equal(t, before, e.dump())
	alive := syncengine.ContactRecord{ExternalID: ptr("alive"), ClientID: ptr(client), Email: ptr("p0@corp.example"), Inactive: ptr(true)}
	require.Equal(t, []string{"unchanged", "adopted"}, outcomes(e.host(tombstone, alive)), "a tombstone before it keeps no record from its contact")
	require.Equal(t, []string{"alive true false"}, e.rows(`SELECT external_id, inactive, deleted FROM contacts`))
}

// TestADeletedContactComesBackWhenToldSo and not by a record that leaves deleted alone.
func TestADeletedContactComesBackWhenToldSo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	record := syncengine.ContactRecord{ExternalID: ptr("a"), ClientID: ptr(client), FullName: "Anna", Email: ptr("a@corp.example")}
	gone, back := record, record
	gone.Deleted, back.Deleted = ptr(true), ptr(false)
	for _, c := range []struct {
		record syncengine.ContactRecord
		want   string
		there  int
	}{
		{record, "created", 1},
		{gone, "deleted", 0},
		{record, "unchanged", 0},
		{syncengine.ContactRecord{ExternalID: ptr("a"), Role: ptr("Boss")}, "updated", 0},
		{back, "updated", 1},
		{back, "unchanged", 1},
	} {
		require.Equal(t, []string{c.want}, outcomes(e.host(c.record)))
		require.Equal(t, c.there, e.count(`SELECT count(*) FROM contacts WHERE NOT deleted`))
	}
}

func TestListContacts(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(5)
	e.round()
	e.host(syncengine.ContactRecord{ExternalID: ptr("z"), ClientID: ptr(other), FullName: "Änne", Email: ptr("z@corp.example"), Inactive: ptr(true)})
	find := func(q string, f syncengine.ContactFilter) (names []string) {
		page := syncengine.ContactPage{Filter: f, Size: 2}
		for first := true; ; first = false {
			contacts, next, total, err := e.list.Do(e.ctx(), q, page)
			require.NoError(t, err)
			require.Equal(t, first, total >= 0)
			for _, c := range contacts {
				names = append(names, c.FullName)
			}
			if next == nil {
				return names
			}
			page.After = next
		}
	}
	require.Equal(t, []string{"Änne", "Person 0", "Person 1", "Person 2", "Person 3", "Person 4"}, find("", syncengine.ContactFilter{}))
	require.Len(t, find("", syncengine.ContactFilter{ClientID: client}), 5)
	require.Equal(t, []string{"Änne"}, find("äN", syncengine.ContactFilter{}))
	require.Equal(t, []string{"Person 3"}, find("P3@corp.example", syncengine.ContactFilter{}))
	require.Equal(t, []string{"Änne"}, find("", syncengine.ContactFilter{Entra: "unlinked"}))
	require.Equal(t, []string{"Änne"}, find("", syncengine.ContactFilter{Status: "inactive"}))
	require.Empty(t, find("", syncengine.ContactFilter{ClientID: "no-uuid"}))
}

// TestARecordMayNameTheVersionItChanges is taken while nobody was faster.
func TestARecordMayNameTheVersionItChanges(t *testing.T) {
	t.Parallel()
	e := setup(t)
	write := func(name string, version *int64) syncengine.ContactResult {
		return e.host(syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(client), FullName: name, Version: version})[0]
	}
	require.Equal(t, []string{"conflict version"}, outcomes([]syncengine.ContactResult{write("None", ptr(int64(1)))}), "there is none yet")
	require.Zero(t, e.count(`SELECT count(*) FROM contacts`))
	require.Equal(t, int64(1), write("First", nil).Version)
	require.Equal(t, int64(2), write("Second", ptr(int64(1))).Version)
	late := write("Late", ptr(int64(1)))
	require.Equal(t, []string{"conflict version"}, outcomes([]syncengine.ContactResult{late}))
	require.Equal(t, int64(2), late.Version, "the version that the contact has")
	require.NotEmpty(t, late.ID)
	require.Equal(t, []string{"Second 2"}, e.rows(`SELECT full_name, version FROM contacts`))
	require.Equal(t, 2, e.count(`SELECT count(*) FROM contact_changes`))
}

// TestWarningsSayWhatBecomesOfALink also of a name that is none.
func TestWarningsSayWhatBecomesOfALink(t *testing.T) {
	t.Parallel()
	e := setup(t)
	warned := func(r syncengine.ContactRecord) (fields []string) {
		result := e.host(r)[0]
		require.Empty(t, result.Violations)
		for _, w := range result.Warnings {
			fields = append(fields, w.Field)
		}
		return fields
	}
	require.Empty(t, warned(syncengine.ContactRecord{ExternalID: ptr("p"), ClientID: ptr(client), FullName: "P", Email: ptr("p0@corp.example")}))
	require.Equal(t, []string{"fullName"}, warned(syncengine.ContactRecord{ExternalID: ptr("n"), ClientID: ptr(client), FullName: "-", Email: ptr("n@corp.example")}))
	require.Empty(t, warned(syncengine.ContactRecord{ExternalID: ptr("n"), Deleted: ptr(true)}), "it is linked to nobody")
	e.dir.users = people(1)
	e.round()
	require.Equal(t, []string{"clientId"}, warned(syncengine.ContactRecord{ExternalID: ptr("p"), ClientID: ptr(other)}))
	require.Equal(t, 1, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active'`), "a contact that moves keeps its link")
	require.Equal(t, []string{"deleted"}, warned(syncengine.ContactRecord{ExternalID: ptr("p"), Deleted: ptr(true)}))
}

// TestRefusedRecordsWriteNothing compares all tables before and after, also of records that
// change nothing.
func TestRefusedRecordsWriteNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	own := e.host(
		syncengine.ContactRecord{ExternalID: ptr("a"), ClientID: ptr(client), FullName: "Anna", Email: ptr("a@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("b"), ClientID: ptr(client), FullName: "Berta"},
	)
	foreign := tenant.With(t.Context(), tenant.Call{Tenant: "msp-2"})
	theirs, err := e.batch.Do(foreign, []syncengine.ContactRecord{{ExternalID: ptr("theirs"), ClientID: ptr(client), FullName: "Theirs"}})
	require.NoError(t, err)
	require.Equal(t, []string{"created"}, outcomes(theirs))
	before := e.dump()
	for name, c := range map[string]struct {
		record syncengine.ContactRecord
		want   string
	}{
		"another tenant's contact":   {syncengine.ContactRecord{ID: &theirs[0].ID, FullName: "Ours", ClientID: ptr(client)}, "invalid id"},
		"an unknown client":          {syncengine.ContactRecord{ExternalID: ptr("a"), ClientID: ptr("77777777-7777-4777-8777-777777777777")}, "invalid clientId"},
		"an unknown client's id":     {syncengine.ContactRecord{ExternalID: ptr("a"), ClientExternalID: ptr("nobody")}, "invalid clientExternalId"},
		"two clients":                {syncengine.ContactRecord{ExternalID: ptr("a"), ClientID: ptr(other), ClientExternalID: ptr("ext-client")}, "invalid clientExternalId"},
		"another contact's id":       {syncengine.ContactRecord{ID: &own[0].ID, ExternalID: ptr("b")}, "invalid externalId"},
		"another id than before":     {syncengine.ContactRecord{ID: &own[0].ID, ExternalID: ptr("c")}, "invalid externalId"},
		"another version":            {syncengine.ContactRecord{ExternalID: ptr("a"), FullName: "Late", Version: ptr(int64(7))}, "conflict version"},
		"a version of none":          {syncengine.ContactRecord{ExternalID: ptr("new"), ClientID: ptr(client), FullName: "New", Version: ptr(int64(1))}, "conflict version"},
		"nobody's deletion":          {syncengine.ContactRecord{ExternalID: ptr("new"), ClientID: ptr(client), Deleted: ptr(true)}, "unchanged"},
		"what it has":                {syncengine.ContactRecord{ExternalID: ptr("a"), ClientID: ptr(client), FullName: "Anna"}, "unchanged"},
		"an address that is none":    {syncengine.ContactRecord{ExternalID: ptr("a"), Email: ptr("no address")}, "invalid email"},
		"a new contact without name": {syncengine.ContactRecord{ExternalID: ptr("new"), ClientID: ptr(client)}, "invalid fullName"},
	} {
		require.Equal(t, []string{c.want}, outcomes(e.host(c.record)), name)
		require.Equal(t, before, e.dump(), name)
	}
}
