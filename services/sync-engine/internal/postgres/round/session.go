// Package round is one round of one directory on one session of PostgreSQL: what
// upstream lists is staged, decided as sets and applied range by range. Each
// statement is in a file of its name.
package round

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Timeouts bound every statement of a round; one that passes its bound ends the
// round with errs.Deadline, reason database_timeout. A zero field takes its default.
type Timeouts struct {
	Range     time.Duration // on some thousand rows, waits for other writers included; 1 min
	Directory time.Duration // on all that was staged: indexes, statistics, sorts; 5 min
}

// OrDefaults fills what is zero.
func (t Timeouts) OrDefaults() Timeouts {
	if t.Range <= 0 {
		t.Range = time.Minute
	}
	if t.Directory <= 0 {
		t.Directory = 5 * time.Minute
	}
	return t
}

// ErrInProgress is returned while another round, or a decision about orphaned
// links, has the directory or the client.
var ErrInProgress = errs.New(errs.Unavailable, reason.RoundInProgress,
	"Another run syncs this managed tenant or another one of its client at the moment.", errs.WithRetryAfter(busyRetry))

const busyRetry = 5 * time.Second

// DirectoryLock is the key of the lock that a round of the directory holds.
func DirectoryLock(tenantID, directory string) string { return "round:" + tenantID + ":" + directory }

// ClientLock is the key of the lock that rounds of the client's directories hold.
func ClientLock(tenantID string, client uuid.UUID) string {
	return "client:" + tenantID + ":" + client.String()
}

// Round is one round on a connection of its own. It serves one goroutine.
type Round struct {
	conn     *pg.Conn
	timeouts Timeouts
	leave    func() // gives its place among the rounds back
	tenantID string
	managed  syncengine.ManagedTenant
	runID    uuid.UUID
	clientID uuid.UUID

	session    session
	mapping    mapping
	plan       plan
	rules      pgx.NamedArgs // by which the plan is made
	overwrites bool          // by them, fields of contacts
	staged     int           // identities
	seen       seen
	last       *syncengine.LastRound // nil before it was read
	members    []byte                // of the groups, as the last round kept them; nil before they were read
	delta      bool                  // they are what changed
}

// session is how the round found its session and what it did with it.
type session struct {
	ready  bool // it has the round's tables
	reused bool // it served rounds before
	bare   bool // it has lost the indexes of their tables
	rows   int  // written to temporary tables, restarts included
	closed bool // the result is recorded
	// Its contacts and links are those that the run would leave, and not those of the tenant.
	supposes bool
	// Tells how the copy of a batch ended; nil where none is under way.
	copying <-chan error
}

// mapping is what the directory is mapped to, as the round knows it.
type mapping struct {
	*Mapping
	applied bool // the links are in line with it
}

// Open takes a connection and on it the locks of the directory and of the client,
// which all end with Release, and marks the managed tenant as running. Two
// directories of one client look for the same contacts, so they go one after the
// other, whichever runs they are of. A mapping later than the run's ends the round
// before it began. leave is called at the end, also when Open fails.
func Open(ctx context.Context, pool *pg.Pool, of syncengine.ManagedTenant, timeouts Timeouts, now time.Time, leave func()) (*Round, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	r := &Round{timeouts: timeouts.OrDefaults(), leave: leave, tenantID: id.String(), managed: of}
	if r.runID, err = uuid.Parse(of.RunID); err != nil {
		leave()
		return nil, syncengine.ErrUnknownRun
	}
	if r.clientID, err = uuid.Parse(of.ClientID); err != nil {
		leave()
		return nil, ErrUnknownClient
	}
	if r.conn, err = pg.Dedicated(ctx, pool); err != nil {
		leave()
		return nil, err
	}
	r.mapping.Mapping = &Mapping{
		source: r.conn, timeout: r.timeouts.Range, tenantID: r.tenantID, directory: of.EntraTenantID, managed: of.ManagedTenantID,
		revision: of.MappingRevision,
	}
	if of.MappedClient() != "" {
		r.mapping.client = &r.clientID
	}
	if err := r.open(ctx, now); err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

func (r *Round) open(ctx context.Context, now time.Time) error {
	locked, err := r.conn.TryLocks(ctx, r.mapping.Locks()...)
	if err != nil {
		return err
	}
	if !locked {
		return ErrInProgress
	}
	return r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		applied, err := r.mapping.Current(ctx, q)
		if err != nil {
			return err
		}
		r.mapping.applied = applied == r.mapping.revision
		if r.managed.StartedAt != nil { // an earlier attempt did not come to its end
			if err := exec(ctx, tx, r.args(everything), reportClear); err != nil {
				return err
			}
		}
		if r.mapping.applied { // else the links are to be brought in line before
			if r.last, err = r.lastRound(ctx, q); err != nil {
				return err
			}
		}
		return q.StartTenant(ctx, sqlc.StartTenantParams{Now: &now, RunID: r.runID, ManagedTenantID: r.managed.ManagedTenantID})
	})
}

// inRange runs fn in a transaction of the tenant on the round's connection. Its
// statements work on a few thousand rows and find them by index.
func (r *Round) inRange(ctx context.Context, fn pg.TxFunc) error {
	if err := r.copied(); err != nil {
		return err
	}
	return pg.InTenant(ctx, r.conn, fn, pg.StatementTimeout(r.timeouts.Range), pg.ByIndex())
}

// inDirectory runs fn likewise, for statements that go through all that was staged
// or planned, once. Those that join or sort it leave ByIndex out.
func (r *Round) inDirectory(ctx context.Context, fn pg.TxFunc, how ...pg.TxOption) error {
	if err := r.copied(); err != nil {
		return err
	}
	return pg.InTenant(ctx, r.conn, fn, append(how, pg.StatementTimeout(r.timeouts.Directory))...)
}

// sessionRows is how many rows rounds write to the temporary tables of one session.
// Cleared rows still take room there.
const sessionRows = syncengine.RangeSize

// sessionUsed is where a session keeps how many those were.
const sessionUsed = "entrasync.rows"

// clearWait bounds the clearing of a session.
const clearWait = 5 * time.Second

var (
	//go:embed create.sql
	create string
	//go:embed clear_tables.sql
	clearTables string
)

// prepareSession makes the round's tables where the session has none, and bounds
// the statements that belong to no transaction. It comes with the first of them: a round
// that hears of no change needs no table.
func (r *Round) prepareSession(ctx context.Context) error {
	if r.session.ready {
		return nil
	}
	r.session.reused = r.conn.Raw().PgConn().CustomData()[sessionUsed] != nil
	bound := fmt.Sprintf("SET statement_timeout = %d;\n", r.timeouts.Range.Milliseconds())
	sql := bound + create
	if r.delta {
		sql += stageIndex
	}
	if _, err := r.conn.Raw().Exec(ctx, sql); err != nil {
		return pg.Classify(err)
	}
	r.session.ready = true
	return nil
}

// Release gives the locks back and forgets what was staged. After a small round
// that came to its end the session serves the next one: a new one, with its
// tables, takes longer than such a round. Any other session ends, and whatever is
// wrong with it too.
func (r *Round) Release() {
	failed := r.copied() != nil // a round that was given up may have a copy under way
	if !failed && r.session.closed && !r.session.supposes && r.clear() {
		r.conn.Return()
	}
	r.conn.Release()
	r.leave()
}

// clear empties the session for the next round; false when it is not to be used
// again.
func (r *Round) clear() bool {
	if !r.session.ready { // nothing was made in it
		return true
	}
	data := r.conn.Raw().PgConn().CustomData()
	used, _ := data[sessionUsed].(int)
	if used += r.session.rows; used > sessionRows {
		return false
	}
	data[sessionUsed] = used
	ctx, cancel := context.WithTimeout(context.Background(), clearWait)
	defer cancel()
	_, err := r.conn.Raw().Exec(ctx, clearTables)
	return err == nil
}
