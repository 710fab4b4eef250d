package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// people are n enabled users.
func people(n int) []syncengine.User {
	users := make([]syncengine.User, n)
	for i := range users {
		users[i] = person(fmt.Sprintf("o-%03d", i), fmt.Sprintf("Person %d", i), fmt.Sprintf("p%d@corp.example", i))
	}
	return users
}

func TestGuardHoldsMassInactivation(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(40)
	e.round()
	e.dir.users = append(people(30), person("o-new", "New", "new@corp.example"))
	got := e.round()
	require.Equal(t, syncengine.StateHeld, got.State)
	require.Equal(t, syncengine.Counters{Created: 1, Unchanged: 30}, got.Counters, "everything but the inactivations is applied")
	require.Equal(t, "mass_inactivation", got.Held.Reason)
	require.Equal(t, 10, got.Held.Count)
	require.Len(t, got.Held.Digest, 64)
	require.Equal(t, 10, e.count(`SELECT count(*) FROM held_identities WHERE reason = 'deleted_upstream'`))
	require.Zero(t, e.count(`SELECT count(*) FROM contacts WHERE inactive`))
	run, err := e.store.Run(e.ctx(), got.RunID)
	require.NoError(t, err)
	require.Equal(t, syncengine.StateHeld, run.State)
}

// TestGuardsOfSmallDirectories: most customers have fewer than 50 people.
func TestGuardsOfSmallDirectories(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after int // people of the directory
		disabled      int // of those after
		held          int
	}{
		"9 of 11":                    {before: 11, after: 2, held: 9},
		"4 of 11":                    {before: 11, after: 7, held: 4},
		"3 of 11":                    {before: 11, after: 8},
		"4 of 20":                    {before: 20, after: 16},
		"4 of 19, disabled and gone": {before: 19, after: 17, disabled: 2, held: 4},
		"all of 3":                   {before: 3, after: 0, held: 3},
		"all of 2":                   {before: 2, after: 0, held: 2},
		"1 of 1":                     {before: 1, after: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.dir.users = people(c.before)
			e.round()
			// A new person of every round keeps the listing one to be believed.
			e.dir.users = append(people(c.after), person("o-new", "New", "new@corp.example"))
			for i := range c.disabled {
				e.dir.users[i].AccountEnabled = ptr(false)
			}
			got := e.round()
			if c.held == 0 {
				require.NotEqual(t, syncengine.StateHeld, got.State)
				require.Equal(t, c.before-c.after+c.disabled, got.Counters.Inactivated)
				return
			}
			require.Equal(t, syncengine.StateHeld, got.State)
			require.Equal(t, c.held, got.Held.Count)
			require.Zero(t, got.Counters.Inactivated)
		})
	}
}

func TestHeldAgainWritesNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(40)
	e.round()
	e.dir.users = people(34)
	for i := range 6 {
		e.dir.users[i].AccountEnabled = ptr(false)
	}
	rowsOf := func() []string {
		return append(e.rows(`SELECT xmin::text, id FROM contacts ORDER BY id`), e.rows(`SELECT xmin::text, entra_object_id FROM entra_contact_links ORDER BY 2`)...)
	}
	first := e.round()
	require.Equal(t, 12, first.Held.Count)
	require.Equal(t, []string{"6 6"}, e.rows(`SELECT (SELECT count(*) FROM contacts WHERE NOT entra_account_enabled),
		(SELECT count(*) FROM entra_contact_links WHERE gone_at IS NOT NULL)`), "what is known is kept")
	before := rowsOf()
	again := e.round()
	require.Equal(t, first.Held, again.Held)
	require.Equal(t, first.Counters, again.Counters)
	require.Equal(t, before, rowsOf())
}

func TestGuardsRefuseListingsNotToBeBelieved(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(5)
	e.round()
	e.dir.users = nil
	require.Equal(t, "empty_directory", e.round().Held.Reason)
	e.dir.users = people(5)
	for i := range e.dir.users {
		e.dir.users[i].AccountEnabled = ptr(false)
	}
	require.Equal(t, "filter_drops_all", e.round().Held.Reason)
	require.Zero(t, e.count(`SELECT count(*) FROM contacts WHERE inactive`))
	require.Len(t, e.queue.completed, 1, "a held listing closes no queue item")
}

func TestBrokenListingDecidesNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(5)
	e.round()
	e.dir.pageSize, e.dir.fail = 2, errs.New(errs.Unavailable, "upstream_error", "broke off")
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.Equal(t, "upstream_error", errs.ReasonOf(err))
	require.Zero(t, e.count(`SELECT count(*) FROM contacts WHERE inactive`))

	e.dir.fail, e.dir.restart = nil, true
	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err, "the directory is free again, and a restarted listing counts once")
	require.Equal(t, syncengine.Counters{Unchanged: 5}, e.finished(run.ID).Counters)
}

func TestRecordsThatMayBeAnybodyProveNobodyGone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for name, damage := range map[string]func(u *syncengine.User){
		"no id":             func(u *syncengine.User) { u.ObjectID = "" },
		"id of no text":     func(u *syncengine.User) { u.ObjectID, u.Defect = "", "malformed" },
		"id that lost text": func(u *syncengine.User) { u.ObjectID, u.Defect = u.ObjectID[:3]+"\uFFFD", "invalid_utf8" },
		"id with NUL":       func(u *syncengine.User) { u.ObjectID += "\x00x" },
		"id that is none":   func(u *syncengine.User) { u.ObjectID = strings.Repeat("o", 200) },
		"told to lack one":  func(u *syncengine.User) { u.Defect = "missing_id" },
	} {
		e.dir.users = people(9)
		e.round()
		completed := len(e.queue.completed)
		for i := range 4 {
			damage(&e.dir.users[i])
		}
		e.dir.expired = true // all are listed
		got := e.round()
		e.dir.expired = false
		require.Equal(t, syncengine.StatePartial, got.State, name)
		require.Zero(t, got.Counters.Inactivated, name)
		require.Zero(t, e.count(`SELECT count(*) FROM contacts WHERE inactive`), name)
		require.Zero(t, e.count(`SELECT count(*) FROM entra_contact_links WHERE gone_at IS NOT NULL`), name)
		require.Len(t, e.queue.completed, completed, "%s: nor closes it queue items", name)
	}
	e.dir.users = people(8)
	e.dir.users[0].DisplayName = "Nul\x00" // it fails, and is who it is
	require.Equal(t, syncengine.Counters{Failed: 1, Inactivated: 1, Unchanged: 7}, e.round().Counters)
}

// TestALongSignInNameFailsAlone: what an index does not take would fail the whole round.
func TestALongSignInNameFailsAlone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(2)
	long, random := make([]byte, 5000), rand.New(rand.NewPCG(1, 2)) // random, so that it cannot be compressed
	for i := range long {
		long[i] = byte('0' + random.IntN(75))
	}
	e.dir.users[0].UserPrincipalName = string(long)
	require.Equal(t, syncengine.Counters{Created: 1, Failed: 1}, e.round().Counters)
	require.Equal(t, syncengine.Counters{Unchanged: 1, Failed: 1}, e.round().Counters)
}

func TestQueueReasons(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.setting("allow_same_email_across_clients", false)
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("x"), ClientID: ptr(other), FullName: "Elsewhere", Email: ptr("else@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("t"), ClientID: ptr(client), FullName: "Taken", Email: ptr("taken@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("d"), ClientID: ptr(client), FullName: "Deleted", Email: ptr("del@corp.example")},
	)
	e.host(syncengine.ContactRecord{ExternalID: ptr("d"), Deleted: ptr(true)})
	e.dir.users = []syncengine.User{person("o-t", "Taken", "taken@corp.example")}
	e.round()

	twin1, twin2 := person("o-d1", "Twin", "one@corp.example"), person("o-d2", "Twin", "two@corp.example")
	twin2.ProxyAddresses = []string{"smtp:ONE@corp.example"}
	e.dir.users = append(e.dir.users, person("o-t2", "Second", "taken@corp.example"), twin1, twin2,
		person("o-e", "Else", "else@corp.example"), person("o-del", "Del", "del@corp.example"))
	got := e.round()
	require.Equal(t, syncengine.Counters{Ambiguous: 4, Created: 1, Unchanged: 1}, got.Counters)
	require.Equal(t, map[string]int{"contact_already_linked": 1, "duplicate_identity_email": 2, "email_in_use_elsewhere": 1}, got.Ambiguous)
	require.Equal(t, "o-t", e.queue.items["o-t2"].Candidates[0].LinkedTo)

	first := e.queue.items["o-t2"].Fingerprint
	e.queue.decided = []string{"o-t2", "o-e"}
	got = e.round()
	require.Equal(t, syncengine.Counters{Ambiguous: 2, Unchanged: 4}, got.Counters, "a decided item counts as unchanged")
	require.Equal(t, first, e.queue.items["o-t2"].Fingerprint)
}

func TestRepeatsMergeAndConflictsFail(t *testing.T) {
	t.Parallel()
	e := setup(t)
	long := person("o-long", "", "long@corp.example")
	for range 300 {
		long.DisplayName += "ä"
	}
	e.dir.users = []syncengine.User{
		person("o-1", "One", "one@corp.example"), person("o-1", "One", "one@corp.example"),
		person("o-2", "Two", "two@corp.example"), person("o-2", "Zwei", "two@corp.example"),
		person("o-3", "Nul\x00", "three@corp.example"), long,
		{ObjectID: "o-utf8", Defect: "invalid_utf8"},
	}
	got := e.round()
	require.Equal(t, syncengine.Counters{Created: 1, Failed: 4}, got.Counters)
	require.Equal(t, []syncengine.Failure{
		{ObjectID: "o-2", Reason: syncengine.FailureConflicting},
		{ObjectID: "o-3", Reason: "nul_character"},
		{ObjectID: "o-long", Reason: "name_too_long"},
		{ObjectID: "o-utf8", Reason: "invalid_utf8"},
	}, got.Failures)
}

func TestMappingMovedStopsTheRoundAndOrphansLinks(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(4)
	e.round()
	run := e.started(syncengine.TypeAllTenants, false)
	e.mapping.tenants[0].ClientID, e.mapping.tenants[0].Revision = other, 2
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.Equal(t, "mapping_changed", errs.ReasonOf(err))
	require.NoError(t, e.record.Do(e.ctx(), run.ID, managed, syncengine.StateFailed, &syncengine.Problem{Code: "mapping_changed"}))
	require.Equal(t, syncengine.StateFailed, e.finished(run.ID).State)

	e.dir.users = append(people(2), person("o-new", "New", "new@corp.example"))
	require.Equal(t, syncengine.Counters{Created: 1, Unchanged: 2}, e.round().Counters, "an orphaned link neither matches nor is inactivated")
	require.Equal(t, 4, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'orphaned'`))
	e.mapping.tenants[0].ClientID, e.mapping.tenants[0].Revision = client, 3
	e.dir.users = people(4)
	require.Equal(t, syncengine.Counters{Unchanged: 4}, e.round().Counters)
	require.Equal(t, 4, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active'`))
}

// TestADryRunThatFindsNoChangeWritesNothing either: the directory has had no round by it.
func TestADryRunThatFindsNoChangeWritesNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(2)
	e.round()
	e.round()
	was := e.rows(`SELECT xmin::text, last_round_at, last_run_id FROM directories`)
	require.Equal(t, syncengine.Counters{Unchanged: 2}, e.do(syncengine.TypeAllTenants, true).Counters)
	require.Equal(t, was, e.rows(`SELECT xmin::text, last_round_at, last_run_id FROM directories`))
}

// TestWhoIsLinkedAndFilteredIsNotWritten, not even where the sign-in name is another by now.
func TestWhoIsLinkedAndFilteredIsNotWritten(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.setting("filter_guests", true)
	e.dir.users = people(2)
	e.round()
	written := e.rows(`SELECT xmin::text, entra_user_principal_name FROM contacts ORDER BY id`)
	e.dir.users[0].UserType, e.dir.users[0].UserPrincipalName = "Guest", "another@corp.example"
	for _, e.dir.expired = range []bool{false, true} {
		require.Equal(t, syncengine.Counters{Filtered: 1, Unchanged: 1}, e.round().Counters)
		require.Equal(t, written, e.rows(`SELECT xmin::text, entra_user_principal_name FROM contacts ORDER BY id`))
	}
}

func TestDryRunWritesNothingAndCountsTheSame(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.host(syncengine.ContactRecord{ExternalID: ptr("a"), ClientID: ptr(client), FullName: "A", Email: ptr("p1@corp.example")})
	e.dir.users = people(5)
	before := e.count(`SELECT count(*) FROM contact_changes`)
	dry := e.do(syncengine.TypeAllTenants, true)
	require.Equal(t, 1, e.count(`SELECT count(*) FROM contacts`))
	require.Zero(t, e.count(`SELECT count(*) FROM entra_contact_links`)+e.count(`SELECT count(*) FROM directories`))
	require.Equal(t, before, e.count(`SELECT count(*) FROM contact_changes`))
	require.Zero(t, e.queue.pushes)
	require.Equal(t, e.round().Counters, dry.Counters)
}

func TestOneRoundADirectory(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(2)
	run := e.started(syncengine.TypeAllTenants, false)
	tried := errors.New("not tried")
	e.dir.onPage = func() {
		_, tenant, err := e.store.ManagedTenant(e.ctx(), run.ID, managed)
		require.NoError(t, err)
		_, tried = e.store.OpenRound(e.ctx(), tenant, e.now)
	}
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err)
	require.Equal(t, "round_in_progress", errs.ReasonOf(tried))
	require.Equal(t, errs.Unavailable, errs.KindOf(tried))
}

// TestAContactThatTheHostMovedIsTheOtherClientsInTheFeed moves one linked contact
// to another client: its link stays, and a sync of the old client still tells it
// what became of the person.
func TestAContactThatTheHostMovedIsTheOtherClientsInTheFeed(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	e.round()
	id := e.rows(`SELECT id::text FROM contacts WHERE full_name = 'Person 0'`)[0]
	e.host(syncengine.ContactRecord{ID: &id, ClientID: ptr(other)})
	seq := e.count(`SELECT max(seq) FROM contact_changes`)
	head := e.count(`SELECT revision FROM client_heads WHERE client_id = $1`, other)
	e.dir.users[0].AccountEnabled, e.dir.users[1].AccountEnabled = ptr(false), ptr(false)
	require.Equal(t, syncengine.Counters{Inactivated: 2, Unchanged: 1}, e.round().Counters)
	require.Equal(t, []string{other + " contact.inactivated Person 0", client + " contact.inactivated Person 1"},
		e.rows(`SELECT f.client_id::text, f.type, c.full_name FROM contact_changes f JOIN contacts c ON c.id = f.contact_id WHERE f.seq > $1 ORDER BY 3`, seq))
	require.Equal(t, head+1, e.count(`SELECT revision FROM client_heads WHERE client_id = $1`, other), "rounds of the other client decide again")
	require.Equal(t, syncengine.Counters{Unchanged: 3}, e.round().Counters)
	require.Equal(t, head+1, e.count(`SELECT revision FROM client_heads WHERE client_id = $1`, other))
}

// TestFieldsOfALinkedContactFollowWithTheNextRound: linking takes no field over, and the round
// after it does, although a list of changes does not name the person.
func TestFieldsOfALinkedContactFollowWithTheNextRound(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.setting("field_display_name", true)
	e.host(syncengine.ContactRecord{ExternalID: ptr("1"), ClientID: ptr(client), FullName: "A. Lee", Email: ptr("ann@c.de")})
	e.dir.users = []syncengine.User{person("o-ann", "Ann Lee", "ann@c.de"), person("o-bob", "Bob", "bob@c.de")}
	require.Equal(t, syncengine.Counters{Linked: 1, Created: 1}, e.round().Counters)
	require.Equal(t, syncengine.Counters{Updated: 1, Unchanged: 1}, e.round().Counters)
	require.NotEmpty(t, e.dir.asked[1])
	require.Equal(t, []string{"o-ann"}, e.dir.read)
	require.Equal(t, syncengine.Counters{Unchanged: 2}, e.round().Counters)
	require.Equal(t, []string{"o-ann"}, e.dir.read)
}
