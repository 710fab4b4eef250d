package reconciliation

import (
	"context"
	"fmt"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// finishAfter is how long a decision may take before the worker finishes it.
const finishAfter = 30 * time.Second

// Admit looks at an item, which is locked where it is about to be written.
type Admit func(item *DecidedItem) error

// Begun is a decision that is about to be stored.
type Begun struct {
	Decision
	EffectID    string // a UUID; empty where nothing has to be carried out
	FinishAfter time.Duration
	Now         time.Time
}

// DecisionStore keeps decisions.
type DecisionStore interface {
	// Item reads an item with the last decision about it. ErrUnknownItem.
	Item(ctx context.Context, id string) (DecidedItem, error)
	// Items reads those of the items that there are, by id.
	Items(ctx context.Context, ids []string) (map[string]DecidedItem, error)
	// Begin locks the item and, unless admit returns an error, stores the decision: one
	// without an effect is done at once, any other one is pending. ErrBuiltOn for an undo
	// where the identity was asked about anew since.
	Begin(ctx context.Context, itemID string, begun Begun, admit Admit) (DecidedItem, error)
	// End ends a pending decision and, when it was done, closes its item, or opens it
	// where the decision was an undo. One that has ended stays as it is.
	End(ctx context.Context, itemID string, attempt int, state DecisionState, contactID string, now time.Time) (DecidedItem, error)
}

// Check is a decision that is not taken yet.
type Check struct {
	Item     Item
	Attempt  int // the number that the decision would have
	Decision Decision
}

// Resolver links identities to contacts: the sync engine.
type Resolver interface {
	// Check refuses what Resolve would refuse now, and writes nothing.
	Check(ctx context.Context, item Item, attempt int, d Decision) error
	// CheckAll refuses each of them as Check does, in order; nil where Resolve would do it.
	CheckAll(ctx context.Context, checks []Check) ([]*errs.Error, error)
	// Resolve links the item's identity and returns the contact that has it. Done before
	// by the same item and attempt, it answers the same.
	Resolve(ctx context.Context, item Item, attempt int, d Decision) (contactID string, err error)
	// CheckUndo refuses what Undo would refuse now, and writes nothing; of a dismissal it
	// sees that the identity has no contact.
	CheckUndo(ctx context.Context, item Item, undone StoredDecision, by string) error
	// Undo takes back what Resolve did for the decision. Done before, it does nothing.
	Undo(ctx context.Context, item Item, undone StoredDecision, by string) error
}

// Decide is the use case of deciding about an item: the item is locked, the decision
// stored, the sync engine called with the item and the number of the decision as the
// key, and the item closed. What a crash interrupts is finished by Finish.
type Decide struct {
	store  DecisionStore
	engine Resolver
	newID  func() string
	now    func() time.Time
}

// NewDecide makes the use case; newID gives a UUID of version 7.
func NewDecide(store DecisionStore, engine Resolver, newID func() string, now func() time.Time) *Decide {
	return &Decide{store: store, engine: engine, newID: newID, now: now}
}

// Do decides about the item and returns it closed. A check that fails writes nothing.
// The same request of the same person again has the same answer. Errors: ErrUnknownItem;
// errs.Conflict with the reasons item_closed and decision_pending; what the engine
// refuses. errs.Unavailable with the reason decision_stored: the decision is stored, and
// is carried out once the engine can be reached.
func (u *Decide) Do(ctx context.Context, itemID string, d Decision) (DecidedItem, error) {
	item, err := u.store.Item(ctx, itemID)
	if err != nil {
		return DecidedItem{}, err
	}
	again, err := admit(&item, d)
	if err != nil {
		return DecidedItem{}, err
	}
	if again == nil {
		if item, again, err = u.begin(ctx, item, d); err != nil {
			return DecidedItem{}, err
		}
	}
	return u.end(ctx, item, again)
}

// end carries the decision out, if it is not.
func (u *Decide) end(ctx context.Context, item DecidedItem, stored *StoredDecision) (DecidedItem, error) {
	if stored.State != Pending {
		return item, nil
	}
	return u.carryOut(ctx, item)
}

// begin checks the decision with the engine and stores it, or returns the same decision of a
// concurrent request.
func (u *Decide) begin(ctx context.Context, item DecidedItem, d Decision) (DecidedItem, *StoredDecision, error) {
	if err := u.check(ctx, item, d); err != nil {
		return DecidedItem{}, nil, err
	}
	return u.beginChecked(ctx, item, d)
}

// beginChecked stores a decision that the engine would carry out.
func (u *Decide) beginChecked(ctx context.Context, item DecidedItem, d Decision) (DecidedItem, *StoredDecision, error) {
	begun := Begun{Decision: d, Now: u.now()}
	if d.Action != Dismiss {
		u.withEffect(&begun)
	}
	return u.keep(ctx, item, begun, func(locked *DecidedItem) (*StoredDecision, error) { return admit(locked, d) })
}

// check refuses what the engine would refuse now. A dismissal does not concern it.
func (u *Decide) check(ctx context.Context, item DecidedItem, d Decision) error {
	if d.Action == Dismiss {
		return nil
	}
	return u.engine.Check(ctx, item.Item, item.next(), d)
}

// checkAll is check for many: the engine is asked once. It answers by item.
func (u *Decide) checkAll(ctx context.Context, items []DecidedItem, decision func(*DecidedItem) Decision) (map[string]*errs.Error, error) {
	var checks []Check
	for i := range items {
		if d := decision(&items[i]); d.Action != Dismiss {
			checks = append(checks, Check{Item: items[i].Item, Attempt: items[i].next(), Decision: d})
		}
	}
	if len(checks) == 0 {
		return nil, nil
	}
	refusals, err := u.engine.CheckAll(ctx, checks)
	if err != nil {
		return nil, err
	}
	byItem := map[string]*errs.Error{}
	for i, refusal := range refusals {
		byItem[checks[i].Item.ID] = refusal
	}
	return byItem, nil
}

// withEffect adds the effect that finishes the decision where this process does not.
func (u *Decide) withEffect(begun *Begun) {
	begun.EffectID, begun.FinishAfter = u.newID(), finishAfter
}

// keep stores the decision, or returns the same decision of a concurrent request.
func (u *Decide) keep(
	ctx context.Context, item DecidedItem, begun Begun, admit func(*DecidedItem) (*StoredDecision, error),
) (DecidedItem, *StoredDecision, error) {
	var again *StoredDecision
	stored, err := u.store.Begin(ctx, item.ID, begun, func(locked *DecidedItem) (err error) {
		if again, err = admit(locked); err == nil && again != nil {
			item = *locked
			return errAgain
		}
		return err
	})
	switch {
	case again != nil:
		return item, again, nil
	case err != nil:
		return DecidedItem{}, nil, err
	}
	return stored, stored.Last, nil
}

// errAgain ends the transaction of a repeated decision; no caller sees it.
var errAgain = errs.New(errs.Conflict, reason.AlreadyDone, "The decision is stored already.")

// next is the number of the next decision about the item.
func (i *DecidedItem) next() int {
	if i.Last == nil {
		return 1
	}
	return i.Last.Attempt + 1
}

// Finish carries out a stored decision where that was interrupted; nothing happens where
// it has ended.
func (u *Decide) Finish(ctx context.Context, itemID string, attempt int) error {
	item, err := u.store.Item(ctx, itemID)
	if err != nil {
		return err
	}
	if pending := item.pending(); pending == nil || pending.Attempt != attempt {
		return nil
	}
	_, err = u.carryOut(ctx, item)
	if refused(err) {
		return nil // the decision has ended
	}
	return err
}

// carryOut asks the engine to do the pending decision and closes the item.
func (u *Decide) carryOut(ctx context.Context, item DecidedItem) (DecidedItem, error) {
	d := item.Last
	contactID, err := u.perform(ctx, item)
	switch {
	case refused(err):
		if _, err := u.store.End(ctx, item.ID, d.Attempt, Refused, "", u.now()); err != nil {
			return DecidedItem{}, fmt.Errorf("recording a refusal: %w", err)
		}
		return DecidedItem{}, err
	case err != nil:
		return DecidedItem{}, errs.Of(reason.DecisionStored, errs.WithCause(err))
	}
	ended, err := u.store.End(ctx, item.ID, d.Attempt, Done, contactID, u.now())
	if err != nil {
		return DecidedItem{}, errs.Of(reason.DecisionStored, errs.WithCause(err))
	}
	return ended, nil
}

// perform asks the engine to do the pending decision.
func (u *Decide) perform(ctx context.Context, item DecidedItem) (contactID string, err error) {
	if item.Last.Action == Undo {
		return "", u.engine.Undo(ctx, item.Item, *item.Standing, item.Last.DecidedBy)
	}
	return u.engine.Resolve(ctx, item.Item, item.Last.Attempt, item.Last.Decision)
}

// refused reports whether the engine refused the decision, as opposed to a failure that may
// pass.
func refused(err error) bool {
	switch errs.KindOf(err) {
	case errs.Conflict, errs.NotFound, errs.Precondition, errs.Invalid:
		return err != nil
	}
	return false
}
