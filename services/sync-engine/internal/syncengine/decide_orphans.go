package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// What a person decides about orphaned links.
const (
	// DecisionRelink has each link go to a contact of the client that is mapped now,
	// found or made by the ordinary rules of a round.
	DecisionRelink = "relink"
	// DecisionLeave ends the links: the identities are new to whichever client is
	// mapped, and the old contacts stay where they are.
	DecisionLeave = "leave"
)

// OrphanDecision is what a person decided about all orphaned links of a directory.
type OrphanDecision struct {
	ID        string // a UUID, the idempotency key
	Mapping   MappingRevision
	Decision  string
	DecidedBy string // the person, by id
}

// OrphanResult is what a decision came to.
type OrphanResult struct {
	Relinking int // links that the directory's next rounds give to contacts of the new client
	Left      int // links that ended
	Orphaned  int // links of the directory that nobody has decided about
}

// Orphans are a directory's orphaned links while a decision about them is done.
// They hold the locks of a round until Release and serve one goroutine.
type Orphans interface {
	// Next does what was decided with the next range, in one transaction.
	Next(ctx context.Context) (done bool, err error)
	// Close records the result, over all attempts, once.
	Close(ctx context.Context, now time.Time) (OrphanResult, error)
	Release()
}

// OrphanStore keeps decisions about orphaned links.
type OrphanStore interface {
	// Decision is the result of a decision that was done; false while it is not.
	// errs.Conflict, reason decision_differs, when the id stands for another one.
	Decision(ctx context.Context, d OrphanDecision) (OrphanResult, bool, error)
	// OpenOrphans waits for the directory and the client as RevisionStore does, applies
	// the decision's mapping revision to the links and records the decision.
	// ErrMappingChanged when a later revision is known.
	OpenOrphans(ctx context.Context, d OrphanDecision, now func() time.Time) (Orphans, error)
}

var (
	errNoClient = errs.New(errs.Precondition, reason.NotMapped, "No client is mapped that the links could be given to.")
	// ErrDecisionDiffers refuses an id that stands for another decision.
	ErrDecisionDiffers = errs.Of(reason.DecisionDiffers)
)

// DecideOrphans does what a person decided about orphaned links. Links that end do
// so at once. Links that are to be relinked are marked: the directory's next round
// counts their identities as not linked and finds or makes contacts of the new
// client by what the directory says of them, as it does for everybody.
type DecideOrphans struct {
	store   OrphanStore
	mapping RoundMapping
	now     func() time.Time
}

// NewDecideOrphans wires the use case.
func NewDecideOrphans(store OrphanStore, mapping RoundMapping, now func() time.Time) *DecideOrphans {
	return &DecideOrphans{store: store, mapping: mapping, now: now}
}

// Do does the decision; done before, it answers the same. After a crash at any point,
// calling it again completes it: what was written stays and counts once.
func (d *DecideOrphans) Do(ctx context.Context, decision OrphanDecision) (OrphanResult, error) {
	if decision.Decision == DecisionRelink && decision.Mapping.ClientID == "" {
		return OrphanResult{}, errNoClient
	}
	result, done, err := d.store.Decision(ctx, decision)
	if err != nil || done {
		return result, err
	}
	if err := checkMapping(ctx, d.mapping, decision.Mapping); err != nil {
		return OrphanResult{}, err
	}
	orphans, err := d.store.OpenOrphans(ctx, decision, d.now)
	if err != nil {
		return OrphanResult{}, err
	}
	defer orphans.Release()
	for done := false; !done; {
		if done, err = orphans.Next(ctx); err != nil {
			return OrphanResult{}, err
		}
		if err := checkMapping(ctx, d.mapping, decision.Mapping); err != nil {
			return OrphanResult{}, err
		}
	}
	return orphans.Close(ctx, d.now())
}
