package round

import (
	"context"
	_ "embed" // the statements
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed keep.sql
	keep string
	//go:embed keep_write.sql
	keepWrite string
	//go:embed keeps_some.sql
	keepsSome string
	//go:embed kept_next.sql
	keptNext string
	//go:embed kept_forget.sql
	keptForget string
	//go:embed kept_forget_changed.sql
	keptForgetChanged string
	//go:embed worker_clear.sql
	workerClear string
	//go:embed worker_queued.sql
	workerQueued string
	//go:embed worker_kept.sql
	workerKept string
)

// keptAhead is how many parts of what is kept may wait for the worker, each of up to some ten megabytes. The round
// goes on when the last one waits.
const keptAhead = 2

// Keep implements syncengine.Round, and ends the rejections that are void. It comes after what was planned is applied, and
// before the delta link is kept: after a crash in between the same changes come again.
func (r *Round) Keep(ctx context.Context, complete bool, step syncengine.Step) error {
	known, err := r.keepsSome(ctx)
	if err == nil {
		err = r.voidRejected(ctx, step)
	}
	switch {
	case err != nil:
	case r.assisted() && !known:
		err = r.keepBeside(ctx, step)
	default:
		r.dismiss()
		statements := []string{keep, keepWrite}
		if !known {
			statements[1] = unopposed(keepWrite)
		}
		if complete && r.delta {
			statements = append(statements, keptForgetChanged)
		}
		err = r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
			return r.keepRange(ctx, tx, of, known, statements...)
		})
	}
	if err == nil && known && complete && !r.delta {
		err = r.forgetKept(ctx, step)
	}
	if err != nil {
		return fmt.Errorf("keeping identities: %w", err)
	}
	return nil
}

// keepRange keeps identities of a range; known where some of the directory are kept already.
func (r *Round) keepRange(ctx context.Context, tx pgx.Tx, of span, known bool, statements ...string) error {
	err := r.checkRevision(ctx, tx)
	if err != nil {
		return err
	}
	args := with(r.args(of), "known", known)
	if args["links"], err = r.mayHaveLinks(ctx, tx); err != nil {
		return err
	}
	return exec(ctx, tx, args, statements...)
}

// keepBeside has the worker keep identities, of which none is kept so far, while the round goes on. keptBeside
// waits for it.
func (r *Round) keepBeside(ctx context.Context, step syncengine.Step) error {
	ctx, cancel := context.WithCancel(ctx)
	w, parts := r.worker, make(chan *part, keptAhead)
	w.round.plan = r.plan
	before := w.cancel
	w.cancel, w.kept = func() { before(); cancel() }, make(chan struct{})
	go func() {
		defer close(w.kept)
		w.failed = w.keep(ctx, parts)
	}()
	defer close(parts)
	return r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
		p := &part{of: of}
		if err := p.copyOut(ctx, tx, workerQueued, workerKept); err != nil {
			return err
		}
		select {
		case parts <- p:
			return nil
		case <-w.kept: // before it was given all: it has failed
			return w.failed
		}
	})
}

// keep keeps the identities of ranges.
func (w *worker) keep(ctx context.Context, parts <-chan *part) error {
	if _, err := w.round.conn.Raw().Exec(ctx, workerClear); err != nil {
		return pg.Classify(err)
	}
	for p := range parts {
		if err := w.copyIn(ctx, p); err != nil {
			return err
		}
		if err := w.round.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return w.round.keepRange(ctx, tx, p.of, false, keep, unopposed(keepWrite))
		}); err != nil {
			return err
		}
	}
	return nil
}

// keptBeside waits until the worker has kept what it was given, and dismisses it.
func (r *Round) keptBeside() error {
	if r.worker == nil || r.worker.kept == nil {
		return nil
	}
	<-r.worker.kept
	err := r.worker.failed
	r.dismiss()
	return err
}

// keepsSome reports that identities of the directory are kept, by rounds before or by an attempt that did not
// come to its end. Rounds of the directory alone keep them, one at a time.
func (r *Round) keepsSome(ctx context.Context) (known bool, err error) {
	if r.delta { // which comes after a round that kept them
		return true, nil
	}
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, keepsSome, r.args(everything)).Scan(&known)
	})
	return known, err
}

// forgetKept forgets identities that need not be kept any longer, after a listing of everybody.
func (r *Round) forgetKept(ctx context.Context, step syncengine.Step) error {
	return r.eachOf(ctx, keptNext, step, func(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error {
		return exec(ctx, tx, args, keptForget)
	})
}

// eachOf calls fn for the directory's identities that a statement finds, kept ones or links, range by range,
// each in a transaction of its own.
func (r *Round) eachOf(ctx context.Context, next string, step syncengine.Step, fn func(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) error) error {
	for after := ""; ; {
		var upTo *string
		seen := 0
		err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			args := r.args(everything)
			args["after_id"], args["limit"] = after, decideSize
			if err := tx.QueryRow(ctx, next, args).Scan(&upTo, &seen); err != nil || upTo == nil {
				return err
			}
			return fn(ctx, tx, with(args, "up_to_id", *upTo))
		})
		if err != nil || upTo == nil {
			return err
		}
		after = *upTo
		if err := step(seen); err != nil {
			return err
		}
	}
}
