package round

import (
	"context"
	_ "embed" // the statements
	"errors"

	"github.com/jackc/pgx/v5"
)

var (
	//go:embed share_head.sql
	shareHead string
	//go:embed worker_plan.sql
	workerPlan string
	//go:embed worker_stage.sql
	workerStage string
)

// errPlanMoved is returned by ranges that cannot be applied at once: contacts of them have been written, or
// moved to another client, since the plan was made. Nothing of them is written.
var errPlanMoved = errors.New("contacts of the ranges were written since they were planned")

// applyTwo applies the next two ranges at once. Where the plan has moved it applies neither and dismisses the
// worker.
func (r *Round) applyTwo(ctx context.Context) (applied int, done bool, err error) {
	w, p := r.worker, r.worker.next
	if p == nil {
		if p, err = r.takeOut(ctx, r.plan.last); err != nil {
			return 0, false, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.round.plan = r.plan
	locked, shared, begun := make(chan struct{}), make(chan struct{}), false
	ended := make(chan error, 1)
	go func() { ended <- w.apply(ctx, p.theirs, locked, shared) }()
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := r.lockPlanned(ctx, tx, span{p.own.after, p.theirs.of.upTo}); err != nil {
			return err
		}
		begun = true
		close(locked)
		if err := r.writeRange(ctx, tx, p.own); err != nil {
			return err
		}
		select { // the commit comes when the worker has locked the head too: else the host could come in between
		case <-shared:
			return nil
		case err := <-ended:
			ended <- err
			return err
		}
	})
	if err == nil && !p.done { // while the worker is not done yet
		w.next, err = r.takeOut(ctx, p.theirs.of.upTo)
	}
	if !begun {
		cancel()
	}
	failed := <-ended
	switch {
	case errors.Is(err, errPlanMoved):
		r.dismiss()
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case failed != nil:
		return 0, false, failed
	}
	r.plan.last, r.session.rows = p.theirs.of.upTo, r.session.rows+p.rows
	return p.rows, p.done, nil
}

// takeOut takes the pair after a number out of the plan.
func (r *Round) takeOut(ctx context.Context, after int) (*pair, error) {
	p := &pair{theirs: &part{}}
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var own, theirs int
		var err error
		if p.own, own, _, err = r.nextRange(ctx, tx, after); err != nil {
			return err
		}
		if p.theirs.of, theirs, p.done, err = r.nextRange(ctx, tx, p.own.upTo); err != nil {
			return err
		}
		p.rows = own + theirs
		return p.theirs.copyOut(ctx, tx, workerPlan, workerStage)
	})
	return p, err
}

// apply applies the worker's range once the round has locked the client's head, and says when it has done so too.
func (w *worker) apply(ctx context.Context, p *part, locked <-chan struct{}, shared chan<- struct{}) error {
	if err := w.copyIn(ctx, p); err != nil {
		return err
	}
	select {
	case <-locked:
	case <-ctx.Done():
		return ctx.Err()
	}
	return w.round.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := w.round.lockPlanned(ctx, tx, p.of); err != nil {
			return err
		}
		close(shared)
		return w.round.writeRange(ctx, tx, p.of)
	})
}

// lockPlanned locks the client's head beside the other session of the round, until the commit; errPlanMoved where
// the range is to be decided again, or other heads are to be locked for it.
func (r *Round) lockPlanned(ctx context.Context, tx pgx.Tx, of span) error {
	if err := r.checkRevision(ctx, tx); err != nil {
		return err
	}
	var revision int64
	if err := tx.QueryRow(ctx, shareHead, r.args(of)).Scan(&revision); err != nil {
		return err
	}
	moved, err := uuids(ctx, tx, movedClients, r.args(of))
	if err == nil && (len(moved) > 0 || revision != r.plan.revision+r.plan.raised) {
		err = errPlanMoved
	}
	return err
}
