package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres"
)

// cutter stands between a pool and the server. It ends the server's side of the
// connection before the message with the given number gets there, or before the
// answer to it gets back.
type cutter struct {
	t        testing.TB
	end      func(pid uint32)
	upstream string
	listener net.Listener
	wait     sync.WaitGroup

	mu     sync.Mutex
	armed  bool
	left   int  // messages until the cut
	answer bool // it is the answer that is cut off
	lost   bool // the next that the server says does not get back
	cut    bool
}

// terminate ends a backend as the superuser, and waits for its end.
func (b *bundle) terminate(pid uint32) {
	var ended bool
	err := b.db.Admin.QueryRow(context.WithoutCancel(b.t.Context()), `SELECT pg_terminate_backend($1, 5000)`, int64(pid)).Scan(&ended)
	if err != nil || !ended {
		b.t.Errorf("backend %d is still there: %v", pid, err)
	}
}

// cutting gives a pool through a cutter.
func (b *bundle) cutting() (*pg.Pool, *cutter) {
	b.t.Helper()
	address, err := url.Parse(b.db.URL)
	require.NoError(b.t, err)
	listener, err := (&net.ListenConfig{}).Listen(b.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b.t, err)
	c := &cutter{t: b.t, end: b.terminate, upstream: address.Host, listener: listener}
	c.wait.Go(c.serve)
	address.Host = listener.Addr().String()
	address.RawQuery = "sslmode=disable" // the cutter reads what passes
	pool, err := pg.Open(b.t.Context(), address.String(), pg.Options{Context: name, MaxConns: 1})
	require.NoError(b.t, err)
	b.t.Cleanup(func() {
		pool.Close()
		require.NoError(b.t, listener.Close())
		c.wait.Wait()
	})
	return pool, c
}

func (c *cutter) serve() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.wait.Go(func() { c.proxy(client) })
	}
}

func (c *cutter) proxy(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(context.WithoutCancel(c.t.Context()), "tcp", c.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	pid := make(chan uint32, 1)
	c.wait.Go(func() {
		var backend uint32
		_ = relay(client, server, func(kind byte, body []byte) bool {
			if kind == 'K' { // BackendKeyData
				backend = binary.BigEndian.Uint32(body)
				pid <- backend
			}
			if !c.losing() {
				return true
			}
			c.end(backend) // it has done what it was told, and says so
			return false
		})
		_ = client.Close()
	})
	start := make([]byte, 4) // the startup message has no kind
	if _, err := io.ReadFull(client, start); err != nil {
		return
	}
	rest := make([]byte, binary.BigEndian.Uint32(start)-4)
	if _, err := io.ReadFull(client, rest); err != nil {
		return
	}
	if _, err := server.Write(append(start, rest...)); err != nil {
		return
	}
	_ = relay(server, client, func(kind byte, _ []byte) bool {
		// A statement ends with one of these: a simple query, or the sync of an
		// extended one.
		if (kind != 'Q' && kind != 'S') || !c.due() || c.cutsAnswers() {
			return true
		}
		c.end(<-pid)
		return false
	})
}

func (c *cutter) cutsAnswers() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer
}

// losing tells whether what the server says is to be lost.
func (c *cutter) losing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	lost := c.lost
	c.lost = false
	return lost
}

// due counts a message and tells whether the connection ends before it.
func (c *cutter) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed {
		return false
	}
	if c.left--; c.left >= 0 {
		return false
	}
	c.armed, c.cut, c.lost = false, true, c.answer
	return true
}

// arm lets a number of messages pass, and cuts off the next or the answer to it.
func (c *cutter) arm(messages int, answer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.left, c.cut, c.answer = true, messages, false, answer
}

// disarm tells whether the connection was cut.
func (c *cutter) disarm() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	return c.cut
}

// relay passes messages on until look stops it.
func relay(to io.Writer, from io.Reader, look func(kind byte, body []byte) bool) error {
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		if !look(head[0], body) {
			return nil
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return err
		}
	}
}

// nobody stands for discovery, which the use cases under test are given.
type nobody []mapping.ManagedTenant

// ManagedTenants gives all.
func (n nobody) ManagedTenants(context.Context, []string) ([]mapping.ManagedTenant, error) {
	return n, nil
}

// CountOthers is not asked for in these tests.
func (n nobody) CountOthers(context.Context, []string) (int32, error) { return 0, nil }

// everyChange is one of each change that people, the host and runs make.
var everyChange = map[string]func(ctx context.Context, u useCases) error{
	"confirm": func(ctx context.Context, u useCases) error {
		_, err := u.confirmer.Confirm(ctx, "p", []mapping.Decision{
			{ManagedTenantID: u.tenants[0], Kind: "map", ClientID: u.clients[1]},
			{ManagedTenantID: u.tenants[1], Kind: "map", ClientID: u.clients[0]},
			{ManagedTenantID: u.tenants[2], Kind: "skip"},
		}, nil, true)
		return err
	},
	"skip": func(ctx context.Context, u useCases) error {
		_, err := u.changer.Skip(ctx, "p", u.tenants[0], nil)
		return err
	},
	"remap": func(ctx context.Context, u useCases) error {
		_, err := u.changer.Remap(ctx, "p", u.tenants[0], u.clients[1], nil)
		return err
	},
	"unmap": func(ctx context.Context, u useCases) error {
		_, err := u.changer.Unmap(ctx, "p", u.tenants[0], nil)
		return err
	},
	"create": func(ctx context.Context, u useCases) error {
		_, err := u.creator.Create(ctx, "p", u.run)
		return err
	},
	"orphans": func(ctx context.Context, u useCases) error {
		_, err := u.orphans.Decide(ctx, "p", u.tenants[0], "relink")
		return err
	},
	"import": func(ctx context.Context, u useCases) error {
		_, err := u.importer.Import(ctx, "p", "managed_tenant_id,decision\n"+u.tenants[0]+",skip\n"+u.tenants[1]+",skip\n", false, nil)
		return err
	},
	"batch": func(ctx context.Context, u useCases) error {
		_, err := u.batch.Upsert(ctx, []mapping.Client{
			{ExternalID: "new", Name: "New", Domain: "new.io", EmailDomains: []string{"mail.new.io"}},
			{ID: u.clients[0], Name: "Renamed", Domain: "renamed.io"},
			{ID: u.clients[2], Deleted: true},
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
			whole := setup(t)
			u, _ := whole.cuttable()
			require.NoError(t, change(ctx, u))

			b := setup(t)
			u, c := b.cuttable()
			before := b.contents()
			for statement := 0; ; statement++ {
				require.Less(t, statement, 60, "nothing is ever written")
				c.arm(statement, true)
				require.Error(t, change(ctx, u))
				require.True(t, c.disarm(), "it came through and the answer to its COMMIT was never lost")
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
			b := setup(t)
			u, c := b.cuttable()
			before := b.contents()
			for statement := 0; ; statement++ {
				require.Less(t, statement, 60, "it never comes through")
				c.arm(statement, false)
				err := change(tenant.With(t.Context(), tenant.Call{Tenant: "msp"}), u)
				if !c.disarm() {
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
	confirmer        *mapping.Confirmer
	changer          *mapping.Changer
	orphans          *mapping.OrphanDecider
	importer         *mapping.TableImporter
	creator          *mapping.Creator
	batch            *mapping.Importer
}

// cuttable prepares a mapping with orphaned links and a client to be created.
func (b *bundle) cuttable() (useCases, *cutter) {
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
	var directory nobody
	for _, id := range u.tenants {
		directory = append(directory, mapping.ManagedTenant{ID: id, EntraTenantID: b.entra(id), DisplayName: id, PrimaryDomain: "x.io", State: "active"})
	}
	quiet := mapping.NewSettling(impatient{}, &mapping.Bell{})
	u.confirmer = mapping.NewConfirmer(directory, started{store}, quiet, b.clock.now)
	u.changer = mapping.NewChanger(directory, store, quiet, b.clock.now)
	u.orphans = mapping.NewOrphanDecider(done{store}, quiet, b.clock.now)
	u.importer = mapping.NewTableImporter(directory, store, quiet, b.clock.now)
	u.creator = mapping.NewCreator(store, b.clock.now, newID)
	u.batch = mapping.NewImporter(store, b.clock.now, newID)
	return u, c
}

// impatient, started and done answer at once what comes after the commit.
type impatient struct{}

func (impatient) OpenEffects(context.Context, []string) (int32, error) { return 0, nil }
func (impatient) OrphanedLinks(context.Context, string) (int32, error) {
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
