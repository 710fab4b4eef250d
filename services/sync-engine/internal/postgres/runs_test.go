package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (e *engine) ask(req syncengine.NewRun) (syncengine.Run, bool, error) {
	req.Actor = "user-1"
	if req.Trigger == "" {
		req.Trigger = syncengine.TriggerManual
	}
	return e.create.Do(e.ctx(), req)
}

func TestRequestsJoinTheRunInFlight(t *testing.T) {
	t.Parallel()
	e := setup(t)
	one, joined, err := e.ask(syncengine.NewRun{Type: syncengine.TypeInitial})
	require.NoError(t, err)
	require.False(t, joined)
	require.Equal(t, "entra-initial-sync:"+msp, one.WorkflowID)
	two, joined, err := e.ask(syncengine.NewRun{Type: syncengine.TypeInitial, Trigger: syncengine.TriggerSchedule})
	require.NoError(t, err)
	require.True(t, joined)
	require.Equal(t, one.ID, two.ID)
	dry, joined, err := e.ask(syncengine.NewRun{Type: syncengine.TypeInitial, DryRun: true})
	require.NoError(t, err)
	require.False(t, joined, "a sync never joins a preflight")
	require.Equal(t, "entra-initial-sync:"+msp+":preflight", dry.WorkflowID)
	single, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ManagedTenantID: managed})
	require.NoError(t, err)
	require.Equal(t, "entra-client-sync:"+msp+":"+client, single.WorkflowID)

	_, err = e.finalise.Do(e.ctx(), one.ID, syncengine.StateFailed, &syncengine.Problem{Code: "x"}, nil)
	require.NoError(t, err)
	three, joined, err := e.ask(syncengine.NewRun{Type: syncengine.TypeInitial})
	require.NoError(t, err)
	require.False(t, joined)
	require.NotEqual(t, one.ID, three.ID)
}

func TestRunsThatCannotBeRefused(t *testing.T) {
	t.Parallel()
	e := setup(t)
	_, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ClientID: other})
	require.Equal(t, "client_not_mapped", errs.ReasonOf(err))
	_, _, err = e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ClientID: "99999999-9999-4999-8999-999999999999"})
	require.Equal(t, "unknown_client", errs.ReasonOf(err))
	_, _, err = e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ManagedTenantID: "unknown"})
	require.Equal(t, "not_mapped", errs.ReasonOf(err))
	_, _, err = e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ManagedTenantID: managed, ClientID: other})
	told, ok := errors.AsType[*errs.Error](err)
	require.True(t, ok)
	require.Equal(t, []errs.Violation{{Field: "clientId", Message: "is not the client that the managed tenant is mapped to"}}, told.Violations())
	e.mapping.tenants = nil
	_, _, err = e.ask(syncengine.NewRun{Type: syncengine.TypeInitial})
	require.Equal(t, "no_confirmed_mapping", errs.ReasonOf(err))
	require.Equal(t, errs.Conflict, errs.KindOf(err))
	e.mapping.createNew = 1
	_, _, err = e.ask(syncengine.NewRun{Type: syncengine.TypeInitial})
	require.NoError(t, err)

	run := e.started(syncengine.TypeAllTenants, false)
	done, err := e.finalise.Do(e.ctx(), run.ID, "", nil, nil)
	require.NoError(t, err)
	require.Equal(t, syncengine.StateCompleted, done.State, "all-tenants with no mapped tenant completes with zeros")
}

func TestFirstInitialSyncTurnsAutomaticSyncOn(t *testing.T) {
	t.Parallel()
	e := setup(t)
	settings, err := e.store.Settings(e.ctx(), e.now)
	require.NoError(t, err)
	require.False(t, settings.AutomaticSync)
	require.Equal(t, 1440, settings.IntervalMinutes)
	e.dir.users = people(2)
	require.Equal(t, syncengine.StateCompleted, e.do(syncengine.TypeInitial, false).State)
	require.Len(t, e.mapping.created, 1)
	status, err := syncengine.NewReadSyncStatus(e.store, e.clock).Do(e.ctx())
	require.NoError(t, err)
	require.True(t, status.Settings.AutomaticSync)
	require.Equal(t, 2, status.LastRun.Totals.Counters.Created)
	require.Equal(t, syncengine.TypeInitial, status.LastRun.Type)
	require.Equal(t, 1, status.LastRun.Totals.Succeeded)

	changes, _, err := syncengine.NewListSettingsChanges(e.store).Do(e.ctx(), "", "", 10)
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.Equal(t, []string{"automaticSync"}, changes[0].Fields)
	require.Equal(t, settings.State(), changes[0].Before, "all that the tenant had, as of any change")
	require.Equal(t, status.Settings.State(), changes[0].After)
	require.Empty(t, changes[0].By)

	e.setting("automatic_sync", false)
	require.Equal(t, syncengine.StateCompleted, e.do(syncengine.TypeInitial, false).State)
	settings, err = e.store.Settings(e.ctx(), e.now)
	require.NoError(t, err)
	require.False(t, settings.AutomaticSync, "what a person turned off stays off")
}

func TestOpenTenantsAreGroupedByClientInOrder(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.mapping.tenants = []syncengine.MappedTenant{
		{ManagedTenantID: "m1", EntraTenantID: "d1", ClientID: client},
		{ManagedTenantID: "m2", EntraTenantID: "d2", ClientID: other},
		{ManagedTenantID: "m3", EntraTenantID: "d3", ClientID: client},
	}
	run := e.started(syncengine.TypeAllTenants, false)
	page, err := e.open.Do(e.ctx(), run.ID, 0, 1)
	require.NoError(t, err)
	require.Equal(t, []syncengine.ClientTenants{{Group: 1, ClientID: client, ManagedTenantIDs: []string{"m1", "m3"}}}, page)
	require.NoError(t, e.record.Do(e.ctx(), run.ID, "m1", "failed", &syncengine.Problem{Code: "consent_missing", Message: "m", Remedy: "r"}))
	require.NoError(t, e.record.Do(e.ctx(), run.ID, "m1", "cancelled", nil), "a result that exists stays")
	page, err = e.open.Do(e.ctx(), run.ID, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"m3"}, page[0].ManagedTenantIDs)
	require.Equal(t, []string{"m2"}, page[1].ManagedTenantIDs)

	open, err := e.store.OpenRuns(t.Context(), e.now.Add(time.Minute), "", 10)
	require.NoError(t, err)
	require.Equal(t, []syncengine.OpenRun{{Tenant: msp, RunID: run.ID, WorkflowID: run.WorkflowID}}, open)
	open, err = e.store.OpenRuns(t.Context(), e.now.Add(time.Minute), run.ID, 10)
	require.NoError(t, err)
	require.Empty(t, open, "behind the last one")
	done, err := e.finalise.Do(e.ctx(), run.ID, "", nil, nil)
	require.NoError(t, err)
	require.Equal(t, syncengine.StateFailed, done.State)
	_, tenants, err := e.show.Do(e.ctx(), run.ID)
	require.NoError(t, err)
	require.Equal(t, "consent_missing", tenants[0].Problem.Code)
	require.Equal(t, &syncengine.Problem{
		Code: "not_processed", Message: "The run ended before this managed tenant was synced.", Remedy: "Start the run again.",
	}, tenants[1].Problem)
	runs, _, total, err := e.runs.Do(e.ctx(), syncengine.RunPage{Filter: syncengine.RunFilter{ClientID: other, State: "failed"}, Size: 10})
	require.NoError(t, err)
	require.Equal(t, 1, total)
	require.Equal(t, run.ID, runs[0].ID)
}

// TestTheProgressOfARunIsPolled while it is under way: after each managed tenant the run says how
// many of them have ended, and how, and what they have changed so far.
func TestTheProgressOfARunIsPolled(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.mapping.tenants = append(e.mapping.tenants, manyMapped(2)...)
	e.dir.users = people(2)
	run := e.started(syncengine.TypeAllTenants, false)
	polled := func() syncengine.Totals {
		run, _, err := e.show.Do(e.ctx(), run.ID)
		require.NoError(t, err)
		require.Equal(t, syncengine.StateRunning, run.State)
		return run.Totals
	}
	require.Equal(t, syncengine.Totals{Tenants: 3}, polled())
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err)
	want := syncengine.Totals{Tenants: 3, Processed: 1, Succeeded: 1, Counters: syncengine.Counters{Created: 2}}
	require.Equal(t, want, polled())
	require.NoError(t, e.record.Do(e.ctx(), run.ID, "m1", syncengine.StateFailed, &syncengine.Problem{Code: "consent_missing", Message: "m", Remedy: "r"}))
	want.Processed, want.Failed = 2, 1
	require.Equal(t, want, polled())
	_, tenants, err := e.show.Do(e.ctx(), run.ID)
	require.NoError(t, err)
	states := map[string]syncengine.State{}
	for _, tenant := range tenants {
		states[tenant.ManagedTenantID] = tenant.State
	}
	require.Equal(t, map[string]syncengine.State{managed: syncengine.StateCompleted, "m0": syncengine.StateQueued, "m1": syncengine.StateFailed}, states)
}

// TestAnotherTenantSeesNothing fills every table and looks at them as the runtime
// role of another tenant, without any filter of ours.
func TestAnotherTenantSeesNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	filtered := person("o-svc", "svc-scan", "scan@corp.example") // is kept
	e.dir.users = append(people(40), filtered)
	run := e.do(syncengine.TypeInitial, false)
	e.dir.users = append(people(20), filtered)
	e.round() // held, which fills its table
	e.failing()
	_, err := syncengine.NewTickets(e.store, e.clock).Issue(e.ctx(), run.RunID, syncengine.TypeInitial)
	require.NoError(t, err)
	e.remap(other)
	_, err = e.decide(syncengine.DecisionLeave)
	require.NoError(t, err)
	resolution := e.resolutionOf(person("o-resolved", "Resolved", "resolved@corp.example"))
	resolution.Mapping.ClientID = other
	_, err = e.resolver().Do(e.ctx(), resolution)
	require.NoError(t, err)
	e.erased(syncengine.PersonSubject{ObjectID: "o-unknown"})
	require.NoError(t, e.store.AppendFeed(e.ctx(), uuid.NewString(), []syncengine.AppendedEntry{{
		Type: "client.created", Source: "host", ClientID: client, Client: &syncengine.FeedClient{ID: client, Name: "A client"},
	}}, e.now))
	conn, err := e.admin.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `INSERT INTO managed_tenant_settings (tenant_id, managed_tenant_id, updated_at) VALUES ($1, $2, now())`, msp, managed)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `
		INSERT INTO held_decisions (tenant_id, run_id, managed_tenant_id, entra_tenant_id, decision, decided_by, decided_at)
		SELECT tenant_id, run_id, managed_tenant_id, entra_tenant_id, 'reject', 'user-1', now() FROM entra_sync_run_tenants WHERE state = 'held';
		INSERT INTO rejected_inactivations (tenant_id, entra_tenant_id, entra_object_id, reason, run_id)
		SELECT tenant_id, '`+directory+`', entra_object_id, reason, run_id FROM held_identities ON CONFLICT DO NOTHING;
		INSERT INTO approved_listings (tenant_id, entra_tenant_id, run_id, approved_by, approved_at)
		SELECT tenant_id, entra_tenant_id, run_id, 'user-1', now() FROM entra_sync_run_tenants WHERE state = 'held' ON CONFLICT DO NOTHING`)
	require.NoError(t, err)
	// Neither contacts nor links nor anything that history is made of.
	deletable := []string{"kept_identities", "held_identities", "entra_run_identities", "failing_tenants", "outbox", "rejected_inactivations", "approved_listings", "erased_people", "feed_effects", "contact_name_parts"}
	for _, table := range e.rows(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'syncengine'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_migrations'`) {
		require.Positive(t, e.count(`SELECT count(*) FROM `+table), table)
		for tenantID, visible := range map[string]bool{msp: true, "msp-2": false, "": false} {
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), `SET LOCAL ROLE entrasync_syncengine; SET LOCAL app.tenant = '`+tenantID+`'`)
			require.NoError(t, err)
			var n int
			require.NoError(t, tx.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
			require.Equal(t, visible, n > 0, "%s as %q", table, tenantID)
			tag, err := tx.Exec(t.Context(), `DELETE FROM `+table)
			if slices.Contains(deletable, table) {
				require.NoError(t, err, table)
				require.Equal(t, visible, tag.RowsAffected() > 0)
			} else {
				require.Error(t, err, "nothing is ever deleted")
			}
			require.NoError(t, tx.Rollback(t.Context()))
		}
	}
	for _, partition := range e.rows(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'syncengine'::regnamespace AND c.relkind = 'r' AND c.relispartition`) {
		require.Zero(t, e.count(`SELECT count(*) FROM (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS p (of)
			WHERE has_table_privilege('entrasync_syncengine', $1, p.of)`, "syncengine."+partition), "%s is reached through its table alone", partition)
	}
	foreign := tenant.With(t.Context(), tenant.Call{Tenant: "msp-2"})
	_, _, err = e.show.Do(foreign, run.RunID)
	require.ErrorIs(t, err, syncengine.ErrUnknownRun)
	contacts, _, total, err := e.list.Do(foreign, "", syncengine.ContactPage{Size: 10})
	require.NoError(t, err)
	require.Empty(t, contacts)
	require.Zero(t, total)
	_, _, err = syncengine.NewShowContact(e.store).Do(foreign, e.rows(`SELECT id::text FROM contacts LIMIT 1`)[0])
	require.ErrorIs(t, err, syncengine.ErrUnknownContact)
}

func TestARunIsFoundByItsID(t *testing.T) {
	t.Parallel()
	e := setup(t)
	id := uuid.Must(uuid.NewV7()).String()
	ask := syncengine.NewRun{ID: id, Type: syncengine.TypeInitial}
	run, joined, err := e.ask(ask)
	require.NoError(t, err)
	require.False(t, joined)
	require.Equal(t, id, run.ID)
	_, err = e.finalise.Do(e.ctx(), id, "", nil, nil)
	require.NoError(t, err)

	e.mapping.tenants = nil // a repeat does not ask whether it may begin
	again, joined, err := e.ask(ask)
	require.NoError(t, err)
	require.True(t, joined)
	require.Equal(t, id, again.ID)
	require.Equal(t, syncengine.StateCompleted, again.State)
	require.Equal(t, 1, e.count(`SELECT count(*) FROM entra_sync_runs`))

	// The same id while another run of the kind is open, past the first look.
	e.mapping.createNew = 1
	open, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeInitial})
	require.NoError(t, err)
	same := open
	same.ID = id
	found, joined, err := e.store.OpenRun(e.ctx(), same)
	require.NoError(t, err)
	require.True(t, joined)
	require.Equal(t, id, found.ID)
	_, err = e.cancel.Do(e.ctx(), syncengine.Cancellation{})
	require.NoError(t, err)
	found, joined, err = e.store.OpenRun(e.ctx(), same)
	require.NoError(t, err)
	require.True(t, joined)
	require.Equal(t, id, found.ID)
}

func TestCancelIsBoundedByTimeAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(2)
	old := e.started(syncengine.TypeAllTenants, false)
	_, _, err := e.store.ManagedTenant(e.ctx(), old.ID, managed)
	require.NoError(t, err)
	e.exec(`UPDATE entra_sync_run_tenants SET state = 'running'`) // as in the middle of a round
	disconnected := e.now.Add(time.Minute)
	e.now = e.now.Add(time.Hour)
	newer := e.started(syncengine.TypeInitial, false)

	for range 2 { // the second as after a crash between closing and cancelling
		workflows, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{CreatedBefore: &disconnected})
		require.NoError(t, err)
		require.Equal(t, []string{old.WorkflowID}, workflows)
	}
	run, err := e.store.Run(e.ctx(), newer.ID)
	require.NoError(t, err)
	require.Equal(t, syncengine.StateRunning, run.State)

	again := e.started(syncengine.TypeAllTenants, false)
	workflows, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{CreatedBefore: &disconnected})
	require.NoError(t, err)
	require.Empty(t, workflows, "its workflow serves another run now")
	_, err = e.finalise.Do(e.ctx(), again.ID, syncengine.StateCancelled, nil, nil)
	require.NoError(t, err)
	_, err = e.finalise.Do(e.ctx(), old.ID, syncengine.StateCancelled, nil, nil)
	require.NoError(t, err)
	workflows, err = e.cancel.Do(e.ctx(), syncengine.Cancellation{CreatedBefore: &disconnected})
	require.NoError(t, err)
	require.Empty(t, workflows)
}

func TestOnlyWhatAPersonStartsCreatesClients(t *testing.T) {
	t.Parallel()
	e := setup(t)
	begun := func(req syncengine.NewRun) string {
		t.Helper()
		run, joined, err := e.ask(req)
		require.NoError(t, err)
		require.False(t, joined)
		for range 2 { // the second as after an answer that was lost
			_, _, err = e.begin.Do(e.ctx(), run.ID)
			require.NoError(t, err)
		}
		_, err = e.finalise.Do(e.ctx(), run.ID, "", nil, nil)
		require.NoError(t, err)
		return run.ID
	}
	for _, kind := range []syncengine.RunType{syncengine.TypeInitial, syncengine.TypeAllTenants, syncengine.TypeSingleClient} {
		req := syncengine.NewRun{Type: kind, Trigger: syncengine.TriggerSchedule}
		if kind == syncengine.TypeSingleClient {
			req.ClientID = client
		}
		begun(req)
		req.Trigger, req.DryRun = syncengine.TriggerManual, true
		begun(req)
		require.Empty(t, e.mapping.created, "a scheduled or a dry run creates nobody")
		req.DryRun = false
		id := begun(req)
		if kind == syncengine.TypeSingleClient {
			require.Empty(t, e.mapping.created, "a sync of one client makes no other")
			continue
		}
		require.Equal(t, []string{id}, e.mapping.created, "once")
		e.mapping.created = nil
	}
}

// TestADecidedClientIsCreatedOnceUnderRetries loses the answer of mapping, and
// then that of the database, where nothing is mapped but a client to be created.
func TestADecidedClientIsCreatedOnceUnderRetries(t *testing.T) {
	t.Parallel()
	e := setup(t)
	created := e.mapping.tenants
	e.mapping.tenants, e.mapping.createNew = nil, 1
	run, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeInitial})
	require.NoError(t, err)
	lost := errs.New(errs.Unavailable, "lost", "Lost.")
	made := map[string]bool{}
	answers := []error{lost, nil, nil}
	e.mapping.onCreate = func(runID string) error {
		made[runID] = true // mapping makes a run's clients once, whichever the attempt
		e.mapping.tenants, e.mapping.createNew = created, 0
		answer := answers[0]
		answers = answers[1:]
		return answer
	}
	_, _, err = e.begin.Do(e.ctx(), run.ID)
	require.ErrorIs(t, err, lost)
	e.exec(`REVOKE INSERT ON entra_sync_run_tenants FROM entrasync_syncengine`) // after mapping answered, the database fails
	_, _, err = e.begin.Do(e.ctx(), run.ID)
	require.Error(t, err)
	e.exec(`GRANT INSERT ON entra_sync_run_tenants TO entrasync_syncengine`)
	state, total, err := e.begin.Do(e.ctx(), run.ID)
	require.NoError(t, err)
	require.Equal(t, syncengine.StateRunning, state)
	require.Equal(t, 1, total, "the tenant of the client that was created is synced at once")
	_, _, err = e.begin.Do(e.ctx(), run.ID)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{run.ID: true}, made, "every attempt asks as the same run")
	require.Empty(t, answers, "once begun it asks no more")
}

// What is small, and of which only the changes are asked for, is told to be quick.
func TestUnchangedSmallDirectoriesAreQuick(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-1", "One", "one@corp.example")}
	listed := func() []syncengine.ClientTenants {
		run := e.started(syncengine.TypeAllTenants, false)
		groups, err := e.open.Do(e.ctx(), run.ID, 0, 10)
		require.NoError(t, err)
		_, err = e.finalise.Do(e.ctx(), run.ID, syncengine.StateCancelled, nil, nil)
		require.NoError(t, err)
		require.Len(t, groups, 1)
		return groups
	}
	require.False(t, listed()[0].Quick, "it was never listed")
	e.round()
	e.round()
	require.True(t, listed()[0].Quick)
	e.exec(`UPDATE directories SET standing = jsonb_set(standing, '{identities}', '501')`)
	require.False(t, listed()[0].Quick, "it is large")
	e.exec(`UPDATE directories SET standing = NULL`)
	require.False(t, listed()[0].Quick, "it has to be counted")
}
