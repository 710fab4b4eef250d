package postgres_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (e *engine) explained(req syncengine.ExplainRequest) syncengine.Explanation {
	e.t.Helper()
	so, err := e.explain.Do(e.ctx(), req)
	require.NoError(e.t, err)
	return so
}

// said are the texts of the steps of a name, with their results.
func said(so syncengine.Explanation, name string) string {
	var lines []string
	for _, step := range so.Steps {
		if step.Name == name {
			lines = append(lines, step.Result+": "+step.Text)
		}
	}
	return strings.Join(lines, "\n")
}

// everyOutcome has the engine hold people of every outcome of a second round.
func everyOutcome(t *testing.T) *engine {
	t.Helper()
	e := setup(t)
	e.setting("custom_patterns", []string{"^nobody", "^room "})
	e.setting("field_role", true)
	e.setting("guard_min_count", 50)
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("h-1"), ClientID: ptr(client), FullName: "Linus by the host", Email: ptr("linus@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("h-2"), ClientID: ptr(client), FullName: "Two", Email: ptr("two@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("h-3"), ClientID: ptr(client), FullName: "Two again", Email: ptr("two@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("h-4"), ClientID: ptr(client), FullName: "Reception", Email: ptr("desk@corp.example")},
	)
	back := person("o-back", "Back", "back@corp.example")
	e.dir.users = []syncengine.User{
		person("o-same", "Same", "same@corp.example"), person("o-gone", "Gone", "gone@corp.example"), person("o-off", "Off", "off@corp.example"),
		person("o-role", "Role", "role@corp.example"), person("o-two", "Zwei", "two@corp.example"), person("o-room", "Room 5", "room5@corp.example"),
		person("o-stays", "Stays", "stays@corp.example"), back,
	}
	e.round()
	back.AccountEnabled = ptr(false)
	e.dir.users[7] = back
	e.round()
	back.AccountEnabled = ptr(true)
	off, role, stays := e.dir.users[2], e.dir.users[3], e.dir.users[6]
	off.AccountEnabled, role.JobTitle, stays.DisplayName = ptr(false), "Chief", "Room of its own"
	stays.UserPrincipalName = "stays@corp.example"
	desk := person("o-desk", "Dora", "dora@corp.example")
	desk.ProxyAddresses = []string{"smtp:desk@corp.example"}
	e.dir.users = []syncengine.User{
		e.dir.users[0], off, role, e.dir.users[4], e.dir.users[5], stays, back, desk,
		person("o-new", "New", "new@corp.example"), person("o-link", "Linus", "linus@corp.example"), person("o-svc", "svc-scan", ""),
	}
	return e
}

// TestWhatIsExplainedIsWhatTheNextRoundDoes explains people of every outcome, and then
// has a round do it.
func TestWhatIsExplainedIsWhatTheNextRoundDoes(t *testing.T) {
	t.Parallel()
	e := everyOutcome(t)
	before := e.rows(`SELECT xmin::text, id FROM contacts ORDER BY id`)
	outcomes := map[string]string{}
	for _, id := range []string{"o-same", "o-gone", "o-off", "o-role", "o-two", "o-room", "o-stays", "o-back", "o-desk", "o-new", "o-link", "o-svc"} {
		so := e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: id})
		require.NotEmpty(t, said(so, "decision"), id)
		outcomes[id] = so.Outcome + " " + so.Reason
		require.Equal(t, syncengine.SourceMicrosoft, so.Source)
	}
	require.Equal(t, map[string]string{
		"o-same": "unchanged ", "o-gone": "inactivated deleted_upstream", "o-off": "inactivated disabled_upstream", "o-role": "updated ",
		"o-two": "ambiguous multiple_email_matches", "o-room": "filtered tenant_custom_pattern", "o-stays": "filtered tenant_custom_pattern",
		"o-back": "reactivated ", "o-desk": "ambiguous alias_match", "o-new": "created ", "o-link": "linked ", "o-svc": "filtered service_account",
	}, outcomes)
	require.Equal(t, before, e.rows(`SELECT xmin::text, id FROM contacts ORDER BY id`), "an explanation writes nothing")
	e.now = e.now.AddDate(0, 0, 8) // everybody is listed
	report, err := e.report.Do(e.ctx(), syncengine.IdentityPage{RunID: func() string {
		run := e.started(syncengine.TypeAllTenants, true)
		_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
		require.NoError(t, err)
		return run.ID
	}(), Size: 100})
	require.NoError(t, err)
	done := map[string]string{}
	for _, id := range report.Identities {
		done[id.Place.ObjectID] = id.Outcome + " " + id.Reason
	}
	require.Equal(t, outcomes, done)
}

func TestAnExplanationNamesWhatDecided(t *testing.T) {
	t.Parallel()
	e := everyOutcome(t)
	by := func(id string) syncengine.Explanation {
		return e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: id})
	}
	room := by("o-room")
	require.Equal(t, "stopped: One of your own patterns matches the sign-in name, the display name or the mail address: filters.customPatterns[1], \"^room \".",
		said(room, "tenant_custom_pattern"))
	require.Contains(t, said(room, "group_scope"), "skipped: Not asked")
	require.Equal(t, "skipped: Guests are not left out.", said(by("o-new"), "guest"))
	for _, step := range by("o-new").Steps { // of all filters, most of which are off
		require.NotEmpty(t, step.Text, step.Name)
	}
	two := by("o-two")
	require.Contains(t, said(two, "match"), "2 contacts of the client have it: Two, Two again.")
	require.Contains(t, said(two, "match"), "skipped: o-two@corp.example: not looked for, an earlier address decided.")
	require.Contains(t, said(two, "address"), "noted: two@corp.example: the mail address. A contact that is made gets it as its e-mail address.")
	require.Contains(t, said(two, "queue"), "an item is open")
	e.queue.decided = []string{"o-two"}
	require.Equal(t, "unchanged", by("o-two").Outcome, "a person has decided on the same facts")
	require.Contains(t, said(by("o-off"), "guard"), "at least 50 contacts and more than 20 %")
	e.setting("guard_percent", 100)
	require.Contains(t, said(by("o-off"), "guard"), "noted: Nothing is held back")
	require.Equal(t, []syncengine.FieldChange{{Field: "role", Before: "", After: "Chief"}}, by("o-role").Changes)
	require.Contains(t, said(by("o-stays"), "decision"), "stay as they are")
	alike := person("o-alike", "Alike", "new@corp.example")
	e.dir.users = append(e.dir.users, alike)
	e.round() // both wait for a person by now
	require.Contains(t, said(by("o-alike"), "duplicate"), "stopped: Other identities")
	require.Contains(t, said(by("o-alike"), "duplicate"), "o-new@corp.example")
}

func TestAPersonIsFoundByWhatIsKnown(t *testing.T) {
	t.Parallel()
	e := everyOutcome(t)
	for query, id := range map[string]string{"SAME@corp.example": "o-same", "Zwe": "o-two", "same": "o-same", "role@corp.example": "o-role"} {
		require.Equal(t, id, e.explained(syncengine.ExplainRequest{Query: query}).Person.ObjectID, query)
	}
	require.Equal(t, "o-new", e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, Query: "o-new@corp.example"}).Person.ObjectID,
		"Microsoft is asked for whom no sync has seen")
	e.host(syncengine.ContactRecord{ExternalID: ptr("h-9"), ClientID: ptr(client), FullName: "Same again", Email: ptr("x@corp.example")})
	require.Equal(t, "o-same", e.explained(syncengine.ExplainRequest{Query: "same"}).Person.ObjectID, "contacts without an identity are nobody")
	e.dir.users = append(e.dir.users, person("o-same-2", "Same too", "same2@corp.example"))
	e.round()
	so := e.explained(syncengine.ExplainRequest{Query: "same"})
	require.Len(t, so.Choices, 2)
	require.Empty(t, so.Steps)
	_, err := e.explain.Do(e.ctx(), syncengine.ExplainRequest{Query: "new@elsewhere.example"})
	require.Equal(t, "not_found", errs.ReasonOf(err))

	e.dir.away = errs.New(errs.Unavailable, "upstream_unavailable", "Microsoft does not answer.")
	room := e.explained(syncengine.ExplainRequest{Query: "room5@corp.example"})
	require.Equal(t, syncengine.SourceKept, room.Source)
	require.Equal(t, "filtered tenant_custom_pattern", room.Outcome+" "+room.Reason)
	require.Contains(t, said(room, "person"), "Microsoft does not answer.")
	require.Equal(t, syncengine.OutcomeUnknown, e.explained(syncengine.ExplainRequest{Query: "same@corp.example"}).Outcome, "of linked people nothing is kept")
	e.mapping.tenants = nil
	so = e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: "o-same"})
	require.Equal(t, "not_synced not_mapped", so.Outcome+" "+so.Reason)
}

// TestAnExplanationSaysThatAnAccountWasMadeAgain, before and after the engine heard of it,
// and why another one is not.
func TestAnExplanationSaysThatAnAccountWasMadeAgain(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-ann", "Ann Lee", "ann@c.de"), person("o-bob", "Bob", "bob@c.de"), person("o-cy", "Cy", "cy@c.de")}
	e.round()
	by := func(id string) syncengine.Explanation {
		t.Helper()
		return e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: id})
	}
	e.dir.users = []syncengine.User{
		person("o-ann-2", "Ann Miller", "ann@c.de"), person("o-bob-2", "Rob", "bob@c.de"), e.dir.users[2], person("o-cy-2", "Cy", "cy@c.de"),
	}
	check := func() {
		t.Helper()
		ann := by("o-ann-2")
		require.Equal(t, "linked", ann.Outcome)
		require.Contains(t, said(ann, "takeover"), "passed: The contact is linked to an account that is no longer in the directory (o-ann), and the names share a word: the account was made again.")
		bob := by("o-bob-2")
		require.Equal(t, "ambiguous contact_already_linked", bob.Outcome+" "+bob.Reason)
		require.Contains(t, said(bob, "takeover"), "stopped: The contact is linked to an account that is no longer in the directory (o-bob), but the names share no word")
		cy := by("o-cy-2")
		require.Equal(t, "contact_already_linked", cy.Reason)
		require.Contains(t, said(cy, "takeover"), "stopped: The contact is linked to an account that is still in the directory (o-cy)")
	}
	check()
	e.dir.away = errs.New(errs.Unavailable, "away", "Away.")
	so, err := e.explain.Do(e.ctx(), syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: "o-ann-2"})
	require.NoError(t, err)
	require.Equal(t, syncengine.OutcomeUnknown, so.Outcome)
	e.dir.away = nil
	annNew := e.dir.users[0]
	e.dir.users = e.dir.users[1:]
	e.round() // it hears who is gone
	e.dir.users = append([]syncengine.User{annNew}, e.dir.users...)
	check()
	require.Equal(t, 1, e.round().Counters.Linked)
	require.Equal(t, "unchanged", by("o-ann-2").Outcome)
}

// TestARejectionIsExplainedForItsReasonAlone: whom Microsoft has changed since becomes inactive, or is as
// everybody else, and the explanation says nothing else.
func TestARejectionIsExplainedForItsReasonAlone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	users := crowd(10)
	e.dir.users = users
	e.round()
	e.dir.users = disabled(users[:8], 0, 1, 2) // 8 and 9 are gone
	held := e.round()
	_, _, err := e.decideHeld(held, syncengine.DecisionReject, held.Held.Digest)
	require.NoError(t, err)
	by := func(id string) syncengine.Explanation {
		t.Helper()
		return e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: id})
	}
	const rejected = "stopped: A person has rejected the inactivation: the link stays active until Microsoft changes the account again."
	for _, id := range []string{"o-1", "o-9"} {
		require.Equal(t, "unchanged", by(id).Outcome, id)
		require.Equal(t, rejected, said(by(id), "guard"), id)
	}
	e.round() // what is left to note is noted
	for _, id := range []string{"o-1", "o-9"} {
		require.Equal(t, rejected, said(by(id), "guard"), id)
	}

	// 0 is enabled again, 1 is deleted, 8 is back and 9 is back disabled.
	all := disabled(users, 2, 9)
	e.dir.users = append(all[:1:1], all[2:]...)
	require.Equal(t, "inactivated deleted_upstream", by("o-1").Outcome+" "+by("o-1").Reason)
	require.Contains(t, said(by("o-1"), "guard"), "noted: A sync that would inactivate")
	require.Equal(t, "inactivated disabled_upstream", by("o-9").Outcome+" "+by("o-9").Reason)
	require.NotContains(t, said(by("o-9"), "guard"), "rejected")
	for _, id := range []string{"o-0", "o-8"} {
		require.Equal(t, "unchanged", by(id).Outcome, id)
		require.Empty(t, said(by(id), "guard"), id)
	}
	require.Equal(t, rejected, said(by("o-2"), "guard"), "2 has not changed")
	require.Equal(t, 2, e.round().Counters.Inactivated)
	require.Equal(t, []string{"o-1", "o-9"}, e.rows(`SELECT entra_object_id FROM contacts WHERE inactive ORDER BY 1`))
}

// TestALinkedPersonIsFoundByTheSignInName, whatever address the contact has, and in capitals or not.
func TestALinkedPersonIsFoundByTheSignInName(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ann, same := person("o-ann", "Ann", "ann@mail.example"), person("o-same", "Same", "Same@corp.example")
	ann.UserPrincipalName, same.UserPrincipalName = "Ann.Lee@Corp.example", "SAME@corp.example"
	e.dir.users = []syncengine.User{ann, same}
	e.round()
	require.Equal(t, []string{"ann.lee@corp.example", ""}, e.rows(`SELECT COALESCE(upn_key, '') FROM contacts ORDER BY full_name`),
		"an address that is the sign-in name says it already")
	for _, req := range []syncengine.ExplainRequest{
		{Query: "ann.lee@corp.example"},
		{Query: "ann@mail.example"},
		{UserPrincipalName: "ANN.lee@corp.example"},
		{ManagedTenantID: managed, Query: "ann.lee@corp.example"},
		{ManagedTenantID: managed, UserPrincipalName: "ann.lee@corp.example"},
	} {
		require.Equal(t, "o-ann", e.explained(req).Person.ObjectID, req)
	}
	require.Equal(t, "o-same", e.explained(syncengine.ExplainRequest{UserPrincipalName: "same@corp.example"}).Person.ObjectID)
	_, err := e.explain.Do(e.ctx(), syncengine.ExplainRequest{UserPrincipalName: "ann@mail.example"})
	require.Equal(t, "not_found", errs.ReasonOf(err), "an address is no sign-in name")

	// The key follows what it is made of, and goes with the link.
	e.exec(`UPDATE contacts SET email = 'Ann.Lee@corp.example', email_norm = 'ann.lee@corp.example' WHERE full_name = 'Ann'`)
	e.exec(`UPDATE contacts SET email = '', email_norm = NULL WHERE full_name = 'Same'`)
	require.Equal(t, []string{"", "same@corp.example"}, e.rows(`SELECT COALESCE(upn_key, '') FROM contacts ORDER BY full_name`))
	for _, id := range []string{"o-ann", "o-same"} {
		name := map[string]string{"o-ann": "ann.lee@corp.example", "o-same": "same@corp.example"}[id]
		require.Equal(t, id, e.explained(syncengine.ExplainRequest{UserPrincipalName: name}).Person.ObjectID)
		require.Equal(t, id, e.explained(syncengine.ExplainRequest{Query: name}).Person.ObjectID)
	}
	e.exec(`UPDATE contacts SET entra_user_principal_name = NULL`)
	require.Equal(t, []string{"", ""}, e.rows(`SELECT COALESCE(upn_key, '') FROM contacts`))
}

// TestWhoWasLinkedBeforeIsFoundByTheSignInName once the schema is updated, in whichever tenant.
func TestWhoWasLinkedBeforeIsFoundByTheSignInName(t *testing.T) {
	t.Parallel()
	e := setup(t)
	files, err := fs.Glob(migrations.Files(), postgres.Context+"/*.up.sql")
	require.NoError(t, err)
	slices.Sort(files)
	since := len(files) - slices.IndexFunc(files, func(name string) bool { return strings.HasSuffix(name, "_sign_in_names.up.sql") })
	require.NoError(t, migrations.Steps(t.Context(), e.db.AdminURL, postgres.Context, -since))
	for _, id := range []string{msp, "msp-2"} {
		e.exec(`INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, made_by, entra_tenant_id, entra_object_id, entra_sync_source,
				entra_user_principal_name, created_at, updated_at)
			SELECT $1::text, gen_random_uuid(), $2::uuid, n, lower(n), 'Same@c.de', 'same@c.de', 'sync', $3, 'o-' || n, 'entra_sync', n || '@C.de', now(), now()
			FROM unnest(ARRAY['Ann', 'Same']) n`, id, client, directory)
		e.exec(`INSERT INTO directories (tenant_id, entra_tenant_id, managed_tenant_id, client_id, mapping_revision, settings_fingerprint) VALUES ($1, $2, $3, $4, 1, '')`,
			id, directory, managed, client)
	}
	require.NoError(t, migrations.Steps(t.Context(), e.db.AdminURL, postgres.Context, since))
	require.Equal(t, []string{"msp-1 Ann ann@c.de", "msp-1 Same", "msp-2 Ann ann@c.de", "msp-2 Same"},
		e.rows(`SELECT concat(tenant_id, ' ', full_name, ' ', upn_key) FROM contacts ORDER BY 1`))
	require.Zero(t, e.count(`SELECT count(*) FROM contact_versions`), "nobody became another version")
	found, err := e.store.FindIdentities(e.ctx(), syncengine.IdentitySearch{SignInName: "ann@c.de"}, 20)
	require.NoError(t, err)
	require.Len(t, found, 1)
}

// TestASignInNameIsAskedOfMicrosoftFirst: the contact of somebody else may have it as its address, and
// what the last listing said may be old.
func TestASignInNameIsAskedOfMicrosoftFirst(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-bob", "Bob", "bob@c.de"), person("o-cy", "Cy", "cy@c.de"), person("o-di", "Di", "di@c.de")}
	e.round()
	e.exec(`UPDATE contacts SET email = 'boss@corp.example', email_norm = 'boss@corp.example' WHERE full_name = 'Bob'`)
	boss := person("o-boss", "Boss", "boss@c.de")
	boss.UserPrincipalName = "boss@corp.example"
	e.dir.users = append(e.dir.users, boss)
	by := func(upn string) syncengine.Explanation {
		t.Helper()
		return e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, UserPrincipalName: upn})
	}
	require.Equal(t, "o-boss", by("boss@corp.example").Person.ObjectID)

	// The name has gone over to another account, and the one that had it has another.
	e.dir.users[1].UserPrincipalName, e.dir.users[2].UserPrincipalName = "cy.new@corp.example", "o-cy@corp.example"
	require.Equal(t, "o-di", by("o-cy@corp.example").Person.ObjectID)
	renamed := by("o-di@corp.example") // nobody has it now
	require.Equal(t, "o-di", renamed.Person.ObjectID)
	require.Contains(t, said(renamed, "person"), "noted: Microsoft knows nobody by this sign-in name")
	require.Equal(t, "o-cy@corp.example", renamed.Person.UserPrincipalName, "what Microsoft says now")
	e.dir.users = e.dir.users[:2]
	gone := by("o-di@corp.example")
	require.Equal(t, "inactivated deleted_upstream", gone.Outcome+" "+gone.Reason)
	require.Equal(t, syncengine.OutcomeUnknown, by("boss@corp.example").Outcome, "nobody has it, and a contact's address is no sign-in name")

	e.dir.away = errs.New(errs.Unavailable, "upstream_unavailable", "Microsoft does not answer.")
	unread := by("o-di@corp.example")
	require.Equal(t, "o-di", unread.Person.ObjectID)
	require.Contains(t, said(unread, "person"), "Microsoft does not answer.")
	require.Equal(t, syncengine.OutcomeUnknown, unread.Outcome)
}

// TestAnExplanationShowsWhatWasFetched: by what is read the steps can be checked.
func TestAnExplanationShowsWhatWasFetched(t *testing.T) {
	t.Parallel()
	e := setup(t)
	bot := person("o-bot", "Scan Bot", "")
	bot.UserType, bot.LicenceCount, bot.GivenName, bot.JobTitle = "Member", ptr(int32(0)), "Scan", "Robot"
	bot.BusinessPhones, bot.ProxyAddresses = []string{"+1 555 1"}, []string{"SMTP:Bot@c.de", "x500:/o=x"}
	bot.AccountEnabled = nil
	e.dir.users = []syncengine.User{bot, person("o-ann", "Ann", "ann@c.de"), person("o-bob", "Bob", "bob@c.de")}
	by := func() syncengine.Explanation {
		t.Helper()
		return e.explained(syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: "o-bot"})
	}
	so := by()
	require.Equal(t, "filtered account_state_unknown", so.Outcome+" "+so.Reason)
	require.Equal(t, bot, so.Fetched.User, "as it was read, what is not known included")
	require.Nil(t, so.Fetched.InChosenGroups, "nobody is chosen by groups")

	const group = "66666666-6666-4666-8666-666666666666"
	e.setting("filter_groups", []string{group})
	e.dir.groups = map[string][]string{group: {"o-other"}}
	require.Equal(t, ptr(false), by().Fetched.InChosenGroups)
	e.dir.groups[group] = []string{"o-bot", "o-ann"}
	require.Equal(t, ptr(true), by().Fetched.InChosenGroups)

	e.dir.users[0].AccountEnabled = ptr(true)
	e.round()
	e.dir.away = errs.New(errs.Unavailable, "upstream_unavailable", "Microsoft does not answer.")
	e.setting("filter_groups", []string{})
	kept := by()
	require.Equal(t, syncengine.SourceKept, kept.Source)
	require.Equal(t, "Robot", kept.Fetched.User.JobTitle, "as the last listing said")
	e.dir.away = nil
	e.dir.users = nil
	require.Nil(t, by().Fetched, "nothing is said of who is gone")
}
