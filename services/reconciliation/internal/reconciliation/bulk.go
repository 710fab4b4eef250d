package reconciliation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Outcome is what became of one of many items.
type Outcome string

// The outcomes.
const (
	OutcomeDone    Outcome = "done"
	OutcomeRefused Outcome = "refused"
	OutcomeStored  Outcome = "stored"  // it is carried out once the engine can be reached
	OutcomeSkipped Outcome = "skipped" // a part could not be reached: nothing was written
)

// Previewed is what carrying out an item's suggestion would come to.
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

// ItemOutcome is what became of one item.
type ItemOutcome struct {
	ItemID  string
	Outcome Outcome
	Err     *errs.Error // nil where it is done
	Item    DecidedItem // where it is done
}

// Bulk is the use case of carrying out the same suggestion of many items. Each is decided
// about as Decide does it.
type Bulk struct {
	list   *List
	decide *Decide
}

// NewBulk makes the use case.
func NewBulk(list *List, decide *Decide) *Bulk { return &Bulk{list: list, decide: decide} }

// Digest stands for all that a person goes by who agrees to the item's suggestion.
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
	out := page.Page[Previewed]{Next: items.Next, Total: items.Total}
	for _, item := range items.Items {
		previewed, err := b.preview(ctx, item, by)
		if err != nil {
			return page.Page[Previewed]{}, err
		}
		out.Items = append(out.Items, previewed)
	}
	return out, nil
}

func (b *Bulk) preview(ctx context.Context, item DecidedItem, by string) (Previewed, error) {
	digest, err := item.Digest()
	if err != nil {
		return Previewed{}, err
	}
	previewed := Previewed{DecidedItem: item, Digest: digest}
	err = b.decide.check(ctx, item, item.suggested("", by))
	if refused(err) && errors.As(err, &previewed.Refused) {
		return previewed, nil
	}
	return previewed, err
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
// the preview showed. What becomes of one keeps no other from being done, but once a part
// cannot be reached the rest is left as it is. errs.Invalid where a dismissal has no
// reason, or an item is named twice.
func (b *Bulk) Do(ctx context.Context, action Action, note, by string, items []ToDecide) ([]ItemOutcome, error) {
	if action == Dismiss && note == "" {
		return nil, errs.New(errs.Invalid, reason.InvalidArgument, "Say why the items are dismissed.", errs.WithViolation("reason", "is empty"))
	}
	seen := map[string]bool{}
	for n, item := range items {
		if seen[item.ItemID] {
			return nil, errs.New(errs.Invalid, reason.InvalidArgument, "An item is named twice.",
				errs.WithViolation(fmt.Sprintf("items[%d].itemId", n), "is named twice"))
		}
		seen[item.ItemID] = true
	}
	outcomes := make([]ItemOutcome, len(items))
	var away *errs.Error
	for n, item := range items {
		outcomes[n] = ItemOutcome{ItemID: item.ItemID, Outcome: OutcomeSkipped, Err: away}
		if away != nil {
			continue
		}
		decided, err := b.one(ctx, action, note, by, item)
		outcomes[n] = outcomeOf(item.ItemID, decided, err)
		if outcomes[n].Outcome == OutcomeStored || outcomes[n].Outcome == OutcomeSkipped {
			away = outcomes[n].Err
		}
	}
	return outcomes, nil
}

func (b *Bulk) one(ctx context.Context, action Action, note, by string, as ToDecide) (DecidedItem, error) {
	item, err := b.decide.store.Item(ctx, as.ItemID)
	if err != nil {
		return DecidedItem{}, err
	}
	digest, err := item.Digest()
	switch {
	case err != nil:
		return DecidedItem{}, err
	case digest != as.Digest:
		return DecidedItem{}, errs.New(errs.Conflict, reason.ItemChanged, reason.Text(reason.ItemChanged), item.state()...)
	case item.Suggestion == nil || item.Suggestion.Action != action:
		return DecidedItem{}, errs.New(errs.Conflict, reason.NotSuggested, reason.Text(reason.NotSuggested))
	}
	return b.decide.Do(ctx, as.ItemID, item.suggested(note, by))
}

func outcomeOf(id string, item DecidedItem, err error) ItemOutcome {
	out := ItemOutcome{ItemID: id, Outcome: OutcomeDone, Item: item}
	if err == nil {
		return out
	}
	out.Outcome = OutcomeSkipped
	if !errors.As(err, &out.Err) {
		out.Err = errs.Wrap(err, errs.Internal, reason.Internal, reason.Text(reason.Internal))
	}
	switch {
	case refused(err):
		out.Outcome = OutcomeRefused
	case out.Err.Reason() == reason.DecisionStored:
		out.Outcome = OutcomeStored
	}
	return out
}
