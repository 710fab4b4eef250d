package reconciliation

import (
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Action is what a person does about an item.
type Action string

// The actions.
const (
	ResolveExisting Action = "resolve_existing" // the identity is linked to a contact of the client
	ResolveNew      Action = "resolve_new"      // a contact is made from the identity and linked
	Dismiss         Action = "dismiss"          // the identity stays without a contact
)

// DecisionState is how far a decision is.
type DecisionState string

// The states of a decision.
const (
	Pending DecisionState = "pending" // it is being carried out; the item counts as open
	Done    DecisionState = "done"
	Refused DecisionState = "refused" // by the sync engine, which found other facts than the check before it
)

// Decision is what a person wants done about an item.
type Decision struct {
	Action    Action
	ContactID string // of ResolveExisting
	Note      string // of Dismiss: why, in the person's words
	DecidedBy string // the person, by id
}

// same tells a request that is repeated.
func (d Decision) same(other Decision) bool { return d == other }

// StoredDecision is one of an item's decisions.
type StoredDecision struct {
	Decision
	Attempt         int // which of the item's decisions, from 1
	State           DecisionState
	RequestedAt     time.Time
	CompletedAt     time.Time // zero while pending
	ResultContactID string    // the contact that the identity was linked to; empty before and after a dismissal
	EffectID        string    // finishes the decision after a crash; empty for a dismissal
}

// DecidedItem is an item with the last decision about it, nil while there was none.
type DecidedItem struct {
	Item
	Last *StoredDecision
}

// pending is the decision that is being carried out, nil when there is none.
func (i *DecidedItem) pending() *StoredDecision {
	if i.Last != nil && i.Last.State == Pending {
		return i.Last
	}
	return nil
}

// ErrUnknownItem is another tenant's item as well as none.
var ErrUnknownItem = errs.New(errs.NotFound, reason.NotFound, "There is no such item.")

var closedTexts = map[Status]string{
	Resolved:   "This item has been resolved already.",
	Dismissed:  "This item has been dismissed already.",
	Superseded: "This item needs no decision any more.",
}

// closed tells of an item that is not open, with its state.
func closed(item Item) error {
	return errs.New(errs.Conflict, reason.ItemClosed, closedTexts[item.Status],
		errs.WithMetadata("status", string(item.Status)), errs.WithMetadata("decided_by", item.DecidedBy))
}

var errPending = errs.New(errs.Conflict, reason.DecisionPending, "Another decision about this item is being carried out.",
	errs.WithMetadata("status", string(Open)))

// admit tells whether a decision may be begun about the item as it stands: nil, nil
// when it may; the stored decision where the same person asked for the same before.
func admit(item *DecidedItem, d Decision) (again *StoredDecision, err error) {
	switch last := item.Last; {
	case item.Status == Open && item.pending() == nil:
		return nil, nil
	case last != nil && last.State != Refused && item.Status != Superseded && last.same(d):
		return last, nil
	case item.Status == Open:
		return nil, errPending
	}
	return nil, closed(item.Item)
}
