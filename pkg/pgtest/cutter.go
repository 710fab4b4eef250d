package pgtest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
)

// Cutter stands between a client and the server. It ends the server's side of a
// connection before the statement with a given number gets there, or before the
// answer to it gets back.
type Cutter struct {
	db       *DB
	upstream string
	listener net.Listener
	wait     sync.WaitGroup

	mu     sync.Mutex
	armed  bool
	left   int  // statements until the cut
	answer bool // it is the answer that is cut off
	cut    bool
	edit   func(sql string) string
}

// Cutter opens a cutter before the database; it is closed when the test ends.
func (db *DB) Cutter() *Cutter {
	db.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(db.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		db.t.Fatalf("pgtest: %v", err)
	}
	c := &Cutter{db: db, upstream: db.base.Host, listener: listener}
	c.wait.Go(c.serve)
	// Those who end later than the test's pools are cut off here.
	db.t.Cleanup(func() {
		_ = listener.Close()
		c.wait.Wait()
	})
	return c
}

// Through is a URL of the database that leads through the cutter.
func (c *Cutter) Through(raw string) string {
	c.db.t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		c.db.t.Fatalf("pgtest: %v", err)
	}
	u.Host = c.listener.Addr().String()
	u.RawQuery = "sslmode=disable" // the cutter reads what passes
	return u.String()
}

// Arm lets a number of statements pass, over all connections, and cuts off the
// next or, with answer, the answer to it.
func (c *Cutter) Arm(statements int, answer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.left, c.cut, c.answer = true, statements, false, answer
}

// Disarm reports whether a connection was cut.
func (c *Cutter) Disarm() (cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	return c.cut
}

// Edit changes the text of simple queries on their way to the server; nil leaves
// them as they are.
func (c *Cutter) Edit(edit func(sql string) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.edit = edit
}

func (c *Cutter) serve() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.wait.Go(func() { c.proxy(client) })
	}
}

func (c *Cutter) proxy(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(context.WithoutCancel(c.db.t.Context()), "tcp", c.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	pid := make(chan uint32, 1)
	var lost atomic.Bool // the next that the server says here does not get back
	c.wait.Go(func() {
		var backend uint32
		relay(client, server, func(kind byte, body []byte) ([]byte, bool) {
			if kind == 'K' { // BackendKeyData
				backend = binary.BigEndian.Uint32(body)
				pid <- backend
			}
			if !lost.Load() {
				return body, true
			}
			c.terminate(backend) // it has done what it was told, and says so
			return nil, false
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
	relay(server, client, func(kind byte, body []byte) ([]byte, bool) {
		if statement(kind, body) {
			before, behind := c.due()
			if behind {
				lost.Store(true)
			}
			if before {
				c.terminate(<-pid)
				return nil, false
			}
		}
		if kind == 'Q' {
			body = c.edited(body)
		}
		return body, true
	})
}

// statement tells whether a statement ends with a message: a simple query, or the sync of an
// extended one. What a pool sends to see whether a connection lives is none: whether it does depends
// on the time, and where it fails the pool takes another connection.
func statement(kind byte, body []byte) bool {
	return kind == 'S' || kind == 'Q' && string(body) != "-- ping\x00"
}

// terminate ends a backend and waits for its end.
func (c *Cutter) terminate(pid uint32) {
	ctx := context.WithoutCancel(c.db.t.Context())
	var gone bool
	_, err := c.db.Admin.Exec(ctx, `SELECT pg_terminate_backend($1, 60000)`, int64(pid))
	if err == nil {
		err = c.db.Admin.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)`, int64(pid)).Scan(&gone)
	}
	if !gone {
		c.db.t.Errorf("pgtest: backend %d is still there: %v", pid, err)
	}
}

// due counts a statement and reports whether the connection ends before it, or behind it.
func (c *Cutter) due() (before, behind bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed {
		return false, false
	}
	if c.left--; c.left >= 0 {
		return false, false
	}
	c.armed, c.cut = false, true
	return !c.answer, c.answer
}

func (c *Cutter) edited(body []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.edit == nil || len(body) == 0 {
		return body
	}
	return append([]byte(c.edit(string(body[:len(body)-1]))), 0) // it ends with a zero
}

// relay passes messages on until look stops it or one side is gone.
func relay(to io.Writer, from io.Reader, look func(kind byte, body []byte) ([]byte, bool)) {
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		body, pass := look(head[0], body)
		if !pass {
			return
		}
		binary.BigEndian.PutUint32(head[1:], uint32(len(body)+4))
		if _, err := to.Write(append(head, body...)); err != nil {
			return
		}
	}
}
