package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// decision is a person's, about the mapping as it stands.
func (e *engine) decision(decision string) syncengine.OrphanDecision {
	return syncengine.OrphanDecision{ID: uuid.Must(uuid.NewV7()).String(), Mapping: e.mapped(), Decision: decision, DecidedBy: "user-9"}
}

func (e *engine) decide(decision string) (syncengine.OrphanResult, error) {
	e.now = e.now.Add(time.Minute)
	return e.orphans.Do(e.ctx(), e.decision(decision))
}

// feed lists what the feed says after a number, without ids.
func (e *engine) feed(after int) []string {
	e.t.Helper()
	return e.rows(`SELECT f.type, f.source, f.fields, c.full_name FROM contact_changes f JOIN contacts c ON c.id = f.contact_id WHERE f.seq > $1 ORDER BY f.seq`, after)
}

func (e *engine) seq() int { return e.count(`SELECT COALESCE(max(seq), 0) FROM contact_changes`) }

// gapless requires the feed to be numbered from one on, and in order of time.
func (e *engine) gapless() {
	e.t.Helper()
	require.Equal(e.t, e.seq(), e.count(`SELECT count(*) FROM contact_changes`))
	require.Equal(e.t, []string{fmt.Sprint(e.seq())}, e.rows(`SELECT seq FROM feed_heads`))
	require.Zero(e.t, e.count(`SELECT count(*) FROM (SELECT at < lag(at) OVER (ORDER BY seq) AS back FROM contact_changes) f WHERE f.back`))
}

func (e *engine) contacts(clientID string) []string {
	e.t.Helper()
	return e.rows(`SELECT concat_ws(' ', c.full_name, c.email, c.entra_object_id, d.link_status) FROM contacts c JOIN contact_details d ON d.id = c.id
		WHERE c.client_id = $1 ORDER BY 1`, clientID)
}

// relink decides to relink and does the sync that follows.
func (e *engine) relink() syncengine.Counters {
	e.t.Helper()
	_, err := e.decide(syncengine.DecisionRelink)
	require.NoError(e.t, err)
	return e.round().Counters
}

func TestRelinkingALinkWhoseContactWentOverLeavesThatContactAlone(t *testing.T) {
	t.Parallel()
	e := wentOver(t)
	e.host(syncengine.ContactRecord{ExternalID: ptr("other"), ClientID: ptr(other), FullName: "Other", Email: ptr("other@corp.example")})
	require.Equal(t, syncengine.Counters{Created: 1}, e.relink(), "what its contact says is another person's: by what the directory says")
	require.Equal(t, []string{"Other other@corp.example", "Person 0 p0@corp.example o-000 active"}, e.contacts(other))
	require.Equal(t, []string{"Other other@corp.example o-other active"}, e.contacts(client))
}

// relinked sets up four links that lost their client: one whose person has a
// contact at the new one, one who has none, one who has two there, and one who is
// disabled.
func relinked(t *testing.T) *engine {
	t.Helper()
	e := setup(t)
	ann := person("o-ann", "Ann", "ann@corp.example")
	ann.MobilePhone, ann.JobTitle = "1", "Boss"
	e.dir.users = []syncengine.User{ann, person("o-bob", "Bob", "bob@corp.example"), person("o-two", "Two", "two@corp.example"), person("o-off", "Off", "off@corp.example")}
	e.round()
	e.dir.users[3].AccountEnabled = ptr(false)
	e.round()
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("bob"), ClientID: ptr(other), FullName: "Bob by the host", Email: ptr("o-bob@corp.example")}, // the UPN
		syncengine.ContactRecord{ExternalID: ptr("two1"), ClientID: ptr(other), FullName: "Two A", Email: ptr("two@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("two2"), ClientID: ptr(other), FullName: "Two B", Email: ptr("two@corp.example")},
	)
	e.remap(other)
	e.followed()
	return e
}

func TestRelinkGivesLinksToContactsOfTheNewClient(t *testing.T) {
	t.Parallel()
	e := relinked(t)
	seq := e.seq()
	before := e.rows(`SELECT xmin::text FROM contacts`)
	decision := e.decision(syncengine.DecisionRelink)
	e.now = e.now.Add(time.Minute)
	result, err := e.orphans.Do(e.ctx(), decision)
	require.NoError(t, err)
	want := syncengine.OrphanResult{Relinking: 4}
	require.Equal(t, want, result, "nothing is left for a person to decide about")
	require.Equal(t, seq, e.seq())
	require.Equal(t, before, e.rows(`SELECT xmin::text FROM contacts`), "the directory has not been asked yet")

	require.Equal(t, syncengine.Counters{Created: 1, Linked: 1, Ambiguous: 1, Filtered: 1}, e.round().Counters)
	require.Equal(t, []string{
		"Ann ann@corp.example o-ann active", "Bob by the host o-bob@corp.example o-bob active", "Two A two@corp.example", "Two B two@corp.example",
	}, e.contacts(other))
	require.Equal(t, []string{"Ann ann@corp.example", "Bob bob@corp.example", "Off off@corp.example o-off orphaned", "Two two@corp.example o-two orphaned"},
		e.contacts(client), "the old contacts stay, and are shown as linked only while the link has no other")
	require.Equal(t, []string{"Ann|ann@corp.example|1|Boss|o-ann@corp.example|entra_sync|active|sync"},
		e.rows(`SELECT concat_ws('|', full_name, email, phone, role, entra_user_principal_name, entra_sync_source, entra_sync_status, made_by)
			FROM contacts WHERE client_id = $1 AND full_name = 'Ann'`, other))
	require.Equal(t, []string{
		"contact.updated sync [entraObjectId linkStatus] Ann", "contact.created sync [] Ann",
		"contact.updated sync [entraObjectId linkStatus] Bob", "contact.linked sync [] Bob by the host",
	}, e.feed(seq))
	e.gapless()
	require.Equal(t, []string{"o-ann relinked Ann Ann user-9 true", "o-bob relinked Bob Bob by the host user-9 true"},
		e.rows(`SELECT h.entra_object_id, h.event, o.full_name, n.full_name, h.decided_by, h.at = $1 AND h.linked_at < h.at FROM entra_contact_link_history h
			JOIN contacts o ON o.id = h.old_contact_id LEFT JOIN contacts n ON n.id = h.new_contact_id ORDER BY 1`, e.now))
	require.Equal(t, []string{"o-ann true active", "o-bob true active"}, e.rows(`SELECT l.entra_object_id, l.created_at = h.linked_at, l.status FROM entra_contact_links l
		JOIN entra_contact_link_history h ON h.entra_object_id = l.entra_object_id WHERE h.event = 'relinked' ORDER BY 1`), "it is the same link")

	item := e.queue.items["o-two"]
	require.Equal(t, "multiple_email_matches", item.Reason)
	require.Len(t, item.Candidates, 2)
	require.Len(t, e.queue.items, 1)

	// The same decision again, from another process: the same answer, also once the mapping moved on.
	seq = e.seq()
	again, err := e.orphans.Do(e.ctx(), decision)
	require.NoError(t, err)
	require.Equal(t, want, again)
	e.remap("")
	again, err = e.orphans.Do(e.ctx(), decision)
	require.NoError(t, err)
	require.Equal(t, want, again)
	require.Equal(t, seq, e.seq())
	differs := decision
	differs.Decision = syncengine.DecisionLeave
	_, err = e.orphans.Do(e.ctx(), differs)
	require.Equal(t, "decision_differs", errs.ReasonOf(err))
}

func TestARoundTakesUpWhatOnesBeforeLeftOpen(t *testing.T) {
	t.Parallel()
	e := relinked(t)
	e.relink()
	got := e.round()
	require.Equal(t, syncengine.Counters{Ambiguous: 1, Unchanged: 2, Filtered: 1}, got.Counters, "it stands in the queue as before")
	require.Equal(t, "multiple_email_matches", e.queue.items["o-two"].Reason)

	seq := e.seq()
	e.host(syncengine.ContactRecord{ExternalID: ptr("two2"), Deleted: ptr(true)})
	require.Equal(t, syncengine.Counters{Linked: 1, Unchanged: 2, Filtered: 1}, e.round().Counters)
	require.Equal(t, []string{"contact.updated sync [entraObjectId linkStatus] Two", "contact.linked sync [] Two A"}, e.feed(seq+1))
	require.Equal(t, []string{"relinked user-9 false"}, e.rows(`SELECT event, decided_by, run_id IS NULL FROM entra_contact_link_history WHERE entra_object_id = 'o-two'`))

	e.dir.users[3].AccountEnabled = ptr(true) // who was disabled when it was decided
	require.Equal(t, syncengine.Counters{Created: 1, Unchanged: 3}, e.round().Counters)
	require.Equal(t, []string{"Off off@corp.example o-off active"}, slices.DeleteFunc(e.contacts(other), func(c string) bool { return !strings.HasPrefix(c, "Off") }))
	require.Equal(t, []string{"relinked"}, e.rows(`SELECT event FROM entra_contact_link_history WHERE entra_object_id = 'o-off'`))
	require.Zero(t, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'orphaned' AND ended_at IS NULL`))
	require.Equal(t, 4, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active' AND client_id = $1`, other))
	require.Equal(t, syncengine.Counters{Unchanged: 4}, e.round().Counters)
	e.gapless()
}

func TestADecisionThatMovedOnIsVoid(t *testing.T) {
	t.Parallel()
	e := relinked(t)
	e.relink()
	third := "55555555-5555-4555-8555-555555555555"
	e.mapping.clients[third] = "ext-third"
	e.remap(third)
	require.Equal(t, syncengine.Revised{Orphaned: 4}, e.followed())
	require.Equal(t, syncengine.Counters{Unchanged: 4}, e.round().Counters, "nobody decided for this client")
	e.remap(other)
	require.Equal(t, syncengine.Revised{Orphaned: 2, Reactivated: 2}, e.followed())
	e.queue.items = nil
	require.Equal(t, syncengine.Counters{Unchanged: 4}, e.round().Counters, "what was decided before is not taken up again")
	require.Empty(t, e.queue.items)
}

func TestRelinkByTheOrdinaryRules(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{
		person("o-taken", "Taken", "taken@corp.example"), person("o-else", "Else", "else@corp.example"), person("o-del", "Del", "del@corp.example"),
		person("o-edit", "Edit", "edit@corp.example"), person("o-bak", "Backup", "backup@corp.example"), person("o-gone", "Gone", "gone@corp.example"),
	}
	e.round()
	// The host deletes one contact, and corrects the address of another to a mailbox that more than one reads.
	edit := func(name string, r syncengine.ContactRecord) {
		id := e.rows(`SELECT id::text FROM contacts WHERE full_name = $1`, name)[0]
		r.ID = &id
		e.host(r)
	}
	edit("Del", syncengine.ContactRecord{Deleted: ptr(true)})
	edit("Edit", syncengine.ContactRecord{Email: ptr("reception@corp.example")})
	e.remap(other)
	e.followed()
	// Another directory of the new client has the address.
	one, users := e.mapping.tenants, e.dir.users
	e.mapping.tenants = []syncengine.MappedTenant{{ManagedTenantID: managed, EntraTenantID: "d2", ClientID: other, Revision: 1}}
	e.dir.users = []syncengine.User{person("o-second", "Second", "taken@corp.example")}
	require.Equal(t, 1, e.round().Counters.Created)
	e.mapping.tenants, e.dir.users = one, users[:5]
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("r"), ClientID: ptr(other), FullName: "Rita Reception", Email: ptr("reception@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("e"), ClientID: ptr(other), FullName: "Edit at the new client", Email: ptr("edit@corp.example")})
	backup := e.dir.users[4]
	e.dir.users[4].DisplayName, e.dir.users[4].UserPrincipalName = "svc-backup", "svc-backup@corp.example"
	e.setting("allow_same_email_across_clients", false)

	require.Equal(t, syncengine.Counters{Ambiguous: 2, Linked: 1, Created: 1, Filtered: 1}, e.relink())
	reasons := map[string]string{}
	for id, item := range e.queue.items {
		reasons[id] = item.Reason
	}
	require.Equal(t, map[string]string{"o-taken": "contact_already_linked", "o-else": "email_in_use_elsewhere"}, reasons)
	require.Equal(t, "o-second", e.queue.items["o-taken"].Candidates[0].LinkedTo)
	require.Equal(t, []string{
		"Del del@corp.example o-del active", "Edit at the new client edit@corp.example o-edit active", "Rita Reception reception@corp.example",
		"Second taken@corp.example o-second active",
	}, e.contacts(other), "by the directory's addresses; not who is filtered or gone")

	e.dir.users = append(e.dir.users[:4], backup, person("o-gone", "Gone", "gone@corp.example"))
	e.setting("allow_same_email_across_clients", true)
	require.Equal(t, syncengine.Counters{Created: 3, Ambiguous: 1, Unchanged: 2}, e.round().Counters, "who is kept out no longer, or back")
	require.Equal(t, []string{"contact_deleted 1", "relinked 4"}, e.rows(`SELECT event, count(*) FROM entra_contact_link_history GROUP BY 1 ORDER BY 1`),
		"the link of the deleted contact had ended before")
}

func TestRelinkWhereTheHostMovedTheContactKeepsIt(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(1)
	e.round()
	id := e.rows(`SELECT id::text FROM contacts`)[0]
	e.host(syncengine.ContactRecord{ID: &id, ClientID: ptr(other)})
	e.remap(other)
	e.followed()
	seq := e.seq()
	require.Equal(t, syncengine.Counters{Linked: 1}, e.relink())
	require.Equal(t, []string{"Person 0 p0@corp.example o-000 active"}, e.contacts(other))
	require.Equal(t, []string{"contact.linked sync [] Person 0"}, e.feed(seq))
	require.Equal(t, syncengine.Counters{Unchanged: 1}, e.round().Counters)
}

func TestLeaveEndsLinksAndTheIdentitiesAreNew(t *testing.T) {
	t.Parallel()
	e := relinked(t)
	seq := e.seq()
	e.exec(`UPDATE directories SET delta_link = 'd'`)
	result, err := e.decide(syncengine.DecisionLeave)
	require.NoError(t, err)
	require.Equal(t, syncengine.OrphanResult{Left: 4}, result)
	require.Equal(t, 1, e.count(`SELECT count(*) FROM directories WHERE delta_link IS NULL`))
	require.Len(t, e.feed(seq), 4)
	require.Equal(t, 4, e.count(`SELECT count(*) FROM entra_contact_links WHERE ended_at = $1`, e.now), "no row is deleted")
	require.Equal(t, 4, e.count(`SELECT count(*) FROM entra_contact_link_history WHERE event = 'ended'`))
	left := []string{"Ann ann@corp.example", "Bob bob@corp.example", "Off off@corp.example", "Two two@corp.example"}
	require.Equal(t, left, e.contacts(client))
	linked, err := e.store.CountContacts(e.ctx(), syncengine.ContactFilter{Entra: "linked"}, 1000)
	require.NoError(t, err)
	require.Zero(t, linked)

	require.Equal(t, syncengine.Counters{Created: 1, Linked: 1, Ambiguous: 1, Filtered: 1}, e.round().Counters, "who was left is new here")
	require.Equal(t, left, e.contacts(client))
	require.Equal(t, 2, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active' AND client_id = $1 AND created_at = $2`, other, e.now))
	require.Equal(t, syncengine.Counters{Unchanged: 2, Ambiguous: 1, Filtered: 1}, e.round().Counters)

	// Back at the old client nothing is left to take up; the people are found by their addresses.
	e.remap(client)
	require.Equal(t, syncengine.Revised{Orphaned: 2}, e.followed())
	_, err = e.decide(syncengine.DecisionLeave)
	require.NoError(t, err)
	e.dir.users[3].AccountEnabled = ptr(true)
	require.Equal(t, syncengine.Counters{Linked: 4}, e.round().Counters)
	require.Zero(t, e.count(`SELECT count(*) FROM contacts WHERE inactive`), "whom sync made inactive is back")
	require.Equal(t, syncengine.Counters{Unchanged: 4}, e.round().Counters)
	e.gapless()
}

func TestDecisionsThatAreRefusedWriteNothing(t *testing.T) {
	t.Parallel()
	e := relinked(t)
	before := e.rows(`SELECT xmin::text FROM entra_contact_links UNION ALL SELECT xmin::text FROM contacts`)
	stale := e.decision(syncengine.DecisionRelink)
	e.remap("")
	_, err := e.orphans.Do(e.ctx(), stale)
	require.ErrorIs(t, err, syncengine.ErrMappingChanged)
	_, err = e.decide(syncengine.DecisionRelink)
	require.Equal(t, "not_mapped", errs.ReasonOf(err))
	e.remap(other)
	fresh := e.mapped()
	e.followed()
	e.mapping.tenants[0].Revision-- // mapping does not tell yet what the engine knows
	stale = e.decision(syncengine.DecisionLeave)
	stale.Mapping = fresh
	stale.Mapping.Revision--
	_, err = e.orphans.Do(e.ctx(), stale)
	require.ErrorIs(t, err, syncengine.ErrMappingChanged)
	require.Equal(t, before, e.rows(`SELECT xmin::text FROM entra_contact_links UNION ALL SELECT xmin::text FROM contacts`))
	require.Zero(t, e.count(`SELECT count(*) FROM orphan_decisions`)+e.count(`SELECT count(*) FROM entra_contact_link_history`))
}

func TestADecisionFollowsItsMappingFirst(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	e.round()
	e.remap(other) // its own effect has not come yet
	result, err := e.decide(syncengine.DecisionLeave)
	require.NoError(t, err)
	require.Equal(t, syncengine.OrphanResult{Left: 3}, result)
	require.Equal(t, syncengine.Revised{}, e.followed())
}
