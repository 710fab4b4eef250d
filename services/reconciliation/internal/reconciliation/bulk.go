package reconciliation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Outcome is the result for one of many items.
type Outcome string

// The outcomes.
const (
	OutcomeDone    Outcome = "done"
	OutcomeRefused Outcome = "refused"
	OutcomeStored  Outcome = "stored"  // it is carried out once the engine can be reached
	OutcomeSkipped Outcome = "skipped" // a part could not be reached: nothing was written
)

// Previewed is what carrying out an item's suggestion would do.
type Previewed struct {
	DecidedItem
	Digest  string
	Refused *errs.Error // nil where it would be done
}

// ToDecide is an item as a preview showed it.
type ToDecide struct {
	ItemID string
	Digest string
}

// ItemOutcome is the result for one item.
type ItemOutcome struct {
	ItemID  string
	Outcome Outcome
	Err     *errs.Error // nil where it is done
	Item    DecidedItem // where it is done
}

// Bulk is the use case of carrying out the same suggestion of many items. Each is decided
// about as Decide does it, but they are read, and the engine is asked about them, at once.
type Bulk struct {
	list   *List
	decide *Decide
}

// NewBulk makes the use case.
func NewBulk(list *List, decide *Decide) *Bulk { return &Bulk{list: list, decide: decide} }

// Digest identifies what a person sees who agrees to the item's suggestion.
func (i *Item) Digest() (string, error) {
	shown, err := json.Marshal(struct {
		ClientID   string
		Sighting   Sighting
		Suggestion *Suggestion
	}{i.ClientID, i.Sighting, i.Suggestion})
	if err != nil {
		return "", fmt.Errorf("making a digest: %w", err)
	}
	sum := sha256.Sum256(shown)
	return hex.EncodeToString(sum[:16]), nil
}

// Preview gives a page of the open items that have the filter's suggestion, with what the
// engine would refuse now. It writes nothing. page.ErrToken.
func (b *Bulk) Preview(ctx context.Context, filter Filter, by string, size int, token string) (page.Page[Previewed], error) {
	filter.Status = Open
	items, err := b.list.Do(ctx, filter, size, token)
	if err != nil {
		return page.Page[Previewed]{}, err
	}
	refusals, err := b.decide.checkAll(ctx, items.Items, func(item *DecidedItem) Decision { return item.suggested("", by) })
	if err != nil {
		return page.Page[Previewed]{}, err
	}
	out := page.Page[Previewed]{Next: items.Next, Total: items.Total, TotalIsMinimum: items.TotalIsMinimum}
	for _, item := range items.Items {
		digest, err := item.Digest()
		if err != nil {
			return page.Page[Previewed]{}, err
		}
		out.Items = append(out.Items, Previewed{DecidedItem: item, Digest: digest, Refused: refusals[item.ID]})
	}
	return out, nil
}

// suggested is the decision that the item's suggestion asks for.
func (i *Item) suggested(note, by string) Decision {
	d := Decision{Action: i.Suggestion.Action, ContactID: i.Suggestion.ContactID, DecidedBy: by}
	if d.Action == Dismiss {
		d.Note = note
	}
	return d
}

// Do carries out the suggestion of each of the items, in order, where it is still what
// the preview showed. The failure of one does not stop the others, but once a service cannot be
// reached the rest is skipped. errs.Invalid where a dismissal has no
// reason, or an item is named twice.
func (b *Bulk) Do(ctx context.Context, action Action, note, by string, items []ToDecide) ([]ItemOutcome, error) {
	if action == Dismiss && note == "" {
		return nil, errs.New(errs.Invalid, reason.InvalidArgument, "Say why the items are dismissed.", errs.WithViolation("reason", "is empty"))
	}
	ids, err := distinct(items)
	if err != nil {
		return nil, err
	}
	stored, err := b.decide.store.Items(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]asked, len(items))
	for n, item := range items {
		all[n] = ask(stored, item, action, note, by)
	}
	away := b.checkAll(ctx, all)
	outcomes := make([]ItemOutcome, len(items))
	taken := map[string]bool{} // contacts that an earlier item was given
	for n := range all {
		a := &all[n]
		if away != nil && a.needsEngine() {
			outcomes[n] = ItemOutcome{ItemID: items[n].ItemID, Outcome: OutcomeSkipped, Err: away}
			continue
		}
		decided, err := b.one(ctx, a, taken[a.decision.ContactID])
		outcomes[n] = outcomeOf(items[n].ItemID, decided, err)
		if outcomes[n].Outcome == OutcomeStored || outcomes[n].Outcome == OutcomeSkipped {
			away = outcomes[n].Err
		}
		taken[a.decision.ContactID] = a.decision.ContactID != ""
	}
	return outcomes, nil
}

// distinct are the ids of the items. errs.Invalid where one is named twice.
func distinct(items []ToDecide) ([]string, error) {
	ids, seen := make([]string, len(items)), map[string]bool{}
	for n, item := range items {
		ids[n] = strings.ToLower(item.ItemID)
		if seen[ids[n]] {
			return nil, errs.New(errs.Invalid, reason.InvalidArgument, "An item is named twice.",
				errs.WithViolation(fmt.Sprintf("items[%d].itemId", n), "is named twice"))
		}
		seen[ids[n]] = true
	}
	return ids, nil
}

// asked is an item as it is stored, with the decision that is asked for: err where it is
// refused, again where it was taken before.
type asked struct {
	item     DecidedItem
	decision Decision
	again    *StoredDecision
	err      error
}

// needsEngine reports whether a decision is still to be carried out.
func (a *asked) needsEngine() bool {
	return a.err == nil && (a.again == nil || a.again.State == Pending)
}

func ask(stored map[string]DecidedItem, as ToDecide, action Action, note, by string) asked {
	item, known := stored[strings.ToLower(as.ItemID)]
	if !known {
		return asked{err: ErrUnknownItem}
	}
	digest, err := item.Digest()
	switch {
	case err != nil:
		return asked{err: err}
	case digest != as.Digest:
		return asked{err: errs.Of(reason.ItemChanged, item.state()...)}
	case item.Suggestion == nil || item.Suggestion.Action != action:
		return asked{err: errs.Of(reason.NotSuggested)}
	}
	a := asked{item: item, decision: item.suggested(note, by)}
	a.again, a.err = admit(&item, a.decision)
	return a
}

// checkAll asks the engine what it would refuse; the error is that it cannot be asked.
func (b *Bulk) checkAll(ctx context.Context, all []asked) (away *errs.Error) {
	var items []DecidedItem
	decisions := map[string]Decision{}
	for _, a := range all {
		if a.err == nil && a.again == nil {
			items = append(items, a.item)
			decisions[a.item.ID] = a.decision
		}
	}
	refusals, err := b.decide.checkAll(ctx, items, func(item *DecidedItem) Decision { return decisions[item.ID] })
	if err != nil {
		return asError(err)
	}
	for i := range all {
		if refusal := refusals[all[i].item.ID]; refusal != nil {
			all[i].err = refusal
		}
	}
	return nil
}

// one decides about an item that was checked; again where an item before it has changed what
// the check saw.
func (b *Bulk) one(ctx context.Context, a *asked, again bool) (DecidedItem, error) {
	if a.err != nil {
		return DecidedItem{}, a.err
	}
	item, stored, err := a.item, a.again, error(nil)
	switch {
	case stored != nil:
	case again:
		item, stored, err = b.decide.begin(ctx, item, a.decision)
	default:
		item, stored, err = b.decide.beginChecked(ctx, item, a.decision)
	}
	if err != nil {
		return DecidedItem{}, err
	}
	return b.decide.end(ctx, item, stored)
}

func outcomeOf(id string, item DecidedItem, err error) ItemOutcome {
	out := ItemOutcome{ItemID: id, Outcome: OutcomeDone, Item: item}
	if err == nil {
		return out
	}
	out.Outcome = OutcomeSkipped
	out.Err = asError(err)
	switch {
	case refused(err):
		out.Outcome = OutcomeRefused
	case out.Err.Reason() == reason.DecisionStored:
		out.Outcome = OutcomeStored
	}
	return out
}

func asError(err error) *errs.Error {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e
	}
	return errs.Of(reason.Internal, errs.WithCause(err))
}
