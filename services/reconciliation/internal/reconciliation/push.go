package reconciliation

import (
	"context"
	"fmt"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// NewItem is a sighting with the id it gets should it become an item.
type NewItem struct {
	ID string
	Sighting
}

// Pusher stores sightings.
type Pusher interface {
	// Push opens or refreshes an item for each of the given identities, which are all different,
	// except those that a person has decided on the same facts, dismissed or, since the round began,
	// resolved: it closes their open items as superseded and returns their object ids.
	Push(ctx context.Context, round Round, items []NewItem, now time.Time) (decided []string, err error)
}

// Pushed is the result of a push.
type Pushed struct {
	Open    int      // items that stand open after it, new and refreshed
	Decided []string // object ids that a person has decided on the same facts
}

// Push is the use case of storing what a round could not decide.
type Push struct {
	store Pusher
	newID func() string
	now   func() time.Time
}

// NewPush makes the use case; newID gives a UUID of version 7.
func NewPush(store Pusher, newID func() string, now func() time.Time) *Push {
	return &Push{store: store, newID: newID, now: now}
}

// Do stores the sightings. The same push again changes nothing. An identity that is named twice
// is refused: errs.Invalid, reason "duplicate_identity".
func (p *Push) Do(ctx context.Context, round Round, sightings []Sighting) (Pushed, error) {
	if len(sightings) == 0 {
		return Pushed{}, nil
	}
	items := make([]NewItem, 0, len(sightings))
	seen := make(map[string]bool, len(sightings))
	for i, s := range sightings {
		if seen[s.EntraObjectID] {
			return Pushed{}, errs.Of(reason.DuplicateIdentity, errs.WithViolation(fmt.Sprintf("items[%d].entraObjectId", i), "is named twice"))
		}
		seen[s.EntraObjectID] = true
		items = append(items, NewItem{ID: p.newID(), Sighting: s})
	}
	decided, err := p.store.Push(ctx, round, items, p.now())
	if err != nil {
		return Pushed{}, fmt.Errorf("pushing items: %w", err)
	}
	return Pushed{Open: len(items) - len(decided), Decided: decided}, nil
}
