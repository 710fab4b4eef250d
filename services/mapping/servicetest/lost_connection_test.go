package servicetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres"
)

// cutting gives a pool through a cutter.
func (b *bundle) cutting() (*pg.Pool, *pgtest.Cutter) {
	b.t.Helper()
	c := b.db.Cutter()
	pool, err := pg.Open(b.t.Context(), c.Through(b.db.URL), pg.Options{Context: postgres.Context, MaxConns: 1})
	require.NoError(b.t, err)
	b.t.Cleanup(pool.Close)
	return pool, c
}

// nobody stands for discovery, which the use cases under test are given.
type nobody []mapping.ManagedTenant

// ManagedTenants gives all.
func (n nobody) List(context.Context, []string) ([]mapping.ManagedTenant, error) {
	return n, nil
}

// CountOthers is not asked for in these tests.
func (n nobody) CountOthers(context.Context, []string) (int32, error) { return 0, nil }

// everyChange is one of each change that people, the host and runs make.
var everyChange = map[string]func(ctx context.Context, u useCases) error{
	"confirm": func(ctx context.Context, u useCases) error {
		_, err := u.confirm.Do(ctx, "p", []mapping.Decision{
			{ManagedTenantID: u.tenants[0], Kind: "map", ClientID: u.clients[1]},
			{ManagedTenantID: u.tenants[1], Kind: "map", ClientID: u.clients[0]},
			{ManagedTenantID: u.tenants[2], Kind: "skip"},
		}, nil, true)
		return err
	},
	"skip": func(ctx context.Context, u useCases) error {
		_, err := u.skip.Do(ctx, "p", u.tenants[0], nil)
		return err
	},
	"remap": func(ctx context.Context, u useCases) error {
		_, err := u.remap.Do(ctx, "p", u.tenants[0], u.clients[1], nil)
		return err
	},
	"unmap": func(ctx context.Context, u useCases) error {
		_, err := u.unmap.Do(ctx, "p", u.tenants[0], nil)
		return err
	},
	"create": func(ctx context.Context, u useCases) error {
		_, err := u.create.Do(ctx, "p", u.run)
		return err
	},
	"orphans": func(ctx context.Context, u useCases) error {
		_, err := u.orphans.Do(ctx, "p", u.tenants[0], "relink")
		return err
	},
	"import": func(ctx context.Context, u useCases) error {
		_, err := u.importCSV.Do(ctx, "p", "managed_tenant_id,decision\n"+u.tenants[0]+",skip\n"+u.tenants[1]+",skip\n", false, nil)
		return err
	},
	"batch": func(ctx context.Context, u useCases) error {
		_, err := u.batch.Do(ctx, []mapping.Record{
			{Client: mapping.Client{ExternalID: "new", Name: "New", Domain: "new.io", EmailDomains: []string{"mail.new.io"}}},
			{Client: mapping.Client{ID: u.clients[0], Name: "Renamed", Domain: "renamed.io"}},
			{Client: mapping.Client{ID: u.clients[2], Deleted: true}},
		})
		return err
	},
}

// TestAChangeWhoseAnswerIsLostLeavesAllOrNothing cuts off the answer to each statement
// of each change in turn. The one to the COMMIT is lost when everything is written.
func TestAChangeWhoseAnswerIsLostLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, change := range everyChange {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := tenant.With(t.Context(), tenant.Call{Tenant: "msp"})
			whole := setupWaiting(t, mostWait)
			u, _ := whole.cuttable()
			require.NoError(t, change(ctx, u))

			b := setupWaiting(t, mostWait)
			u, c := b.cuttable()
			before := b.contents()
			for statement := 0; ; statement++ {
				require.Less(t, statement, 60, "nothing is ever written")
				c.Arm(statement, true)
				require.Error(t, change(ctx, u))
				require.True(t, c.Disarm(), "it came through and the answer to its COMMIT was never lost")
				if b.contents() == before {
					continue
				}
				require.Greater(t, statement, 8)
				require.Equal(t, whole.shape(), b.shape(), "all of it")
				return
			}
		})
	}
}

// shape is what is stored, but for ids, times and texts.
func (b *bundle) shape() (shape string) {
	b.t.Helper()
	require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(), `
		SELECT concat_ws('|',
			(SELECT string_agg(concat_ws(' ', state, client_id IS NULL, revision, version, ended_revision, ended_version, deactivated_at IS NULL), ',' ORDER BY revision, state, version)
			 FROM entra_client_tenant_mappings),
			(SELECT string_agg(concat_ws(' ', external_id IS NULL, deleted, entra_tenant_id IS NULL), ',' ORDER BY external_id IS NULL, deleted, entra_tenant_id IS NULL) FROM clients),
			(SELECT count(*) FROM client_domains),
			(SELECT string_agg(concat_ws(' ', kind, done_at IS NULL), ',' ORDER BY kind, done_at IS NULL) FROM outbox),
			(SELECT string_agg(decision, ',') FROM entra_orphan_decisions),
			(SELECT string_agg(version::text, ',') FROM entra_mapping_heads))`).Scan(&shape))
	return shape
}

// TestAChangeWhoseConnectionIsCutLeavesAllOrNothing ends the connection before
// each statement of each change in turn, until the change comes through.
func TestAChangeWhoseConnectionIsCutLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, change := range everyChange {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupWaiting(t, mostWait)
			u, c := b.cuttable()
			before := b.contents()
			for statement := 0; ; statement++ {
				require.Less(t, statement, 60, "it never comes through")
				c.Arm(statement, false)
				err := change(tenant.With(t.Context(), tenant.Call{Tenant: "msp"}), u)
				if !c.Disarm() {
					require.NoError(t, err)
					require.NotEqual(t, before, b.contents())
					t.Logf("nothing was written while one of %d statements was cut off", statement)
					require.Greater(t, statement, 8)
					return
				}
				require.Error(t, err)
				require.Equal(t, before, b.contents())
			}
		})
	}
}

// useCases are those that write, on a connection that can be cut.
type useCases struct {
	tenants, clients []string
	run              string
	confirm          *mapping.Confirm
	skip             *mapping.Skip
	remap            *mapping.Remap
	unmap            *mapping.Unmap
	orphans          *mapping.DecideOrphans
	importCSV        *mapping.ImportCSV
	create           *mapping.CreateClients
	batch            *mapping.BatchUpsert
}

// cuttable prepares a mapping with orphaned links and a client to be created.
func (b *bundle) cuttable() (useCases, *pgtest.Cutter) {
	b.t.Helper()
	e := b.work()
	u := useCases{tenants: b.discover("A", "a.io", "B", "b.io", "C", "c.io"), clients: b.add("One", "a.io", "Two", "b.io", "Three", "c.io"), run: uuid.NewString()}
	b.mustConfirm(decide(u.tenants[0], "map", u.clients[1]), decide(u.tenants[1], "map", u.clients[1]), decide(u.tenants[2], "create_new"))
	e.link(u.tenants[0], u.clients[1], 2)
	_, err := b.remap(u.tenants[0], u.clients[0])
	require.NoError(b.t, err)
	e.stop()
	pool, c := b.cutting()
	store := postgres.NewStore(pool, newUUID)
	var managedTenants nobody
	for _, id := range u.tenants {
		managedTenants = append(managedTenants, mapping.ManagedTenant{ID: id, EntraTenantID: b.entra(id), DisplayName: id, PrimaryDomain: "x.io", State: "active"})
	}
	u.confirm = mapping.NewConfirm(managedTenants, started{store}, impatient{}, b.clock.Now)
	u.skip = mapping.NewSkip(managedTenants, uncounted{store}, impatient{}, b.clock.Now)
	u.remap = mapping.NewRemap(managedTenants, uncounted{store}, impatient{}, b.clock.Now)
	u.unmap = mapping.NewUnmap(managedTenants, uncounted{store}, impatient{}, b.clock.Now)
	u.orphans = mapping.NewDecideOrphans(done{store}, impatient{}, b.clock.Now)
	u.importCSV = mapping.NewImportCSV(managedTenants, store, impatient{}, b.clock.Now)
	u.create = mapping.NewCreateClients(store, b.clock.Now, newID)
	u.batch = mapping.NewBatchUpsert(store, b.clock.Now, newID)
	return u, c
}

// impatient, started, uncounted and done answer at once what comes after the commit.
type impatient struct{}

func (impatient) Settle(context.Context, []string, time.Duration) bool { return true }

func (impatient) Until(ctx context.Context, _ time.Duration, done func(context.Context) bool) bool {
	return done(ctx)
}

type uncounted struct{ *postgres.Store }

func (uncounted) OrphanedLinks(context.Context, string) (int32, error) {
	return 0, errors.New("not asked")
}

type started struct{ *postgres.Store }

func (started) Effect(context.Context, string) (mapping.EffectState, error) {
	return mapping.EffectState{Done: true}, nil
}

type done struct{ *postgres.Store }

func (done) OrphansDone(context.Context, string) (*mapping.OrphansDone, error) {
	return &mapping.OrphansDone{}, nil
}
