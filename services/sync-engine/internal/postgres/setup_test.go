package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

const (
	msp       = "msp-1"
	directory = "11111111-1111-4111-8111-111111111111" // the Entra tenant
	managed   = "22222222-2222-4222-8222-222222222222" // our managed tenant
	client    = "33333333-3333-4333-8333-333333333333"
	other     = "44444444-4444-4444-8444-444444444444" // another client
)

// engine is all that a test needs: the use cases on a real database, with the
// other services played by fakes of our ports.
type engine struct {
	t       testing.TB
	db      *pgtest.DB
	admin   *pgxpool.Pool
	store   *postgres.Store
	dir     *fakeDirectory
	mapping *fakeMapping
	queue   *fakeQueue
	now     time.Time
	// Of the one directory's mapping.
	revision int64
	// What forget does, once it is known.
	forgetting string

	create   *syncengine.CreateRun
	begin    *syncengine.BeginRun
	open     *syncengine.ListOpenTenants
	record   *syncengine.RecordTenantResult
	finalise *syncengine.FinaliseRun
	cancel   *syncengine.CancelRuns
	sync     *syncengine.SyncTenant
	batch    *syncengine.BatchUpsert
	runs     *syncengine.ListRuns
	show     *syncengine.ShowRun
	list     *syncengine.ListContacts
	revise   *syncengine.ReviseMapping
	orphans  *syncengine.DecideOrphans
	report   *syncengine.ListIdentities
	held     *syncengine.DecideHeld
	explain  *syncengine.Explain
}

// dawn is when tests begin.
var dawn = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

func newDirectory() *fakeDirectory { return &fakeDirectory{full: true, pageSize: 999} }

// newMapping has the one directory mapped to the one client.
func newMapping() *fakeMapping {
	return &fakeMapping{
		tenants: []syncengine.MappedTenant{{ManagedTenantID: managed, EntraTenantID: directory, ClientID: client, Revision: 1}},
		clients: map[string]string{client: "ext-client", other: "ext-other"},
	}
}

func setup(t testing.TB) *engine {
	t.Helper()
	db := pgtest.Database(t, postgres.Context)
	e := &engine{
		t: t, db: db, admin: db.Admin, store: postgres.New(db.Pool(postgres.Context), round.Timeouts{}),
		dir: newDirectory(), queue: &fakeQueue{}, mapping: newMapping(), revision: 1, now: dawn,
	}
	clock := e.clock
	e.create = syncengine.NewCreateRun(e.store, e.mapping, pg.NewID, clock)
	e.begin = syncengine.NewBeginRun(e.store, e.mapping, clock)
	e.open = syncengine.NewListOpenTenants(e.store)
	e.record = syncengine.NewRecordTenantResult(e.store, clock)
	e.finalise = syncengine.NewFinaliseRun(e.store, clock)
	e.cancel = syncengine.NewCancelRuns(e.store, clock)
	e.sync = syncengine.NewSyncTenant(e.store, e.dir, e.mapping, e.queue, clock)
	e.batch = syncengine.NewBatchUpsert(e.store, e.mapping, pg.NewID, clock)
	e.runs = syncengine.NewListRuns(e.store)
	e.show = syncengine.NewShowRun(e.store)
	e.list = syncengine.NewListContacts(e.store)
	e.revise = syncengine.NewReviseMapping(e.store, e.queue, clock)
	e.orphans = syncengine.NewDecideOrphans(e.store, e.mapping, clock)
	e.held = syncengine.NewDecideHeld(e.store, e.mapping, pg.NewID, clock)
	e.report = syncengine.NewListIdentities(e.store, 30, clock)
	e.explain = syncengine.NewExplain(e.store, e.store, e.dir, e.mapping, e.queue, clock)
	return e
}

func (e *engine) clock() time.Time { return e.now }

func (e *engine) ctx() context.Context {
	return tenant.With(e.t.Context(), tenant.Call{Tenant: msp, Actor: tenant.Actor{ID: "user-1", Type: "user"}})
}

// started creates and begins a run.
func (e *engine) started(runType syncengine.RunType, dryRun bool) syncengine.Run {
	e.t.Helper()
	run, joined, err := e.create.Do(e.ctx(), syncengine.NewRun{Actor: "user-1", Type: runType, DryRun: dryRun, Trigger: "manual"})
	require.NoError(e.t, err)
	require.False(e.t, joined)
	state, _, err := e.begin.Do(e.ctx(), run.ID)
	require.NoError(e.t, err)
	require.Equal(e.t, syncengine.StateRunning, state)
	return run
}

// round does a whole run over the one directory, an hour after the last.
func (e *engine) round() syncengine.ManagedTenant {
	e.t.Helper()
	return e.do(syncengine.TypeAllTenants, false)
}

func (e *engine) do(runType syncengine.RunType, dryRun bool) syncengine.ManagedTenant {
	e.t.Helper()
	e.now = e.now.Add(time.Hour)
	run := e.started(runType, dryRun)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(e.t, err)
	return e.finished(run.ID)
}

func (e *engine) finished(runID string) syncengine.ManagedTenant {
	e.t.Helper()
	_, err := e.finalise.Do(e.ctx(), runID, "", nil, nil)
	require.NoError(e.t, err)
	_, tenants, err := e.show.Do(e.ctx(), runID)
	require.NoError(e.t, err)
	require.Len(e.t, tenants, 1)
	return tenants[0]
}

func (e *engine) exec(sql string, args ...any) {
	e.t.Helper()
	_, err := e.admin.Exec(e.t.Context(), sql, args...)
	require.NoError(e.t, err)
}

// forgotten are the tables that a random history begins without, and with them those that refer to them.
var forgotten = []string{
	"contacts", "entra_contact_links", "contact_changes", "feed_heads", "directories", "client_heads", "held_identities", "kept_identities",
	"held_decisions", "rejected_inactivations", "approved_listings", "entra_run_identities", "entra_sync_run_tenants", "entra_sync_runs",
	"entra_sync_settings", "managed_tenant_settings", "directory_mappings", "orphan_decisions", "entra_contact_link_history",
	"identity_resolutions", "outbox", "contact_versions", "sync_schedules", "sync_statistics", "sync_failures", "failing_tenants", "settings_changes",
}

// forget empties the database for the next history. There are few rows: to delete them takes a
// fraction of TRUNCATE, which makes each table and each index a new file. Triggers and foreign
// keys sleep meanwhile, and every table that refers to one of the list is emptied with it.
func (e *engine) forget() {
	e.t.Helper()
	if e.forgetting == "" {
		require.NoError(e.t, e.admin.QueryRow(e.t.Context(), `
			WITH RECURSIVE emptied (oid) AS (
				SELECT t::regclass::oid FROM unnest($1::text[]) t
				UNION SELECT r.conrelid FROM pg_constraint r JOIN emptied e ON e.oid = r.confrelid WHERE r.contype = 'f')
			SELECT 'BEGIN; SET LOCAL session_replication_role = replica; ' || string_agg(format('DELETE FROM %s; ', c.oid::regclass), '') || 'COMMIT'
			FROM emptied JOIN pg_class c USING (oid) WHERE NOT c.relispartition`, forgotten).Scan(&e.forgetting))
	}
	e.exec(e.forgetting)
}

func (e *engine) count(sql string, args ...any) (n int) {
	e.t.Helper()
	require.NoError(e.t, e.admin.QueryRow(e.t.Context(), sql, args...).Scan(&n))
	return n
}

// rows reads a query as text, one line a row.
func (e *engine) rows(sql string, args ...any) []string {
	e.t.Helper()
	result, err := e.admin.Query(e.t.Context(), sql, args...)
	require.NoError(e.t, err)
	defer result.Close()
	var lines []string
	for result.Next() {
		values, err := result.Values()
		require.NoError(e.t, err)
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(values...)))
	}
	require.NoError(e.t, result.Err())
	return lines
}

// setting changes one setting of the tenant.
func (e *engine) setting(column string, value any) {
	e.t.Helper()
	_, err := e.store.Settings(e.ctx(), e.now)
	require.NoError(e.t, err)
	e.exec("UPDATE entra_sync_settings SET "+column+" = $1", value)
}

// host writes contacts as the host would.
func (e *engine) host(records ...syncengine.ContactRecord) []syncengine.ContactResult {
	e.t.Helper()
	results, err := e.batch.Do(e.ctx(), records)
	require.NoError(e.t, err)
	return results
}

func ptr[T any](v T) *T { return &v }

// person is an enabled user with a valid UPN.
func person(id, name, mail string) syncengine.User {
	return syncengine.User{ObjectID: id, UserPrincipalName: id + "@corp.example", Mail: mail, DisplayName: name, AccountEnabled: ptr(true)}
}

type fakeMapping struct {
	tenants   []syncengine.MappedTenant
	clients   map[string]string // id to external id
	createNew int
	toCreate  []syncengine.MappedTenant // whose clients are to be created
	created   []string                  // runs that asked for decided clients
	onTenant  func()
	onCreate  func(runID string) error // after a run asked for decided clients
}

func (m *fakeMapping) Counts(context.Context) (syncengine.MappingCounts, error) {
	return syncengine.MappingCounts{Mapped: len(m.tenants), CreateNew: m.createNew}, nil
}

func (m *fakeMapping) MappedTenant(_ context.Context, id string) (syncengine.MappedTenant, bool, error) {
	if m.onTenant != nil {
		m.onTenant()
	}
	for _, t := range m.tenants {
		if t.ManagedTenantID == id {
			return t, true, nil
		}
	}
	return syncengine.MappedTenant{}, false, nil
}

// ExistingTenant has every managed tenant exist.
func (m *fakeMapping) ExistingTenant(ctx context.Context, id string) (syncengine.MappedTenant, bool, error) {
	return m.MappedTenant(ctx, id)
}

func (m *fakeMapping) EachMappedTenant(_ context.Context, clientID string, f func(syncengine.MappedTenant) error) error {
	for _, t := range m.tenants {
		if clientID == "" || t.ClientID == clientID {
			if err := f(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *fakeMapping) EachTenantToCreate(_ context.Context, f func(syncengine.MappedTenant) error) error {
	for _, t := range m.toCreate {
		if err := f(t); err != nil {
			return err
		}
	}
	return nil
}

func (m *fakeMapping) CreateDecidedClients(_ context.Context, runID string) error {
	m.created = append(m.created, runID)
	if m.onCreate != nil {
		return m.onCreate(runID)
	}
	return nil
}

func (m *fakeMapping) ClientExists(_ context.Context, id string) (bool, error) {
	_, ok := m.clients[id]
	return ok, nil
}

func (m *fakeMapping) Resolve(_ context.Context, ids, externalIDs []string) (map[string]bool, map[string]string, error) {
	known, byExternal := map[string]bool{}, map[string]string{}
	for id, external := range m.clients {
		if slices.Contains(ids, id) {
			known[id] = true
		}
		if slices.Contains(externalIDs, external) {
			byExternal[external] = id
		}
	}
	return known, byExternal, nil
}

type fakeQueue struct {
	mu        sync.Mutex
	items     map[string]syncengine.QueueItem // by object id
	decided   []string
	completed []string // runs
	// What a person has resolved, by object id, and when: it counts as decided for rounds under way.
	resolved map[string]time.Time
	pushes   int
	pushed   []syncengine.MappingRevision
	followed []syncengine.MappingRevision
	away     bool // when told of a mapping
}

func (q *fakeQueue) Push(_ context.Context, items syncengine.PushedItems) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pushes++
	q.pushed = append(q.pushed, items.Mapping)
	if q.items == nil {
		q.items = map[string]syncengine.QueueItem{}
	}
	for _, item := range items.Items {
		q.items[item.ObjectID] = item
	}
	return q.decidedOf(items), nil
}

func (q *fakeQueue) decidedOf(items syncengine.PushedItems) []string {
	decided := slices.Clone(q.decided)
	for _, item := range items.Items {
		if at, ok := q.resolved[item.ObjectID]; ok && !at.Before(items.Since) {
			decided = append(decided, item.ObjectID)
		}
	}
	return decided
}

func (q *fakeQueue) Decided(_ context.Context, items syncengine.PushedItems) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.decidedOf(items), nil
}

func (q *fakeQueue) CloseItemsOfOldClient(_ context.Context, m syncengine.MappingRevision) error {
	if q.away {
		return errs.New(errs.Unavailable, "away", "Away.")
	}
	q.followed = append(q.followed, m)
	return nil
}

func (q *fakeQueue) CompleteRound(_ context.Context, round syncengine.PushedItems) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.completed = append(q.completed, round.RunID)
	return nil
}
