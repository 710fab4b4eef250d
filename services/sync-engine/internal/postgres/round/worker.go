package round

import (
	"bytes"
	"context"
	_ "embed" // the statements
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

//go:embed worker_index.sql
var workerIndex string

const (
	// parallelFrom is how many rows a plan has at least that two sessions apply. While the first range is applied
	// the second session opens.
	parallelFrom = 2*syncengine.RangeSize + 1
	// openWait is how much longer than the first range that may take; it takes far less.
	openWait = 3 * time.Second
)

// worker is a second session, which applies every other range of a large plan, each in one transaction as the
// round's own does. What is planned is copied to it, range by range: temporary tables belong to one session. Both
// have the locks of the directory and of the client shared, so that nobody else has one before both have ended.
// While two ranges are applied both have the client's head locked, and so see that no contact was written since
// the plan was made: else the worker is dismissed, and the round decides again by itself.
type worker struct {
	round  *Round // on the worker's connection, with the same plan
	cancel context.CancelFunc
	opened chan struct{} // closed when it has what it needs, or err says why it has not
	err    error
	next   *pair         // taken out of the plan while the worker applied its range of the pair before; nil for none
	kept   chan struct{} // closed when it has kept identities, or failed says why it has not; nil before it began
	failed error
}

// engage begins to open a worker before the first range, where the plan is one for two sessions and a place is
// free. The first range is applied meanwhile.
func (r *Round) engage(ctx context.Context) error {
	if r.plan.last > 0 || r.worker != nil || r.plan.rows < parallelFrom || r.plan.relinks || r.plan.takeovers || r.plan.rejects || r.another == nil {
		return nil
	}
	leave, ok := r.another()
	if !ok {
		return nil
	}
	if err := r.conn.Share(ctx, r.mapping.Locks()...); err != nil {
		leave()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	beside := *r
	beside.conn, beside.session, beside.leave = nil, session{}, leave
	r.worker = &worker{cancel: cancel, opened: make(chan struct{}), round: &beside}
	go r.worker.open(ctx)
	return nil
}

// open takes the worker's connection, with the locks and the tables of the round.
func (w *worker) open(ctx context.Context) {
	defer close(w.opened)
	r := w.round
	defer func() {
		if w.err != nil && context.Cause(ctx) == nil {
			slog.WarnContext(ctx, "a round applies its plan without a worker", "error", w.err)
		}
	}()
	if r.conn, w.err = pg.Dedicated(ctx, r.pool); w.err != nil {
		return
	}
	r.mapping.Mapping = r.mapping.On(r.conn)
	locked, err := r.conn.TryShared(ctx, r.mapping.Locks()...)
	switch {
	case err != nil:
		w.err = err
	case !locked:
		w.err = ErrInProgress
	default:
		if w.err = r.prepareSession(ctx); w.err == nil {
			_, w.err = r.conn.Raw().Exec(ctx, workerIndex)
		}
	}
}

// assisted reports that there is a worker for the next range. One that is not open by now is waited for briefly,
// and dismissed.
func (r *Round) assisted() bool {
	if r.worker == nil || r.plan.last == 0 {
		return false
	}
	select {
	case <-r.worker.opened:
		if r.worker.err == nil {
			return true
		}
	case <-time.After(openWait):
	}
	r.dismiss()
	return false
}

// dismiss ends the worker's session, if there is one, and gives its place back.
func (r *Round) dismiss() {
	w := r.worker
	if w == nil {
		return
	}
	w.cancel()
	<-w.opened
	if w.kept != nil {
		<-w.kept
	}
	if w.round.conn != nil {
		w.round.conn.Release()
	}
	w.round.leave()
	r.worker = nil
}

// pair is two ranges of the plan that follow one another: the round's own and the worker's, which is empty where
// there is no second one.
type pair struct {
	own    span
	theirs *part
	rows   int  // of both ranges
	done   bool // nothing follows them
}

// part is a range for a worker, with rows of the round's tables as COPY has them in its binary format.
type part struct {
	of          span
	plan, stage bytes.Buffer
}

// copyOut reads rows of the plan and of what was staged, by statements that name the range's numbers.
func (p *part) copyOut(ctx context.Context, tx pgx.Tx, plan, stage string) error {
	numbers := strings.NewReplacer("@after", strconv.Itoa(p.of.after), "@up_to", strconv.Itoa(p.of.upTo), ";", "") // COPY takes no argument
	for _, of := range []struct {
		sql string
		to  *bytes.Buffer
	}{{plan, &p.plan}, {stage, &p.stage}} {
		if _, err := tx.Conn().PgConn().CopyTo(ctx, of.to, "COPY ("+numbers.Replace(of.sql)+") TO STDOUT (FORMAT binary)"); err != nil {
			return err
		}
	}
	return nil
}

// copyIn copies the rows into the worker's tables.
func (w *worker) copyIn(ctx context.Context, p *part) error {
	conn := w.round.conn.Raw().PgConn()
	for _, of := range []struct {
		table string
		from  *bytes.Buffer
	}{{"plan", &p.plan}, {"stage", &p.stage}} {
		if _, err := conn.CopyFrom(ctx, of.from, "COPY "+of.table+" FROM STDIN (FORMAT binary)"); err != nil {
			return pg.Classify(err)
		}
	}
	return nil
}
