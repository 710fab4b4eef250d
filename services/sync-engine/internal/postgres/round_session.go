package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// sessionRows is how many rows rounds write to the temporary tables of one session.
// Cleared rows still take room there.
const sessionRows = syncengine.RangeSize

// sessionUsed is where a session keeps how many those were.
const sessionUsed = "entrasync.rows"

// clearWait bounds the clearing of a session.
const clearWait = 5 * time.Second

// prepareSession makes the round's tables where the session has none, and bounds
// the statements that belong to no transaction.
func (r *Round) prepareSession(ctx context.Context) error {
	r.reused = r.conn.Raw().PgConn().CustomData()[sessionUsed] != nil
	bound := fmt.Sprintf("SET statement_timeout = %d;\n", r.timeouts.Range.Milliseconds())
	_, err := r.conn.Raw().Exec(ctx, bound+sqlCreate)
	return pg.Classify(err)
}

// Release gives the locks back and forgets what was staged. After a small round
// that came to its end the session serves the next one: a new one, with its
// tables, takes longer than such a round. Any other session ends, and whatever is
// wrong with it too.
func (r *Round) Release() {
	if r.closed && r.clear() {
		r.conn.Return()
	}
	r.conn.Release()
	r.leave()
}

// clear empties the session for the next round; false when it is not to be used
// again.
func (r *Round) clear() bool {
	data := r.conn.Raw().PgConn().CustomData()
	used, _ := data[sessionUsed].(int)
	if used += r.rows; used > sessionRows {
		return false
	}
	data[sessionUsed] = used
	ctx, cancel := context.WithTimeout(context.Background(), clearWait)
	defer cancel()
	_, err := r.conn.Raw().Exec(ctx, sqlClear)
	return err == nil
}
