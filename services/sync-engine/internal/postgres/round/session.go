// Package round is one round of one directory on a session of PostgreSQL: what
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
var ErrInProgress = errs.Of(reason.RoundInProgress, errs.WithRetryAfter(busyRetry))

const busyRetry = 5 * time.Second

// Round is one round on a connection of its own; to apply a large plan it has a second one. It serves one
// goroutine.
type Round struct {
	conn     *pg.Conn
	pool     *pg.Pool
	timeouts Timeouts
	leave    func()                         // gives its place among the rounds back
	another  func() (leave func(), ok bool) // as of Place
	worker   *worker                        // nil for none
	tenantID string
	managed  syncengine.ManagedTenant
	runID    uuid.UUID
	clientID uuid.UUID

	session    session
	mapping    mapping
	plan       plan
	rules      pgx.NamedArgs    // by which the plan is made
	clock      func() time.Time // by which ranges are applied
	overwrites bool             // by them, fields of contacts
	staged     int              // identities
	seen       seen
	last       *syncengine.LastRound // nil before it was read
	members    []byte                // of the groups, as the last round kept them; nil before they were read
	delta      bool                  // staged identities are only those that changed
}

// session is how the round found its session and what it did with it.
type session struct {
	ready  bool // it has the round's tables
	reused bool // it served rounds before
	bare   bool // the indexes of its temporary tables were dropped for a large listing
	rows   int  // written to temporary tables, restarts included
	closed bool // the result is recorded
	// Its contacts and links are those that the run would leave, and not those of the tenant.
	supposes bool
	// How the copy of a batch ended; nil where none is under way.
	copying <-chan error
}

// mapping is what the directory is mapped to, as the round knows it.
type mapping struct {
	*Mapping
	applied bool // the links are in line with it
}

// seen is what the client's contacts and the feed had come to when the round began, and
// how far the feed was when the last one did; nil where that is not known.
type seen struct {
	head, feed int64
	since      *int64
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

// copied waits until the batch before is staged.
func (r *Round) copied() error {
	if r.session.copying == nil {
		return nil
	}
	err := <-r.session.copying
	r.session.copying = nil
	return pg.Classify(err)
}

// checkRevision ends the round when a later mapping of the directory was
// announced, or the same revision with another client. What announced it waits
// for the directory's lock, so that all that this round commits comes before it.
func (r *Round) checkRevision(ctx context.Context, tx pgx.Tx) error {
	_, err := r.mapping.Current(ctx, sqlc.New(tx))
	return err
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
	//go:embed stage_index.sql
	stageIndex string
	//go:embed clear_tables.sql
	clearTables string
)

// prepareSession makes the round's tables where the session has none, and bounds
// the statements that belong to no transaction. It comes with the first of them: a round
// to which no change is reported needs no table.
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
	r.dismiss()
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
