package pg

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// closeWait bounds the closing handshake of a dedicated connection.
const closeWait = 5 * time.Second

// Conn is one connection taken for a whole round. What belongs to its session
// (advisory locks, temporary tables) ends with Release or with the connection.
// It serves one goroutine at a time.
type Conn struct {
	conn    *pgxpool.Conn
	name    string
	locked  bool // it has, or had, an advisory lock
	release sync.Once
}

// Dedicated takes one connection out of the pool, against whose size it still
// counts; the pool must be larger than the number of rounds that run at once.
func Dedicated(ctx context.Context, pool *Pool) (*Conn, error) {
	conn, err := pool.pool.Acquire(ctx)
	if err != nil {
		return nil, Classify(err)
	}
	return &Conn{conn: conn, name: pool.name}, nil
}

// TryLock takes the session's advisory lock of the key without waiting; false
// when another session has it. The lock ends with Unlock, Release or the
// connection: as long as writes go through this connection, it holds the lock.
func (c *Conn) TryLock(ctx context.Context, key string) (locked bool, err error) {
	err = c.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, c.name+":"+key).Scan(&locked)
	if err != nil {
		return false, Classify(err)
	}
	c.locked = c.locked || locked
	return locked, nil
}

// TryLocks takes several, in their order and in one statement; false when another
// session has one of them. Those that it took then end with Release.
func (c *Conn) TryLocks(ctx context.Context, keys ...string) (locked bool, err error) {
	return c.tryAll(ctx, "pg_try_advisory_lock", keys)
}

// Share lets other sessions share the keys' locks, which this one has alone: from here on it has them as
// TryShared takes them. At no moment are they free.
func (c *Conn) Share(ctx context.Context, keys ...string) error {
	for _, sql := range []string{
		`SELECT pg_advisory_lock_shared(hashtextextended(key, 0)) FROM unnest($1::text[]) AS key`,
		`SELECT pg_advisory_unlock(hashtextextended(key, 0)) FROM unnest($1::text[]) AS key`,
	} {
		if _, err := c.conn.Exec(ctx, sql, c.named(keys)); err != nil {
			return Classify(err)
		}
	}
	return nil
}

// TryShared takes several locks as TryLocks does, beside sessions that share them: those that TryLock or
// TryLocks took keep it out, and it keeps out those.
func (c *Conn) TryShared(ctx context.Context, keys ...string) (locked bool, err error) {
	return c.tryAll(ctx, "pg_try_advisory_lock_shared", keys)
}

func (c *Conn) tryAll(ctx context.Context, take string, keys []string) (locked bool, err error) {
	c.locked = true
	err = c.conn.QueryRow(ctx, `SELECT COALESCE(bool_and(`+take+`(hashtextextended(k.key, 0)) ORDER BY k.n), true)
FROM unnest($1::text[]) WITH ORDINALITY AS k (key, n)`, c.named(keys)).Scan(&locked)
	return locked, Classify(err)
}

// named are the keys of this context's locks.
func (c *Conn) named(keys []string) []string {
	named := make([]string, len(keys))
	for i, key := range keys {
		named[i] = c.name + ":" + key
	}
	return named
}

// Unlock gives the advisory lock of the key back; an error when this session
// did not have it.
func (c *Conn) Unlock(ctx context.Context, key string) error {
	var held bool
	err := c.conn.QueryRow(ctx, `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, c.name+":"+key).Scan(&held)
	if err != nil {
		return Classify(err)
	}
	if !held {
		return fmt.Errorf("advisory lock %q was not held", key)
	}
	return nil
}

// Raw is the connection itself, for staging in temporary tables outside
// transactions. Of tenants' tables row-level security shows it nothing.
func (c *Conn) Raw() *pgx.Conn { return c.conn.Conn() }

// Release unlocks, and ends the connection and with it its temporary tables.
// Another session can take the locks as soon as Release has returned: they are
// unlocked first, because the server ends a session some time after the client
// has left. Only a connection that was lost keeps its locks until the server
// notices. Release may be called more than once.
func (c *Conn) Release() {
	c.release.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		defer cancel()
		if c.locked && !c.conn.Conn().IsClosed() {
			_, _ = c.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`) // if it fails, the end of the session unlocks
		}
		_ = c.conn.Conn().Close(ctx) // the pool replaces it
		c.conn.Release()
	})
}

// Return unlocks, and gives the connection to the pool as it is: its next user
// finds the session's temporary tables and settings. A broken connection is
// closed instead. After Return, Release does nothing.
func (c *Conn) Return() {
	c.release.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		defer cancel()
		if _, err := c.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`); err != nil {
			_ = c.conn.Conn().Close(ctx)
		}
		c.conn.Release()
	})
}

func (c *Conn) begin(ctx context.Context, query string) (pgx.Tx, error) {
	return c.conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: query})
}

func (c *Conn) contextName() string { return c.name }

// bound leaves timeouts to the round that has the connection.
func (c *Conn) bound(*txOptions) {}

// enter does not wait: the connection serves one goroutine.
func (c *Conn) enter(context.Context, *txOptions) (func(), error) { return func() {}, nil }

func milliseconds(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }
