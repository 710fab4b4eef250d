package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// fakePeople is what the queue stores about people.
type fakePeople struct {
	asked []syncengine.Person
	away  bool
}

func (f *fakePeople) PersonRecords(context.Context, *syncengine.Person) ([]syncengine.PersonRecord, error) {
	return []syncengine.PersonRecord{{Source: "reconciliation.entra_contact_reconciliation_queue", JSON: []byte(`{}`)}}, nil
}

func (f *fakePeople) ErasePerson(_ context.Context, p *syncengine.Person) (map[string]int, error) {
	if f.away {
		return nil, errs.New(errs.Unavailable, reason.Unavailable, "Away.")
	}
	f.asked = append(f.asked, *p)
	return map[string]int{"reconciliation.entra_contact_reconciliation_queue": 1}, nil
}

// requests are the use cases of requests of people.
type requests struct {
	export *syncengine.ExportPerson
	erase  *syncengine.ErasePerson
	lift   *syncengine.LiftErasure
	queue  *fakePeople
}

func (e *engine) requests() requests {
	queue := &fakePeople{}
	return requests{
		queue: queue, export: syncengine.NewExportPerson(e.store, queue), erase: syncengine.NewErasePerson(e.store, queue, pg.NewID, e.clock),
		lift: syncengine.NewLiftErasure(e.store, e.clock),
	}
}

// found are the tables in which a text stands anywhere, in any case.
func (e *engine) found(texts ...string) (tables []string) {
	e.t.Helper()
	for _, table := range e.rows(`SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
		WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname NOT LIKE 'pg_temp%' ORDER BY 1`) {
		for _, text := range texts {
			if e.count(`SELECT count(*) FROM `+table+` t WHERE strpos(lower(t::text), lower($1)) > 0`, text) > 0 {
				tables = append(tables, table+" has "+text)
			}
		}
	}
	return tables
}

// erased exports a person and erases whom the export shows.
func (e *engine) erased(subject syncengine.PersonSubject) syncengine.Erasure {
	e.t.Helper()
	p := e.requests()
	_, _, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(e.t, err)
	erasure, err := p.erase.Do(e.ctx(), subject, digest, "user-1", "")
	require.NoError(e.t, err)
	require.NotNil(e.t, erasure.CompletedAt)
	return erasure
}

func sources(records []syncengine.PersonRecord) map[string]int {
	n := map[string]int{}
	for _, record := range records {
		n[record.Source]++
	}
	return n
}

const (
	zsofia   = "0e0e0e0e-7777-4777-8777-00000000aaaa" // an object id
	zsofiaAt = "zsofia.erasmus@corp.example"
)

// known has a person in as many tables as there are: a contact of the host that is linked,
// renamed and filtered, settings that name her, a kept identity of her second account.
func known(t *testing.T) (*engine, requests, syncengine.PersonSubject) {
	t.Helper()
	e := setup(t)
	e.dir.users = []syncengine.User{
		person(zsofia, "Zsófia Erasmus", zsofiaAt), person("bob", "Bob Stays", "bob@corp.example"),
		{ObjectID: "2nd-" + zsofia, UserPrincipalName: zsofiaAt, DisplayName: "svc zsofia", AccountEnabled: ptr(true)},
	}
	e.host(syncengine.ContactRecord{ExternalID: ptr("host-zsofia"), ClientExternalID: ptr("ext-client"), FullName: "Zs. Erasmus", Email: ptr(zsofiaAt), Phone: ptr("+36 1 555")})
	e.setting("field_display_name", true)
	e.round()
	e.host(syncengine.ContactRecord{ExternalID: ptr("host-zsofia"), FullName: "Zsófia M. Erasmus"})
	e.round()
	e.exec(`UPDATE entra_sync_settings SET always_include = ARRAY[$1, 'bob@corp.example']`, zsofiaAt)
	e.exec(`INSERT INTO settings_changes (tenant_id, id, version, changed_at, changed_by, fields, before, after)
		VALUES ($1, gen_random_uuid(), 2, now(), 'user-1', '{filters.alwaysInclude}', '{"alwaysInclude": []}', $2)`,
		msp, `{"alwaysInclude": ["`+zsofiaAt+`", "bob@corp.example"]}`)
	e.exec(`UPDATE entra_sync_run_tenants SET failures = $1`, `[{"objectId": "`+zsofia+`", "reason": "name_too_long"}, {"objectId": "x", "reason": "name_too_long"}]`)
	require.Equal(t, 1, e.count(`SELECT count(*) FROM contacts WHERE entra_object_id = $1 AND external_id = 'host-zsofia'`, zsofia))
	return e, e.requests(), syncengine.PersonSubject{Email: " ZSOFIA.Erasmus@corp.example"}
}

// TestAnErasedPersonIsNowhereAndDoesNotComeBack searches every table for whatever names the
// person, before, after, and after syncs that list her again.
func TestAnErasedPersonIsNowhereAndDoesNotComeBack(t *testing.T) {
	t.Parallel()
	e, p, subject := known(t)
	names := []string{zsofia, zsofiaAt, "Erasmus", "host-zsofia", "svc zsofia", "+36 1 555"}
	before := e.found(names...)
	for _, table := range []string{"contacts", "contact_versions", "entra_contact_links", "kept_identities", "entra_sync_settings", "settings_changes", "entra_sync_run_tenants"} {
		require.Contains(t, strings.Join(before, "\n"), "syncengine."+table+" has")
	}
	require.Contains(t, strings.Join(before, "\n"), "syncengine.entra_run_identities")

	who, records, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(t, err)
	require.Len(t, who.Contacts, 1)
	require.Len(t, who.Identities, 2)
	stored := sources(records)
	for _, table := range []string{"contacts", "contact_versions", "contact_changes", "entra_contact_links", "kept_identities", "entra_run_identities", "entra_sync_settings", "settings_changes", "entra_sync_run_tenants"} {
		require.Positive(t, stored["sync-engine."+table], table)
	}
	require.Equal(t, 1, stored["reconciliation.entra_contact_reconciliation_queue"])

	dump := e.dump()
	_, err = p.erase.Do(e.ctx(), subject, "another", "user-1", "R-1")
	require.ErrorIs(t, err, syncengine.ErrPersonDiffers)
	require.Equal(t, dump, e.dump(), "a refusal writes nothing")

	others := e.count(`SELECT count(*) FROM contacts`)
	erasure, err := p.erase.Do(e.ctx(), subject, digest, "user-1", "R-1")
	require.NoError(t, err)
	require.NotNil(t, erasure.CompletedAt)
	require.Equal(t, 1, erasure.Erased["sync-engine.contacts"])
	require.Equal(t, 1, erasure.Erased["reconciliation.entra_contact_reconciliation_queue"])
	require.Len(t, p.queue.asked, 1)
	require.Equal(t, []string{zsofiaAt}, p.queue.asked[0].Addresses[1:], "her own addresses")
	require.Empty(t, e.found(names...))
	require.Equal(t, others-1, e.count(`SELECT count(*) FROM contacts`))
	require.Equal(t, 1, e.count(`SELECT count(*) FROM entra_sync_settings WHERE always_include = '{bob@corp.example}'`), "others stay")

	// The directory still has her: full listings and lists of changes leave her out.
	for range 2 {
		result := e.round()
		require.Equal(t, syncengine.StateCompleted, result.State)
		require.Zero(t, result.Counters.Created)
		require.Empty(t, e.found(names...))
	}
	// To include her by hand does not bring her back: the erasure is to be lifted for that.
	e.setting("always_include", []string{strings.ToLower(zsofia)})
	require.Zero(t, e.round().Counters.Created)
	e.setting("always_include", []string{"bob@corp.example"})
	require.Empty(t, e.found(names...))
	_, err = e.resolver().Do(e.ctx(), e.resolutionOf(person(zsofia, "Zsófia Erasmus", zsofiaAt)))
	require.ErrorIs(t, err, syncengine.ErrPersonErased)
	require.Empty(t, e.found(names...))

	// A new account with her address is kept out too, by its id alone.
	e.dir.users = append(e.dir.users, person("new-account", "Zsófia Erasmus", zsofiaAt))
	result := e.round()
	require.Equal(t, map[string]int{syncengine.FilterErased: 1}, result.Filtered)
	require.Empty(t, e.found(names...))

	_, err = p.lift.Do(e.ctx(), erasure.ID)
	require.NoError(t, err)
	e.round()
	require.NotEmpty(t, e.found(zsofia))
	listed, err := syncengine.NewListErasures(e.store).Do(e.ctx(), "", 10)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	require.NotNil(t, listed[0].LiftedAt)
}

// TestAnErasureIsLiftedWhileARoundIsUnderWay: the round leaves the person out as it began to, and the next one lists
// everybody, though it has a list of changes to go on with.
func TestAnErasureIsLiftedWhileARoundIsUnderWay(t *testing.T) {
	t.Parallel()
	e, p, subject := known(t)
	_, _, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(t, err)
	erasure, err := p.erase.Do(e.ctx(), subject, digest, "user-1", "R-1")
	require.NoError(t, err)
	e.dir.users = append(e.dir.users, person("somebody", "Some Body", "somebody@corp.example"))
	e.dir.onPage = func() {
		e.dir.onPage = nil
		_, err := p.lift.Do(e.ctx(), erasure.ID)
		require.NoError(t, err)
	}
	e.round()
	require.Nil(t, e.dir.onPage)
	require.Empty(t, e.found(zsofia))
	e.round()
	require.NotEmpty(t, e.found(zsofia))
	e.round()
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "from here on it asks for changes again")
}

// TestAPersonIsFoundByAnObjectIDInAnyCase as people copy one from elsewhere.
func TestAPersonIsFoundByAnObjectIDInAnyCase(t *testing.T) {
	t.Parallel()
	e, p, _ := known(t)
	subject := syncengine.PersonSubject{ObjectID: " " + strings.ToUpper(zsofia)}
	who, _, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(t, err)
	require.Len(t, who.Contacts, 1)
	require.Equal(t, zsofia, who.Identities[0].ObjectID)
	erasure, err := p.erase.Do(e.ctx(), subject, digest, "user-1", "")
	require.NoError(t, err)
	require.Equal(t, 1, erasure.Erased["sync-engine.contacts"])
	require.Equal(t, 1, e.count(`SELECT count(*) FROM contacts`), "the other one stays")

	// Of whom nothing is stored yet, nothing goes; a mark stays all the same.
	const later = "0e0e0e0e-7777-4777-8777-00000000bbbb"
	nobody := e.erased(syncengine.PersonSubject{ObjectID: strings.ToUpper(later)})
	require.Zero(t, nobody.Erased["sync-engine.contacts"])
	e.dir.users = append(e.dir.users, person(later, "Late Comer", "late@corp.example"))
	require.Zero(t, e.round().Counters.Created)
	require.Empty(t, e.found(later, "late@corp.example"))
}

// TestTheFeedTellsOfAnErasureByTheIDAlone reads the feed from its beginning.
func TestTheFeedTellsOfAnErasureByTheIDAlone(t *testing.T) {
	t.Parallel()
	e, p, subject := known(t)
	who, _, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(t, err)
	_, err = p.erase.Do(e.ctx(), subject, digest, "user-1", "")
	require.NoError(t, err)
	changes, next, err := syncengine.NewListChanges(e.store).Do(e.ctx(), "", 100, 0)
	require.NoError(t, err)
	last := changes[len(changes)-1]
	require.Equal(t, "contact.erased", last.Type)
	require.Equal(t, syncengine.FeedCursor(last.Sequence), next)
	for i, change := range changes {
		require.Equal(t, int64(i+1), change.Sequence)
		if change.Contact.ID == who.Contacts[0].ID {
			require.Equal(t, syncengine.Contact{ID: who.Contacts[0].ID, ClientID: client, Deleted: true}, *change.Contact)
		}
	}
}

// TestAnErasureWaitsForARoundUnderWay holds the lock that a round of the client holds.
func TestAnErasureWaitsForARoundUnderWay(t *testing.T) {
	t.Parallel()
	e, p, subject := known(t)
	_, _, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(t, err)
	conn, err := e.admin.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	key := postgres.Context + ":" + round.ClientLock(msp, uuid.MustParse(client))
	_, err = conn.Exec(t.Context(), `SELECT pg_advisory_lock(hashtextextended($1, 0))`, key)
	require.NoError(t, err)

	begun, err := p.erase.Do(e.ctx(), subject, digest, "user-1", "") // waits for as long as a person would
	require.NoError(t, err)
	require.Nil(t, begun.CompletedAt)
	require.Empty(t, p.queue.asked, "the round may still push items")
	_, err = p.lift.Do(e.ctx(), begun.ID)
	require.ErrorIs(t, err, syncengine.ErrErasurePending)
	require.Equal(t, []string{begun.ID}, e.rows(`SELECT arguments->>'erasure_id' FROM outbox WHERE kind = 'erase_person' AND done_at IS NULL`))

	_, err = conn.Exec(t.Context(), `SELECT pg_advisory_unlock_all()`)
	require.NoError(t, err)
	p.queue.away = true
	require.Error(t, p.erase.Finish(e.ctx(), begun.ID))
	require.NotEmpty(t, e.found(zsofia), "what the queue has is not known without it")
	p.queue.away = false
	require.NoError(t, p.erase.Finish(e.ctx(), begun.ID))
	require.NoError(t, p.erase.Finish(e.ctx(), begun.ID))
	require.Empty(t, e.found(zsofia, zsofiaAt, "Erasmus"))
	require.Equal(t, 1, e.count(`SELECT count(*) FROM contact_changes WHERE type = 'contact.erased'`))
	require.Equal(t, 1, e.count(`SELECT count(*) FROM outbox WHERE kind = 'erase_person' AND done_at IS NOT NULL`))
}

// TestAnErasureSeesAContactThatIsMadeMeanwhile: a decision about one of her identities was taken before the erasure,
// and is committed while that waits for the client's contacts.
func TestAnErasureSeesAContactThatIsMadeMeanwhile(t *testing.T) {
	t.Parallel()
	e, p, subject := known(t)
	_, _, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(t, err)
	feed, err := e.admin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = feed.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = feed.Exec(t.Context(), `SELECT FROM feed_heads FOR UPDATE`)
	require.NoError(t, err)
	waiting := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool {
			return n == e.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		}, time.Minute, 5*time.Millisecond)
	}

	resolved, erased := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := e.resolver().Do(e.ctx(), e.resolutionOf(person("2nd-"+zsofia, "Zsófia Second", "second@corp.example")))
		resolved <- err
	}()
	waiting(1)
	go func() {
		_, err := p.erase.Do(e.ctx(), subject, digest, "user-1", "")
		erased <- err
	}()
	waiting(2)
	require.NoError(t, feed.Rollback(t.Context()))
	require.NoError(t, <-resolved)
	require.NoError(t, <-erased)
	require.Equal(t, 1, e.count(`SELECT count(*) FROM erasures WHERE completed_at IS NOT NULL`))
	require.Empty(t, e.found(zsofia, zsofiaAt, "Erasmus", "Second"))
}

// TestASharedAddressNamesNobody erases one of two people of a shared mailbox.
func TestASharedAddressNamesNobody(t *testing.T) {
	t.Parallel()
	e := setup(t)
	p := e.requests()
	one := e.host(
		syncengine.ContactRecord{ExternalID: ptr("a"), ClientExternalID: ptr("ext-client"), FullName: "Ann Desk", Email: ptr("desk@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("b"), ClientExternalID: ptr("ext-client"), FullName: "Ben Desk", Email: ptr("desk@corp.example")},
	)[0].ID
	subject := syncengine.PersonSubject{ContactID: one}
	who, _, digest, err := p.export.Do(e.ctx(), subject)
	require.NoError(t, err)
	require.Len(t, who.Contacts, 1)
	require.Empty(t, who.Addresses)
	_, err = p.erase.Do(e.ctx(), subject, digest, "user-1", "")
	require.NoError(t, err)
	require.Equal(t, []string{"Ben Desk"}, e.rows(`SELECT full_name FROM contacts`))
	e.dir.users = []syncengine.User{person("ben", "Ben Desk", "desk@corp.example")}
	require.Equal(t, 1, e.round().Counters.Linked)

	_, _, _, err = p.export.Do(e.ctx(), syncengine.PersonSubject{ContactID: one})
	require.ErrorIs(t, err, syncengine.ErrUnknownContact)
	_, _, _, err = p.export.Do(e.ctx(), syncengine.PersonSubject{Email: "no address"})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
}

// TestAnErasureTouchesNoOtherTenant erases the ids of another tenant's person.
func TestAnErasureTouchesNoOtherTenant(t *testing.T) {
	t.Parallel()
	e, _, _ := known(t)
	contact := e.rows(`SELECT id::text FROM contacts WHERE entra_object_id = $1`, zsofia)[0]
	before := e.dump()
	conn, err := e.admin.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for _, whose := range []string{"msp-2", ""} {
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `SET LOCAL ROLE entrasync_syncengine; SET LOCAL app.tenant = '`+whose+`'`)
		require.NoError(t, err)
		var erased string
		err = tx.QueryRow(t.Context(), `SELECT erase_person($1, $2, $3, $4)::text`, []string{contact}, []string{zsofia}, []string{directory}, []string{zsofia, zsofiaAt}).Scan(&erased)
		if whose == "" {
			require.Error(t, err)
		} else {
			require.NoError(t, err)
			require.Equal(t, "{}", erased)
		}
		_ = tx.Rollback(t.Context())
	}
	require.Equal(t, before, e.dump())
}
