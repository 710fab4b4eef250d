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
// connection before the message with the given number gets there.
type cutter struct {
	t        testing.TB
	end      func(pid uint32)
	upstream string
	listener net.Listener
	wait     sync.WaitGroup

	mu    sync.Mutex
	armed bool
	left  int // messages until the cut
	cut   bool
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
		_ = relay(client, server, func(kind byte, body []byte) bool {
			if kind == 'K' { // BackendKeyData
				pid <- binary.BigEndian.Uint32(body)
			}
			return true
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
		if (kind != 'Q' && kind != 'S') || !c.due() {
			return true
		}
		c.end(<-pid)
		return false
	})
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
	c.armed, c.cut = false, true
	return true
}

// arm lets a number of messages pass.
func (c *cutter) arm(messages int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.left, c.cut = true, messages, false
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

// TestAChangeWhoseConnectionIsCutLeavesAllOrNothing ends the connection before
// each statement of each change in turn, until the change comes through.
func TestAChangeWhoseConnectionIsCutLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(ctx context.Context, u useCases) error{
		"confirm": func(ctx context.Context, u useCases) error {
			_, err := u.confirmer.Confirm(ctx, "p", []mapping.Decision{
				{ManagedTenantID: u.tenants[0], Kind: "map", ClientID: u.clients[1]},
				{ManagedTenantID: u.tenants[1], Kind: "map", ClientID: u.clients[0]},
				{ManagedTenantID: u.tenants[2], Kind: "skip"},
			}, nil, true)
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			u, c := b.cuttable()
			before := b.contents()
			for statement := 0; ; statement++ {
				require.Less(t, statement, 60, "it never comes through")
				c.arm(statement)
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
}

// cuttable prepares a mapping with orphaned links and a client to be created.
func (b *bundle) cuttable() (useCases, *cutter) {
	b.t.Helper()
	e := b.work()
	u := useCases{tenants: b.discover("A", "a.io", "B", "b.io", "C", "c.io"), clients: b.add("One", "a.io", "Two", "b.io"), run: uuid.NewString()}
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
