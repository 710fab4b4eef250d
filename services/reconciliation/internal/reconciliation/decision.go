package reconciliation

import (
	"cmp"
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
	Undo            Action = "undo"             // an earlier decision is taken back
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
	Undoes    int    // of Undo: the number of the decision
	DecidedBy string // the person, by id
}

// same reports whether a request is repeated.
func (d Decision) same(other Decision) bool { return d == other }

// StoredDecision is one of an item's decisions.
type StoredDecision struct {
	Decision
	Attempt         int // which of the item's decisions, from 1
	State           DecisionState
	RequestedAt     time.Time
	CompletedAt     *time.Time // nil while pending
	ResultContactID string     // the contact that the identity was linked to; empty before and after a dismissal
	EffectID        string     // finishes the decision after a crash; empty where nothing is carried out
}

// DecidedItem is an item with what was decided about it.
type DecidedItem struct {
	Item
	Last     *StoredDecision // the last decision, in whatever state; nil while there was none
	Standing *StoredDecision // the decision by which the item is resolved or dismissed; else nil
}

// NewDecidedItem makes one of the last decision about an item and of the last one that was
// carried out and is no undo, each nil where there is none.
func NewDecidedItem(item Item, last, done *StoredDecision) DecidedItem {
	if item.Status != Resolved && item.Status != Dismissed {
		done = nil
	}
	return DecidedItem{Item: item, Last: last, Standing: done}
}

// ResolvedContactID is the contact that the decision that stands linked the identity to;
// empty where there is none.
func (i *DecidedItem) ResolvedContactID() string {
	if i.Standing == nil {
		return ""
	}
	return i.Standing.ResultContactID
}

// pending is the decision that is being carried out, nil when there is none.
func (i *DecidedItem) pending() *StoredDecision {
	if i.Last != nil && i.Last.State == Pending {
		return i.Last
	}
	return nil
}

// ErrUnknownItem is the error for an item that does not exist or is another tenant's.
var ErrUnknownItem = errs.New(errs.NotFound, reason.NotFound, "There is no such item.")

var closedTexts = map[Status]string{
	Resolved:   "This item has been resolved already.",
	Dismissed:  "This item has been dismissed already.",
	Superseded: "This item needs no decision any more.",
}

// closed is the error for an item that is not open, with its state.
func (i *DecidedItem) closed() error {
	return errs.New(errs.Conflict, reason.ItemClosed, closedTexts[i.Status], i.state()...)
}

// pendingRetry is when to ask again while a decision is carried out.
const pendingRetry = 2 * time.Second

// errPending is the error for an item about which another decision is being carried out.
func (i *DecidedItem) errPending() error {
	return errs.New(errs.Conflict, reason.DecisionPending, "Another decision about this item is being carried out.",
		append(i.state(), errs.WithRetryAfter(pendingRetry))...)
}

// state describes the item to a person who was not the first to decide.
func (i *DecidedItem) state() (out []errs.Option) {
	add := func(key, value string) {
		if value != "" {
			out = append(out, errs.WithMetadata(key, value))
		}
	}
	add("status", string(i.Status))
	of := cmp.Or(i.pending(), i.Standing)
	if of == nil {
		return out
	}
	add("action", string(of.Action))
	add("decided_by", of.DecidedBy)
	if i.DecidedAt != nil {
		add("decided_at", i.DecidedAt.UTC().Format(time.RFC3339))
	}
	add("contact_id", cmp.Or(of.ResultContactID, of.ContactID))
	return out
}

// admit reports whether a decision may be begun about the item as it stands: nil, nil
// when it may; the stored decision where the same person asked for the same before.
func admit(item *DecidedItem, d Decision) (again *StoredDecision, err error) {
	pending := item.pending()
	switch {
	case item.Status == Open && pending == nil:
		return nil, nil
	case pending != nil && pending.same(d):
		return pending, nil
	case item.Standing != nil && item.Standing.same(d):
		return item.Standing, nil
	case pending != nil:
		return nil, item.errPending()
	}
	return nil, item.closed()
}
