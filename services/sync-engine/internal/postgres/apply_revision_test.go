package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// remap maps the one directory to another client, or to none, as a person would.
func (e *engine) remap(clientID string) {
	e.revision++
	e.mapping.tenants = nil
	if clientID != "" {
		e.mapping.tenants = []syncengine.MappedTenant{{ManagedTenantID: managed, EntraTenantID: directory, ClientID: clientID, Revision: e.revision}}
	}
}

// mapped is the mapping as it stands.
func (e *engine) mapped() syncengine.MappingRevision {
	m := syncengine.MappingRevision{ManagedTenantID: managed, EntraTenantID: directory, Revision: e.revision}
	if len(e.mapping.tenants) > 0 {
		m.ClientID = e.mapping.tenants[0].ClientID
	}
	return m
}

// followed does what the effect of a mapping's change does.
func (e *engine) followed() syncengine.Revised {
	e.t.Helper()
	revised, err := e.revise.Do(e.ctx(), e.mapped())
	require.NoError(e.t, err)
	return revised
}

// busy tells the engine of the mapping while a round has the directory, and gives
// up waiting for it once the round can know.
func (e *engine) busy() {
	e.t.Helper()
	ctx, cancel := context.WithCancel(e.ctx())
	ended := make(chan error, 1)
	go func() {
		_, err := e.revise.Do(ctx, e.mapped())
		ended <- err
	}()
	// It asks for the directory's lock again and again, on a connection that holds none.
	tries := map[string]bool{}
	require.Eventually(e.t, func() bool {
		for _, at := range e.rows(`SELECT a.query_start FROM pg_stat_activity a WHERE a.datname = current_database()
			AND a.query LIKE 'SELECT pg_try_advisory_lock%' AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')`) {
			tries[at] = true
		}
		return len(tries) > 1 || len(ended) > 0
	}, time.Minute, 10*time.Millisecond)
	require.Empty(e.t, ended, "it did not wait")
	require.Equal(e.t, 1, e.count(`SELECT count(*) FROM directory_mappings WHERE revision = $1`, e.revision), "the round can know")
	cancel()
	require.Contains(e.t, []string{"round_in_progress", "cancelled"}, errs.ReasonOf(<-ended), "it may be cut off while it looks")
}

func TestRevisingAMappingOrphansLinksAndGoingBackReactivatesThem(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(4)
	e.round()
	e.dir.users[3].AccountEnabled = ptr(false)
	e.round()
	e.exec(`UPDATE directories SET delta_link = 'd'`)
	before := e.rows(`SELECT xmin::text, id FROM contacts ORDER BY id`)
	seq := e.seq()

	e.remap(other)
	require.Equal(t, syncengine.Revised{Orphaned: 4}, e.followed())
	require.Equal(t, 4, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'orphaned' AND client_id = $1`, client))
	require.Equal(t, before, e.rows(`SELECT xmin::text, id FROM contacts ORDER BY id`), "no contact is touched")
	require.Equal(t, 4, e.count(`SELECT count(*) FROM contact_details WHERE link_status = 'orphaned'`))
	require.Equal(t, []string{
		"contact.updated person [linkStatus] Person 0", "contact.updated person [linkStatus] Person 1",
		"contact.updated person [linkStatus] Person 2", "contact.updated person [linkStatus] Person 3",
	}, e.feed(seq), "the feed tells what the contacts show now")
	require.Equal(t, 1, e.count(`SELECT count(*) FROM directories WHERE delta_link IS NULL`), "the next round is a full one")

	seq = e.seq()
	xmin := e.rows(`SELECT xmin::text FROM entra_contact_links`)
	require.Equal(t, syncengine.Revised{Orphaned: 4}, e.followed(), "the same again changes nothing")
	require.Equal(t, xmin, e.rows(`SELECT xmin::text FROM entra_contact_links`))

	late := e.mapped()
	e.remap("") // unmapped
	require.Equal(t, syncengine.Revised{Orphaned: 4}, e.followed())
	e.remap(client)
	require.Equal(t, syncengine.Revised{Reactivated: 4}, e.followed())
	require.Equal(t, []string{"active", "active", "active", "inactive"}, e.rows(`SELECT status FROM entra_contact_links ORDER BY entra_object_id`))
	require.Len(t, e.feed(seq), 4)

	revised, err := e.revise.Do(e.ctx(), late)
	require.NoError(t, err)
	require.Equal(t, syncengine.Revised{}, revised, "an older revision changes nothing")
	require.Equal(t, 3, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active'`))
	require.Equal(t, before, e.rows(`SELECT xmin::text, id FROM contacts ORDER BY id`))
	e.gapless()
	require.Equal(t, syncengine.Counters{Unchanged: 4}, e.round().Counters)
}

// TestTheQueueFollowsTheMapping unmaps a directory with items that wait for a
// person: the queue is told, and again as long as it did not hear.
func TestTheQueueFollowsTheMapping(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-1", "Twin", "twin@corp.example"), person("o-2", "Twin", "twin@corp.example")}
	mapped := e.mapped()
	require.Equal(t, 2, e.round().Counters.Ambiguous)
	require.Equal(t, []syncengine.MappingRevision{mapped}, e.queue.pushed, "an item says which mapping raised it")

	e.remap("")
	e.queue.away = true
	_, err := e.revise.Do(e.ctx(), e.mapped())
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "the effect is done again")
	e.queue.away = false
	e.followed()
	require.Equal(t, []syncengine.MappingRevision{e.mapped()}, e.queue.followed)
}

func TestLinksFollowInRanges(t *testing.T) {
	t.Parallel()
	e := setup(t)
	n := 2*syncengine.RangeSize + 1
	e.dir.users = people(n)
	e.round()
	e.remap(other)
	require.Equal(t, syncengine.Revised{Orphaned: n}, e.followed())
	require.Equal(t, n, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'orphaned'`))
	e.remap(client)
	require.Equal(t, syncengine.Revised{Reactivated: n}, e.followed())
	require.Equal(t, 3*n, e.seq())
	e.gapless()
}

// wentOver sets up an orphaned link whose contact an identity of another directory
// has taken, which no round does any more.
func wentOver(t *testing.T) *engine {
	t.Helper()
	e := setup(t)
	e.dir.users = people(1)
	e.round()
	e.remap(other)
	e.followed()
	e.exec(`INSERT INTO entra_contact_links (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status, last_seen_at, last_synced_at, created_at)
		SELECT tenant_id, 'd2', 'o-other', id, client_id, 'active', updated_at, updated_at, updated_at FROM contacts`)
	e.exec(`UPDATE contacts SET entra_tenant_id = 'd2', entra_object_id = 'o-other', full_name = 'Other', email = 'other@corp.example', email_norm = 'other@corp.example'`)
	return e
}

func TestALinkWhoseContactWentOverIsNotReactivated(t *testing.T) {
	t.Parallel()
	e := wentOver(t)
	e.remap(client)
	require.Equal(t, syncengine.Revised{Orphaned: 1}, e.followed(), "a contact has one identity")
	require.Equal(t, []string{"o-other active"}, e.rows(`SELECT entra_object_id, link_status FROM contact_details`))
}

// TestWhatBecomesOfAnIdentityWhoseContactWentOverChangesNothingOfIt: whether it is disabled or
// leaves, the contact says what the other identity is like.
func TestWhatBecomesOfAnIdentityWhoseContactWentOverChangesNothingOfIt(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"inactive = false", "inactive = true, inactivated_by_sync = true, entra_sync_status = 'inactive', entra_sync_status_reason = 'disabled_upstream'"} {
		for _, everybody := range []bool{true, false} {
			e := wentOver(t)
			e.exec(`UPDATE contacts SET entra_user_principal_name = 'other@corp.example', ` + other)
			e.remap(client)
			e.followed()
			const contact = `SELECT inactive, entra_sync_status, entra_sync_status_reason, entra_user_principal_name, entra_account_enabled, version FROM contacts WHERE full_name = 'Other'`
			was := e.rows(contact)
			off := e.dir.users[0]
			off.AccountEnabled = ptr(false)
			for _, users := range [][]syncengine.User{e.dir.users, {off}, nil} {
				e.dir.expired = everybody
				e.dir.users = append([]syncengine.User{person("o-stays", "Stays", "stays@corp.example")}, users...)
				require.Equal(t, syncengine.StateCompleted, e.round().State)
				require.Equal(t, was, e.rows(contact), "%d users, everybody listed: %t", len(e.dir.users), everybody)
			}
		}
	}
}

// TestAnOrphansContactIsNotTakenByAnotherDirectory unmaps a tenant by mistake:
// what another directory of the client does meanwhile must not stand in the way
// of undoing it.
func TestAnOrphansContactIsNotTakenByAnotherDirectory(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(2)
	e.round()
	one := e.dir.users
	e.remap("")
	require.Equal(t, syncengine.Revised{Orphaned: 2}, e.followed())
	e.mapping.tenants = []syncengine.MappedTenant{{ManagedTenantID: managed, EntraTenantID: "d2", ClientID: client, Revision: 1}}
	e.dir.users = []syncengine.User{person("o-other", "Person 0", "p0@corp.example")}
	require.Equal(t, syncengine.Counters{Ambiguous: 1}, e.round().Counters)
	item := e.queue.items["o-other"]
	require.Equal(t, "contact_already_linked", item.Reason)
	require.Equal(t, "o-000", item.Candidates[0].LinkedTo, "whoever decides sees whose it is")
	require.Equal(t, "orphaned", item.Candidates[0].LinkedState)

	two := e.mapping.tenants
	e.remap(client)
	require.Equal(t, syncengine.Revised{Reactivated: 2}, e.followed())
	e.dir.users = one
	require.Equal(t, syncengine.Counters{Unchanged: 2}, e.round().Counters)

	// Once its link has ended the contact is free.
	e.remap("")
	e.followed()
	_, err := e.decide(syncengine.DecisionLeave)
	require.NoError(t, err)
	e.mapping.tenants, e.dir.users = two, []syncengine.User{person("o-other", "Person 0", "p0@corp.example")}
	require.Equal(t, 1, e.round().Counters.Linked)
}

func TestARoundInFlightMakesWayForANewMapping(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(syncengine.RangeSize + 100)
	run := e.started(syncengine.TypeAllTenants, false)
	old := e.mapping.tenants
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Phase == syncengine.PhaseApplying && p.Applied == syncengine.RangeSize {
			e.remap(other)
			e.busy()
			// Mapping goes on telling the round what it knew: the engine's own note stops it.
			now := e.mapping.tenants
			e.mapping.tenants = old
			t.Cleanup(func() { e.mapping.tenants = now })
		}
		return nil
	})
	require.ErrorIs(t, err, syncengine.ErrMappingChanged)
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM contacts WHERE client_id = $1`, client))
	require.Zero(t, e.count(`SELECT count(*) FROM contacts WHERE client_id <> $1`, client), "nothing of the new client was written")
	require.NoError(t, e.record.Do(e.ctx(), run.ID, managed, syncengine.StateFailed, &syncengine.Problem{Code: errs.ReasonOf(err)}))
	failed := e.finished(run.ID)
	require.Equal(t, "mapping_changed", failed.Problem.Code)
	require.Equal(t, syncengine.RangeSize, failed.Counters.Created, "what was written counts")

	e.mapping.tenants = []syncengine.MappedTenant{{ManagedTenantID: managed, EntraTenantID: directory, ClientID: other, Revision: e.revision}}
	require.Equal(t, syncengine.Revised{Orphaned: syncengine.RangeSize}, e.followed())
	got := e.round()
	require.Equal(t, syncengine.StateCompleted, got.State)
	require.Equal(t, syncengine.Counters{Created: 100, Unchanged: syncengine.RangeSize}, got.Counters)
	require.Equal(t, 100, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active' AND client_id = $1`, other))
}

func TestALateMappingStopsARoundAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, at := range []string{syncengine.PhaseStaging, syncengine.PhaseDeciding, syncengine.PhaseApplying, syncengine.PhaseClosing} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.dir.users = people(3)
			run := e.started(syncengine.TypeAllTenants, false)
			old, moved := e.mapping.tenants, false
			_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
				if p.Phase == at && !moved {
					moved = true
					e.remap(other)
					e.busy()
					e.mapping.tenants = old
				}
				return nil
			})
			require.ErrorIs(t, err, syncengine.ErrMappingChanged)
			require.Zero(t, e.count(`SELECT count(*) FROM directories`), "the next round takes up at no later place")
			if at == syncengine.PhaseApplying || at == syncengine.PhaseClosing {
				return
			}
			require.Zero(t, e.count(`SELECT count(*) FROM contacts`))
		})
	}
}
