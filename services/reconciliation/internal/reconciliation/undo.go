package reconciliation

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// UndoWithin is how long a decision may be undone.
const UndoWithin = 24 * time.Hour

// ErrBuiltOn is returned where something was built on the decision that is to be undone.
var ErrBuiltOn = errs.Of(reason.DecisionBuiltOn)

// Undo takes back the decision of that number and returns the item, which is open again.
// It is a decision of its own: carried out like the others, finished after a crash, kept.
// The same request of the same person again has the same answer. Errors: ErrUnknownItem,
// ErrBuiltOn; errs.Conflict with the reasons nothing_to_undo, undo_expired and
// decision_pending; what the engine refuses. errs.Unavailable with the reason
// decision_stored: the undo is stored, and is carried out once the engine can be reached.
func (u *Decide) Undo(ctx context.Context, itemID string, number int, by string) (DecidedItem, error) {
	item, err := u.store.Item(ctx, itemID)
	if err != nil {
		return DecidedItem{}, err
	}
	d := Decision{Action: Undo, Undoes: number, DecidedBy: by}
	begun := Begun{Decision: d, Now: u.now()}
	admit := func(item *DecidedItem) (*StoredDecision, error) { return admitUndo(item, d, begun.Now) }
	again, err := admit(&item)
	if err != nil {
		return DecidedItem{}, err
	}
	if again == nil {
		if err := u.engine.CheckUndo(ctx, item.Item, *item.Standing, by); err != nil {
			return DecidedItem{}, err
		}
		if item.Standing.Action != Dismiss { // of which the engine knows nothing
			u.withEffect(&begun)
		}
		if item, again, err = u.keep(ctx, item, begun, admit); err != nil {
			return DecidedItem{}, err
		}
	}
	return u.end(ctx, item, again)
}

// admitUndo reports whether an undo may be begun, as admit does for the other decisions.
func admitUndo(item *DecidedItem, d Decision, now time.Time) (again *StoredDecision, err error) {
	switch {
	case item.Last != nil && item.Last.State != Refused && item.Last.same(d):
		return item.Last, nil
	case item.pending() != nil:
		return nil, item.errPending()
	case item.Standing == nil || item.Standing.Attempt != d.Undoes:
		return nil, errs.Of(reason.NothingToUndo, item.state()...)
	case item.DecidedAt == nil || now.Sub(*item.DecidedAt) > UndoWithin:
		return nil, errs.Of(reason.UndoExpired)
	}
	return nil, nil
}

// UndoUntil is until when the decision that stands may be undone; nil while there is none.
func (i *DecidedItem) UndoUntil() *time.Time {
	if i.Standing == nil || i.DecidedAt == nil {
		return nil
	}
	until := i.DecidedAt.Add(UndoWithin)
	return &until
}
