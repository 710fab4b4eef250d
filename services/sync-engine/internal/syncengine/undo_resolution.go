package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ResolutionUndo is a decision about one identity that a person takes back.
type ResolutionUndo struct {
	ItemID   string          // of the queue, a UUID; with Attempt the key of the decision
	Attempt  int             // which of the item's decisions
	Mapping  MappingRevision // of the identity's directory; the client is the item's
	ObjectID string
	Linked   bool   // the decision linked the identity; else it kept it without a contact
	UndoneBy string // the person, by id
}

// ErrDecisionBuiltOn is returned where the link or the contact has changed since the
// decision that is to be taken back.
var ErrDecisionBuiltOn = errs.Of(reason.DecisionBuiltOn)

// UndoStore takes decisions about single identities back.
type UndoStore interface {
	// CheckUndo refuses as Undo would at this moment: ErrDecisionBuiltOn. It writes nothing.
	CheckUndo(ctx context.Context, u ResolutionUndo) error
	// Undo ends the link, has the contact as it was and, where the decision made it,
	// deletes it, and writes the record and the feed, in one transaction that raises the
	// client's revision: rounds decide again. Done before, it does nothing.
	// ErrDecisionBuiltOn; ErrMappingChanged when a later mapping was announced.
	Undo(ctx context.Context, u ResolutionUndo, now time.Time) error
}

// UndoResolution takes back what a person decided about an identity, where nothing was
// built on it since.
type UndoResolution struct {
	store   UndoStore
	mapping RoundMapping
	now     func() time.Time
}

// NewUndoResolution wires the use case.
func NewUndoResolution(store UndoStore, mapping RoundMapping, now func() time.Time) *UndoResolution {
	return &UndoResolution{store: store, mapping: mapping, now: now}
}

// Check refuses what Do would refuse now, and writes nothing. Of a dismissal it sees
// that the identity has no contact by now.
func (u *UndoResolution) Check(ctx context.Context, undo ResolutionUndo) error {
	if err := checkClient(ctx, u.mapping, &undo.Mapping); err != nil {
		return err
	}
	return u.store.CheckUndo(ctx, undo)
}

// Do takes the decision back. A check that fails writes nothing.
func (u *UndoResolution) Do(ctx context.Context, undo ResolutionUndo) error {
	if err := checkClient(ctx, u.mapping, &undo.Mapping); err != nil {
		return err
	}
	return u.store.Undo(ctx, undo, u.now())
}
