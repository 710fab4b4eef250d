package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// replica is what a host keeps of its contacts by the feed alone.
type replica struct {
	cursor       string
	last         int64
	contacts     map[string]syncengine.Contact
	everyVersion bool // each entry is the contact's next version
}

// follow reads the feed to its end and applies it. It demands that no number is
// missing and that no contact goes back to an older version.
func (r *replica) follow(t *testing.T, e *engine, changes *syncengine.ListChanges, size int) {
	t.Helper()
	for {
		entries, next, err := changes.Do(e.ctx(), r.cursor, size, 0)
		require.NoError(t, err)
		for i := range entries {
			entry := &entries[i]
			require.Equal(t, r.last+1, entry.Sequence)
			r.last = entry.Sequence
			require.NotNil(t, entry.Contact, "entry %d", entry.Sequence)
			before := r.contacts[entry.Contact.ID].Version
			require.GreaterOrEqual(t, entry.Contact.Version, before, "entry %d", entry.Sequence)
			if r.everyVersion {
				require.Equal(t, before+1, entry.Contact.Version, "entry %d", entry.Sequence)
			}
			r.contacts[entry.Contact.ID] = *entry.Contact
		}
		r.cursor = next
		if len(entries) == 0 {
			return
		}
	}
}

// shown is a contact without what changes with no entry in the feed: the times of a
// sync that changed nothing, and the metadata of the account.
func shown(c syncengine.Contact) syncengine.Contact {
	c.LastSyncAt, c.NameKey, c.UPN, c.AccountEnabled, c.Version = nil, "", nil, nil, 0
	return c
}

// table reads every contact as it is shown.
func (e *engine) table() map[string]syncengine.Contact {
	e.t.Helper()
	out := map[string]syncengine.Contact{}
	for _, id := range e.rows(`SELECT id::text FROM contacts`) {
		c, err := e.store.Contact(e.ctx(), id)
		require.NoError(e.t, err)
		out[id] = c
	}
	return out
}

func (r *replica) requireEquals(t *testing.T, table map[string]syncengine.Contact) {
	t.Helper()
	require.Len(t, r.contacts, len(table))
	for id, c := range table {
		require.Equal(t, shown(c), shown(r.contacts[id]))
	}
}

// feedFor is how long hosts write while one reads the feed; soaking takes longer.
var feedFor = flag.Duration("feed.for", 5*time.Second, "how long hosts write while one reads the feed")

// writes is a host that writes until its context ends; every contact is written by two.
func (e *engine) writes(ctx context.Context, w int) error {
	for turn := 0; ctx.Err() == nil; turn++ {
		var records []syncengine.ContactRecord
		for n := range 4 {
			id := fmt.Sprintf("c-%d-%d", w/2, n)
			record := syncengine.ContactRecord{
				ExternalID: &id, ClientID: ptr([]string{client, other}[(w+turn)%2]), FullName: fmt.Sprintf("Name %d of %d", turn, w),
				Email: ptr(id + "@corp.example"), Role: ptr(strconv.Itoa(turn)),
			}
			if turn%5 == 4 {
				record.Inactive = ptr(n%2 == 0)
			}
			record.Deleted = ptr(turn%7 == 6)
			records = append(records, record)
		}
		if _, err := e.batch.Do(e.ctx(), records); err != nil && errs.KindOf(err) != errs.Unavailable && errs.KindOf(err) != errs.Exhausted {
			return err
		}
	}
	return nil
}

// TestTheFeedReplaysToTheTable has eight hosts write while one reads, and a round
// between; every entry is as of its change, so that what was read equals the table.
func TestTheFeedReplaysToTheTable(t *testing.T) {
	t.Parallel()
	e := setup(t)
	changes := syncengine.NewListChanges(e.store)
	r := &replica{contacts: map[string]syncengine.Contact{}, everyVersion: true}
	const writers = 8
	const least = 10 * writers // entries, also where a busy machine does few of them in that time
	began := time.Now()
	until, end := context.WithCancel(t.Context())
	defer end()
	writing, failed := make(chan struct{}), make(chan error, writers)
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() { failed <- e.writes(until, w) })
	}
	go func() { running.Wait(); close(writing) }()
	for ended := false; !ended; {
		select {
		case <-writing:
			ended = true
		default:
		}
		r.follow(t, e, changes, 7)
		if time.Since(began) > *feedFor && r.last > least {
			end()
		}
	}
	for range writers {
		require.NoError(t, <-failed)
	}
	t.Logf("%d changes of %d contacts in %s", r.last, len(r.contacts), time.Since(began))
	r.requireEquals(t, e.table())
	require.Equal(t, int(r.last), e.count(`SELECT seq FROM feed_heads`))
	require.Greater(t, int(r.last), least)
	r.everyVersion = false // an orphaned link is an entry of its contact as it was

	e.dir.users = append(people(30), person("linked", "Linked", "c-0-1@corp.example"))
	e.setting("field_display_name", true)
	e.setting("field_upn", true)
	e.round()
	r.follow(t, e, changes, 7)
	r.requireEquals(t, e.table())
	e.dir.users = e.dir.users[2:]
	e.dir.users[0].DisplayName = "Another name"
	e.dir.users[2].UserPrincipalName = "another@corp.example"
	e.dir.users[1].AccountEnabled = ptr(false)
	e.round()
	r.follow(t, e, changes, 7)
	r.requireEquals(t, e.table())
	var gone []syncengine.ContactRecord
	for _, id := range e.rows(`SELECT id::text FROM contacts WHERE entra_sync_status IS NOT NULL ORDER BY id LIMIT 5`) {
		gone = append(gone, syncengine.ContactRecord{ID: &id, Deleted: ptr(true)})
	}
	require.Len(t, gone, 5)
	for _, result := range e.host(gone...) {
		require.Equal(t, "deleted", result.Outcome)
	}
	r.follow(t, e, changes, 7)
	r.requireEquals(t, e.table())
	require.Equal(t, 5, e.count(`SELECT count(*) FROM contact_changes WHERE fields @> '{entraObjectId}' AND type = 'contact.deleted'`))
	e.remap(other)
	e.followed()
	r.follow(t, e, changes, 7)
	r.requireEquals(t, e.table())
	require.Empty(t, e.rows(`SELECT contact_id FROM contact_versions GROUP BY contact_id, version HAVING count(*) > 1`), "a version has one state")
	require.Zero(t, e.count(`SELECT count(*) FROM contact_changes WHERE version IS NULL`), "an entry without a version is told as of now")
}

// TestAnEntryIsAsOfItsChange reads old entries after the contact went on.
func TestAnEntryIsAsOfItsChange(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, name := range []string{"First", "Second", "Third"} {
		e.host(syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(client), FullName: name})
	}
	e.host(syncengine.ContactRecord{ExternalID: ptr("x"), Deleted: ptr(true)})
	entries, next, err := syncengine.NewListChanges(e.store).Do(e.ctx(), "", 50, 0)
	require.NoError(t, err)
	var told []string
	for _, entry := range entries {
		told = append(told, fmt.Sprintf("%d %s %s %s %v %v v%d", entry.Sequence, entry.Type, entry.Source, entry.Contact.FullName,
			entry.Fields, entry.Contact.Deleted, entry.Contact.Version))
	}
	require.Equal(t, []string{
		"1 contact.created host First [] false v1", "2 contact.updated host Second [fullName] false v2",
		"3 contact.updated host Third [fullName] false v3", "4 contact.deleted host Third [deleted] true v4",
	}, told)
	again, end, err := syncengine.NewListChanges(e.store).Do(e.ctx(), next, 50, 0)
	require.NoError(t, err)
	require.Empty(t, again)
	require.Equal(t, next, end)
}

// TestVersionsFromBeforeTheSignInNameWasKept are told with the present one: a host that applies them all,
// the last of which may be no contact's present version, ends with what the table has.
func TestVersionsFromBeforeTheSignInNameWasKept(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ann := person("ann", "Ann Lee", "ann@corp.example")
	e.setting("field_upn", true)
	for _, upn := range []string{"first@corp.example", "second@corp.example"} {
		ann.UserPrincipalName = upn
		e.dir.users = []syncengine.User{ann}
		e.round()
	}
	shows := func() (told []string) {
		entries, _, err := syncengine.NewListChanges(e.store).Do(e.ctx(), "", 50, 0)
		require.NoError(t, err)
		for _, entry := range entries {
			told = append(told, entry.Type+" "+entry.Contact.SignInName)
		}
		return told
	}
	require.Equal(t, []string{"contact.created first@corp.example", "contact.updated second@corp.example"}, shows())
	e.exec(`UPDATE contact_versions SET sign_in_name = NULL`) // as it is in rows of before the column
	require.Equal(t, []string{"contact.created second@corp.example", "contact.updated second@corp.example"}, shows())
}

// TestTheEntryOfADeletedContactShowsNoLink, whether it is the contact's last or not, and though an earlier
// release kept the version beside what the contact was before its link ended.
func TestTheEntryOfADeletedContactShowsNoLink(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("ann", "Ann", "ann@corp.example")}
	e.round()
	id := e.rows(`SELECT id::text FROM contacts`)[0]
	e.host(syncengine.ContactRecord{ID: &id, Deleted: ptr(true)})
	deleted := func() {
		t.Helper()
		entries, _, err := syncengine.NewListChanges(e.store).Do(e.ctx(), "", 50, 0)
		require.NoError(t, err)
		entry := entries[1]
		require.Equal(t, "contact.deleted", entry.Type)
		require.Equal(t, []string{"deleted", "entraObjectId", "linkStatus"}, entry.Fields)
		c := entry.Contact
		require.Equal(t, int64(2), c.Version)
		require.True(t, c.Deleted)
		for _, of := range []*string{c.EntraTenantID, c.EntraObjectID, c.SyncSource, c.UPN, c.SyncStatus, c.SyncReason, c.LinkStatus} {
			require.Nil(t, of)
		}
		require.Nil(t, c.LastSyncAt)
		require.Nil(t, c.AccountEnabled)
	}
	deleted()
	e.exec(`INSERT INTO contact_versions (tenant_id, contact_id, version, at, client_id, full_name, email, phone, role, inactive, deleted, entra_tenant_id, entra_object_id)
		SELECT tenant_id, id, version, now(), client_id, full_name, email, phone, role, inactive, deleted, $1, 'ann' FROM contacts`, directory)
	deleted()
	e.host(syncengine.ContactRecord{ID: &id, Deleted: ptr(false)})
	deleted()
}

// TestACursorThatIsNotKeptExpires drops months, and starts again from a list.
func TestACursorThatIsNotKeptExpires(t *testing.T) {
	t.Parallel()
	e := setup(t)
	changes := syncengine.NewListChanges(e.store)
	month := func(name string) {
		e.now = time.Now()
		e.host(syncengine.ContactRecord{ExternalID: &name, ClientID: ptr(client), FullName: name})
		_, err := e.admin.Exec(t.Context(), `SELECT keep_feed_months_at(now(), 1)`)
		require.NoError(t, err)
	}
	month("old")
	_, first, err := changes.Do(e.ctx(), "", 1, 0)
	require.NoError(t, err)
	month("new")
	_, _, err = changes.Do(e.ctx(), first, 1, 0)
	require.NoError(t, err, "what is of this month is kept")
	e.exec(`SELECT keep_feed_months_at(now() + interval '70 days', 1)`)
	for _, cursor := range []string{"", first, syncengine.FeedCursor(99)} {
		_, _, err = changes.Do(e.ctx(), cursor, 1, 0)
		require.Equal(t, "cursor_expired", errs.ReasonOf(err), cursor)
	}
	require.Zero(t, e.count(`SELECT count(*) FROM contact_versions`))
	cursor, err := e.list.FeedCursor(e.ctx())
	require.NoError(t, err)
	entries, _, err := changes.Do(e.ctx(), cursor, 1, 0)
	require.NoError(t, err)
	require.Empty(t, entries)
	e.host(syncengine.ContactRecord{ExternalID: ptr("later"), ClientID: ptr(client), FullName: "Later"})
	entries, _, err = changes.Do(e.ctx(), cursor, 1, time.Minute)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	_, _, err = changes.Do(e.ctx(), "f1-x y", 1, 0)
	require.Equal(t, errs.Invalid, errs.KindOf(err))
}

// TestWhatALongRoundWroteIsOfTheTimeAtWhichItDid, and not of that at which the round began.
func TestWhatALongRoundWroteIsOfTheTimeAtWhichItDid(t *testing.T) {
	t.Parallel()
	e := setup(t)
	changes := syncengine.NewListChanges(e.store)
	e.host(syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(client), FullName: "Before"})
	e.dir.users = people(3)
	run := e.started(syncengine.TypeAllTenants, false)
	began := e.now
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Phase == syncengine.PhaseApplying {
			e.now = began.Add(time.Hour)
		}
		return nil
	})
	require.NoError(t, err)
	e.finished(run.ID)
	entries, _, err := changes.Since(e.ctx(), began.Add(30*time.Minute), 50)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	for i := range entries {
		require.Equal(t, began.Add(time.Hour), entries[i].At.UTC())
	}
	require.Equal(t, 3, e.count(`SELECT count(*) FROM contacts WHERE created_at = $1 AND made_by = 'sync'`, began))
}

// TestTheFeedNeverGoesBackInTime, whoever writes next with a clock that is behind.
func TestTheFeedNeverGoesBackInTime(t *testing.T) {
	t.Parallel()
	e := setup(t)
	latest := e.now.Add(24 * time.Hour)
	e.now = latest
	e.host(syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(client), FullName: "First"})
	e.now = dawn
	e.host(syncengine.ContactRecord{ExternalID: ptr("x"), FullName: "Second"})
	made := syncengine.AppendedEntry{Type: "client.created", Source: "sync", ClientID: client, Client: &syncengine.FeedClient{ID: client, Name: "Client"}}
	require.NoError(t, syncengine.NewAppendFeed(e.store, e.clock).Do(e.ctx(), uuid.NewString(), []syncengine.AppendedEntry{made}))
	e.dir.users = people(3)
	e.round()
	e.remap(other)
	e.followed()
	_, err := e.decide(syncengine.DecisionLeave)
	require.NoError(t, err)
	e.erased(syncengine.PersonSubject{Email: "p1@corp.example"})
	entries, _, err := syncengine.NewListChanges(e.store).Since(e.ctx(), latest, 50)
	require.NoError(t, err)
	require.Greater(t, len(entries), 9)
	require.Equal(t, int64(1), entries[0].Sequence)
	for i := range entries {
		require.Equal(t, latest, entries[i].At.UTC(), entries[i].Type)
	}
}

// TestAPageWithAGapIsNotTold: what lay in between is not kept any more.
func TestAPageWithAGapIsNotTold(t *testing.T) {
	t.Parallel()
	e := setup(t)
	changes := syncengine.NewListChanges(e.store)
	for _, name := range []string{"First", "Second", "Third"} {
		e.host(syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(client), FullName: name})
	}
	e.exec(`DELETE FROM contact_changes WHERE seq = 2`)
	for _, size := range []int{2, 50} {
		_, _, err := changes.Do(e.ctx(), "", size, 0)
		require.Equal(t, "cursor_expired", errs.ReasonOf(err))
	}
	entries, _, err := changes.Do(e.ctx(), syncengine.FeedCursor(2), 50, 0)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// TestAReaderWaitsForAChange is answered by a write that comes while it waits.
func TestAReaderWaitsForAChange(t *testing.T) {
	t.Parallel()
	e := setup(t)
	got := make(chan []syncengine.FeedEntry, 1)
	go func() {
		entries, _, err := syncengine.NewListChanges(e.store).Do(e.ctx(), "", 10, time.Minute)
		if err == nil {
			got <- entries
		}
		close(got)
	}()
	e.host(syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(client), FullName: "X"})
	require.Len(t, <-got, 1)
}

// TestTheFeedTellsOfClientsAndItems has entries of other services' effects come twice, between
// the host's own.
func TestTheFeedTellsOfClientsAndItems(t *testing.T) {
	t.Parallel()
	e := setup(t)
	feed, run := syncengine.NewAppendFeed(e.store, e.clock), uuid.NewString()
	e.host(syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(client), FullName: "First"})
	made := syncengine.AppendedEntry{
		Type: "client.created", Source: "sync", ClientID: client, RunID: run, Client: &syncengine.FeedClient{ID: client, ExternalID: "c-1", Name: "Client"},
	}
	changed := syncengine.AppendedEntry{
		Type: "client.updated", Source: "host", ClientID: client, Fields: []string{"name", "website"}, Client: &syncengine.FeedClient{ID: client, Name: "Renamed"},
	}
	opened := syncengine.AppendedEntry{
		Type: "reconciliation.item.opened", Source: "sync", ClientID: client,
		Item: &syncengine.FeedItem{ID: "item-1", ManagedTenantID: managed, Reason: "alias_match", Status: "open"},
	}
	first, second := uuid.NewString(), uuid.NewString()
	for range 2 {
		require.NoError(t, feed.Do(e.ctx(), first, []syncengine.AppendedEntry{made, changed}))
		require.NoError(t, feed.Do(e.ctx(), second, []syncengine.AppendedEntry{opened}))
	}
	e.host(syncengine.ContactRecord{ExternalID: ptr("x"), FullName: "Second"})
	entries, _, err := syncengine.NewListChanges(e.store).Do(e.ctx(), "", 50, 0)
	require.NoError(t, err)
	require.Len(t, entries, 5)
	for i, kind := range []string{"contact.created", "client.created", "client.updated", "reconciliation.item.opened", "contact.updated"} {
		require.Equal(t, kind, entries[i].Type)
		require.Equal(t, int64(i+1), entries[i].Sequence)
	}
	require.Equal(t, made.Client, entries[1].Client)
	require.Equal(t, run, entries[1].RunID)
	require.Equal(t, changed.Fields, entries[2].Fields)
	require.Nil(t, entries[3].Contact)
	require.Equal(t, opened.Item, entries[3].Item)
	require.Equal(t, client, entries[3].ClientID)
}
