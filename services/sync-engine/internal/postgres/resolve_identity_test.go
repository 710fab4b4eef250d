package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// flags plays the service that keeps them.
type flags struct {
	on  bool
	err error
}

func (f flags) FieldSync(context.Context) (bool, error) { return f.on, f.err }

func (e *engine) resolver() *syncengine.ResolveIdentity {
	return syncengine.NewResolveIdentity(e.store, e.store, e.mapping, pg.NewID, e.clock)
}

// resolution is what a person decides about an identity that a round has queued.
func (e *engine) resolution(objectID, contactID string) syncengine.Resolution {
	e.t.Helper()
	item, ok := e.queue.items[objectID]
	require.True(e.t, ok, "%s is not in the queue", objectID)
	return syncengine.Resolution{
		ItemID: uuid.NewString(), Attempt: 1, ContactID: contactID, DecidedBy: "user-1",
		Mapping: syncengine.MappingRevision{ManagedTenantID: managed, EntraTenantID: directory, ClientID: client},
		Identity: syncengine.AmbiguousIdentity{
			ObjectID: objectID, UserPrincipalName: item.UserPrincipalName, FullName: item.DisplayName, Email: item.Email,
			Phone: item.Phone, Role: item.Role, Enabled: item.Enabled,
		},
	}
}

// resolutionOf makes a contact of a user.
func (e *engine) resolutionOf(u syncengine.User) syncengine.Resolution {
	return syncengine.Resolution{
		ItemID: uuid.NewString(), Attempt: 1, DecidedBy: "user-1",
		Mapping: syncengine.MappingRevision{ManagedTenantID: managed, EntraTenantID: directory, ClientID: client},
		Identity: syncengine.AmbiguousIdentity{
			ObjectID: u.ObjectID, UserPrincipalName: u.UserPrincipalName, FullName: u.DisplayName, Email: u.Mail, Enabled: u.AccountEnabled,
		},
	}
}

// dump is every row of every table, with its version.
func (e *engine) dump() string {
	e.t.Helper()
	var b strings.Builder
	for _, table := range e.rows(`SELECT tablename FROM pg_tables WHERE schemaname = 'syncengine' ORDER BY tablename`) {
		fmt.Fprintln(&b, table, e.rows(`SELECT t.xmin::text, t::text FROM syncengine.`+table+` t ORDER BY 2`))
	}
	return b.String()
}

// twice has two contacts of one address, which an identity has too.
func twice(t *testing.T) (e *engine, contacts []string) {
	t.Helper()
	e = setup(t)
	results := e.host(
		syncengine.ContactRecord{ExternalID: ptr("1"), ClientID: ptr(client), FullName: "Ann Lee", Email: ptr("ann@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("2"), ClientID: ptr(client), FullName: "Ann Lee-Kim", Email: ptr("ann@corp.example")},
	)
	ann := person("o-ann", "Ann Lee", "ann@corp.example")
	ann.JobTitle, ann.MobilePhone = "Head of Tea", "+44 1"
	e.dir.users = []syncengine.User{ann}
	require.Equal(t, syncengine.Counters{Ambiguous: 1}, e.round().Counters)
	return e, []string{results[0].ID, results[1].ID}
}

const contactMarkers = `SELECT concat_ws('|', full_name, email, phone, role, sign_in_name, inactive, entra_tenant_id, entra_object_id, entra_sync_source,
	entra_user_principal_name, entra_account_enabled, entra_sync_status, entra_sync_status_reason, made_by) FROM contacts WHERE id::text = '%s'`

func TestAPersonLinksAnIdentity(t *testing.T) {
	t.Parallel()
	e, contacts := twice(t)
	r := e.resolution("o-ann", contacts[1])
	require.NoError(t, e.resolver().Check(e.ctx(), r))
	got, err := e.resolver().Do(e.ctx(), r)
	require.NoError(t, err)
	require.Equal(t, contacts[1], got)
	require.Equal(t, []string{"Ann Lee-Kim|ann@corp.example||||f|" + directory + "|o-ann|entra_sync|o-ann@corp.example|t|active|host"},
		e.rows(fmt.Sprintf(contactMarkers, got)))
	require.Equal(t, []string{"contact.linked person [] " + got}, e.rows(
		`SELECT type, source, fields, contact_id::text FROM contact_changes WHERE source = 'person'`))
	require.Equal(t, []string{"active " + got}, e.rows(`SELECT status, contact_id::text FROM entra_contact_links`))

	before := e.dump()
	again, err := e.resolver().Do(e.ctx(), r)
	require.NoError(t, err)
	require.Equal(t, got, again, "the same once more")
	require.Equal(t, strings.Count(before, "contact.linked"), strings.Count(e.dump(), "contact.linked"))
	r.ContactID = contacts[0]
	_, err = e.resolver().Do(e.ctx(), r)
	require.ErrorIs(t, err, syncengine.ErrDecisionDiffers)

	before = strings.Join(e.rows(`SELECT xmin::text, id FROM contacts UNION ALL SELECT xmin::text, contact_id FROM entra_contact_links ORDER BY 2`), ",")
	require.Equal(t, syncengine.Counters{Unchanged: 1}, e.round().Counters, "the next round finds the link")
	require.Equal(t, before, strings.Join(e.rows(`SELECT xmin::text, id FROM contacts UNION ALL SELECT xmin::text, contact_id FROM entra_contact_links ORDER BY 2`), ","))
}

// TestAPersonMakesAContact: it is what sync would have made.
func TestAPersonMakesAContact(t *testing.T) {
	t.Parallel()
	for _, upn := range []bool{false, true} {
		e, _ := twice(t)
		e.setting("field_upn", upn)
		made, err := e.resolver().Do(e.ctx(), e.resolution("o-ann", ""))
		require.NoError(t, err)
		require.Equal(t, "contact.created", e.rows(`SELECT type FROM contact_changes WHERE source = 'person'`)[0])

		alone := setup(t)
		alone.setting("field_upn", upn)
		alone.dir.users = e.dir.users
		require.Equal(t, 1, alone.round().Counters.Created)
		bySync := alone.rows(`SELECT id::text FROM contacts`)[0]
		require.Equal(t, alone.rows(fmt.Sprintf(contactMarkers, bySync)), e.rows(fmt.Sprintf(contactMarkers, made)))
		require.Equal(t, alone.rows(`SELECT name_key, email_norm FROM contacts`), e.rows(`SELECT name_key, email_norm FROM contacts WHERE id = $1`, made))
		require.Equal(t, syncengine.Counters{Unchanged: 1}, e.round().Counters)
	}
}

// TestAPersonMakesAContactByTheRulesOfARound: a sign-in name is shown only where a round of
// this directory would show it, by the directory's own rule and while the flag is on.
func TestAPersonMakesAContactByTheRulesOfARound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tenant bool  // the tenant's rule
		own    *bool // the managed tenant's
		flag   syncengine.Flags
		want   string
	}{
		"tenant's rule":      {tenant: true, flag: flags{on: true}, want: "o-ann@corp.example"},
		"flag off":           {tenant: true, flag: flags{}},
		"own rule off":       {tenant: true, own: ptr(false), flag: flags{on: true}},
		"own rule on":        {own: ptr(true), flag: flags{on: true}, want: "o-ann@corp.example"},
		"own rule, flag off": {own: ptr(true), flag: flags{}},
		"no rule":            {flag: flags{err: errs.New(errs.Unavailable, "away", "Away.")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := twice(t)
			e.setting("field_upn", c.tenant)
			e.exec(`INSERT INTO managed_tenant_settings (tenant_id, managed_tenant_id, updated_at, field_upn) VALUES ($1, $2, $3, $4)`,
				msp, managed, e.now, c.own)
			gated := syncengine.GateFieldRules(e.store, c.flag)
			made, err := syncengine.NewResolveIdentity(e.store, gated, e.mapping, pg.NewID, e.clock).Do(e.ctx(), e.resolution("o-ann", ""))
			require.NoError(t, err)
			require.Equal(t, []string{c.want}, e.rows(`SELECT sign_in_name FROM contacts WHERE id = $1`, made))

			alone := setup(t)
			alone.setting("field_upn", c.tenant)
			alone.exec(`INSERT INTO managed_tenant_settings (tenant_id, managed_tenant_id, updated_at, field_upn) VALUES ($1, $2, $3, $4)`,
				msp, managed, alone.now, c.own)
			alone.dir.users = e.dir.users
			alone.sync = syncengine.NewSyncTenant(syncengine.GateFieldRules(alone.store, c.flag), alone.dir, alone.mapping, alone.queue, alone.clock)
			require.Equal(t, 1, alone.round().Counters.Created)
			require.Equal(t, []string{c.want}, alone.rows(`SELECT sign_in_name FROM contacts`), "as a round does")
		})
	}
}

func TestADecisionThatCannotReadTheFlagWritesNothing(t *testing.T) {
	t.Parallel()
	e, _ := twice(t)
	e.setting("field_upn", true)
	away := errs.New(errs.Unavailable, "away", "Away.")
	resolve := syncengine.NewResolveIdentity(e.store, syncengine.GateFieldRules(e.store, flags{err: away}), e.mapping, pg.NewID, e.clock)
	before := e.dump()
	_, err := resolve.Do(e.ctx(), e.resolution("o-ann", ""))
	require.ErrorIs(t, err, away)
	require.Equal(t, before, e.dump())
}

// TestRefusedResolutionsWriteNothing compares all tables before and after.
func TestRefusedResolutionsWriteNothing(t *testing.T) {
	t.Parallel()
	e, contacts := twice(t)
	abroad := e.host(
		syncengine.ContactRecord{ExternalID: ptr("3"), ClientID: ptr(other), FullName: "Elsewhere"},
		syncengine.ContactRecord{ExternalID: ptr("4"), ClientID: ptr(client), FullName: "Deleted"},
		syncengine.ContactRecord{ExternalID: ptr("5"), ClientID: ptr(client), FullName: "Bob", Email: ptr("bob@corp.example")},
	)
	e.host(syncengine.ContactRecord{ID: ptr(abroad[1].ID), FullName: "Deleted", Deleted: ptr(true)})
	e.dir.users = append(e.dir.users, person("o-bob", "Bob", "bob@corp.example"))
	e.round()
	linked := e.resolution("o-ann", "")
	linked.Identity.ObjectID = "o-bob"
	remapped := e.resolution("o-ann", contacts[0])
	remapped.Mapping.ClientID = other
	for name, c := range map[string]struct {
		resolution syncengine.Resolution
		want       error
	}{
		"unknown contact":  {e.resolution("o-ann", uuid.NewString()), syncengine.ErrUnknownContact},
		"malformed id":     {e.resolution("o-ann", "contact"), syncengine.ErrUnknownContact},
		"another client's": {e.resolution("o-ann", abroad[0].ID), syncengine.ErrContactOfOtherClient},
		"deleted":          {e.resolution("o-ann", abroad[1].ID), syncengine.ErrContactDeleted},
		"linked elsewhere": {e.resolution("o-ann", abroad[2].ID), syncengine.ErrContactLinked},
		"identity linked":  {linked, syncengine.ErrIdentityLinked},
		"mapped elsewhere": {remapped, syncengine.ErrMappingChanged},
	} {
		before := e.dump()
		require.ErrorIs(t, e.resolver().Check(e.ctx(), c.resolution), c.want, name)
		_, err := e.resolver().Do(e.ctx(), c.resolution)
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, before, e.dump(), name)
	}
	foreign := e.resolution("o-ann", contacts[0])
	before := e.dump()
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: "msp-2", Actor: tenant.Actor{ID: "user-9"}})
	_, err := e.resolver().Do(ctx, foreign)
	require.ErrorIs(t, err, syncengine.ErrUnknownContact, "another tenant's contact is none")
	require.Equal(t, before, e.dump())
}

// TestResolutionsRace: of many that want one contact or one identity, one gets it.
func TestResolutionsRace(t *testing.T) {
	t.Parallel()
	e, contacts := twice(t)
	e.dir.users = append(e.dir.users, person("o-twin", "Ann Lee", "ann@corp.example"))
	e.round()
	const racers = 8
	refused := make([]error, racers)
	var running sync.WaitGroup
	for i := range racers {
		r := e.resolution([]string{"o-ann", "o-twin"}[i%2], contacts[0])
		running.Go(func() { _, refused[i] = e.resolver().Do(e.ctx(), r) })
	}
	running.Wait()
	won := 0
	for _, err := range refused {
		if err == nil {
			won++
			continue
		}
		require.True(t, errors.Is(err, syncengine.ErrContactLinked) || errors.Is(err, syncengine.ErrIdentityLinked), "%v", err)
	}
	require.Equal(t, 1, won)
	require.Equal(t, 1, e.count(`SELECT count(*) FROM entra_contact_links`))
	require.Equal(t, 1, e.count(`SELECT count(*) FROM contact_changes WHERE source = 'person'`))
}

// TestARoundInFlightFindsWhatAPersonDecided: the plan that was made before is made anew.
func TestARoundInFlightFindsWhatAPersonDecided(t *testing.T) {
	t.Parallel()
	e, contacts := twice(t)
	e.host(syncengine.ContactRecord{ID: ptr(contacts[1]), FullName: "Ann Lee-Kim", Deleted: ptr(true)})
	r := e.resolution("o-ann", "")
	e.now = e.now.Add(1)
	run := e.started(syncengine.TypeAllTenants, false)
	decided := false
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Phase == syncengine.PhaseApplying && !decided { // it is about to link the one contact that is left
			decided = true
			_, err := e.resolver().Do(e.ctx(), r)
			return err
		}
		return nil
	})
	require.NoError(t, err)
	require.True(t, decided)
	require.Equal(t, syncengine.Counters{Unchanged: 1}, e.finished(run.ID).Counters)
	require.Equal(t, 1, e.count(`SELECT count(*) FROM entra_contact_links`))
	require.Equal(t, 0, e.count(`SELECT count(*) FROM contacts WHERE id = $1 AND entra_object_id IS NOT NULL`, contacts[0]))
}

// TestAnOldContactThatMovesWhileAPersonRelinksIsFreedUnderItsClientsLock has the host move it while the
// resolution waits for the head of the client that it was at.
func TestAnOldContactThatMovesWhileAPersonRelinksIsFreedUnderItsClientsLock(t *testing.T) {
	t.Parallel()
	e := relinked(t)
	e.relink()
	const third = "55555555-5555-4555-8555-555555555555"
	r, seq := e.resolution("o-two", ""), e.seq()
	r.Mapping = e.mapped()
	host, err := e.admin.Begin(e.ctx())
	require.NoError(t, err)
	defer func() { _ = host.Rollback(context.WithoutCancel(e.ctx())) }()
	_, err = host.Exec(e.ctx(), `UPDATE client_heads SET revision = revision + 1 WHERE client_id = $1`, client)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := e.resolver().Do(e.ctx(), r)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		return len(ended) > 0 || e.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	}, time.Minute, 10*time.Millisecond)
	_, err = host.Exec(e.ctx(), `UPDATE contacts SET client_id = $1 WHERE full_name = 'Two'`, third)
	require.NoError(t, err)
	require.NoError(t, host.Commit(e.ctx()))
	require.NoError(t, <-ended)
	require.Equal(t, []string{"contact.updated " + third, "contact.created " + other},
		e.rows(`SELECT type, client_id::text FROM contact_changes WHERE seq > $1 ORDER BY seq`, seq))
	require.Equal(t, 1, e.count(`SELECT revision FROM client_heads WHERE client_id = $1`, third))
	require.Equal(t, []string{"Two two@corp.example"}, e.contacts(third))
	require.Equal(t, []string{"active true"}, e.rows(`SELECT l.status, l.created_at = h.linked_at FROM entra_contact_links l
		JOIN entra_contact_link_history h ON h.entra_object_id = l.entra_object_id WHERE l.entra_object_id = 'o-two'`), "it is the same link")
	e.gapless()
}

// TestALinkThatEndedAfterAPersonMadeItIsAskedAboutAgain: that a person resolved what was asked counts for a round
// that was under way. Later ones find the link, and where the host has deleted its contact they ask as before.
func TestALinkThatEndedAfterAPersonMadeItIsAskedAboutAgain(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(1)
	e.round()
	deletes := func() {
		for _, id := range e.rows(`SELECT id::text FROM contacts WHERE NOT deleted`) {
			e.host(syncengine.ContactRecord{ID: &id, Deleted: ptr(true)})
		}
	}
	deletes()
	require.Equal(t, syncengine.Counters{Ambiguous: 1}, e.round().Counters)
	first := e.queue.items[e.dir.users[0].ObjectID]
	require.Equal(t, "contact_deleted", first.Reason)
	e.now = e.now.Add(time.Hour)
	underWay := e.roundMeanwhile(t, func() {
		_, err := e.resolver().Do(e.ctx(), e.resolution(first.ObjectID, ""))
		require.NoError(t, err)
		e.queue.resolved = map[string]time.Time{first.ObjectID: e.now}
	})
	require.Equal(t, syncengine.Counters{Unchanged: 1}, underWay.Counters)

	deletes()
	e.queue.items = nil
	dry := e.do(syncengine.TypeAllTenants, true)
	got := e.round()
	require.Equal(t, syncengine.Counters{Ambiguous: 1}, got.Counters)
	require.Equal(t, got.Counters, dry.Counters)
	require.Equal(t, first.Fingerprint, e.queue.items[first.ObjectID].Fingerprint, "the facts are the same")
	so, err := e.explain.Do(e.ctx(), syncengine.ExplainRequest{ManagedTenantID: managed, ObjectID: first.ObjectID})
	require.NoError(t, err)
	require.Equal(t, "ambiguous", so.Outcome)
}

// TestALaterMappingEndsAResolution: what was announced meanwhile wins.
func TestALaterMappingEndsAResolution(t *testing.T) {
	t.Parallel()
	e, contacts := twice(t)
	r := e.resolution("o-ann", contacts[0])
	_, err := e.revise.Do(e.ctx(), syncengine.MappingRevision{ManagedTenantID: managed, EntraTenantID: directory, ClientID: other, Revision: 2})
	require.NoError(t, err)
	_, err = e.resolver().Do(e.ctx(), r)
	require.Equal(t, "mapping_changed", errs.ReasonOf(err))
	require.Zero(t, e.count(`SELECT count(*) FROM entra_contact_links`))
}
