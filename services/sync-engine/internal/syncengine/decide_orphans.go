package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// What a person decides about orphaned links.
const (
	// DecisionRelink gives each link to a contact of the client that is mapped now,
	// found or made by the ordinary rules.
	DecisionRelink = "relink"
	// DecisionLeave ends the links: the identities are new to whichever client is
	// mapped, and the old contacts stay where they are.
	DecisionLeave = "leave"
)

// orphanPage is how many orphaned links are read in one go.
const orphanPage = RangeSize

// OrphanDecision is what a person decided about all orphaned links of a directory.
type OrphanDecision struct {
	ID        string // a UUID, the idempotency key
	Mapping   MappingRevision
	Decision  string
	DecidedBy string // the person, by id
}

// OrphanResult is what a decision came to.
type OrphanResult struct {
	Relinked  int // links that point to a contact of the new client now
	Created   int // of those, the ones whose contact was made for it
	Left      int // links that ended
	Ambiguous int // identities that stand in the queue
	Orphaned  int // links of the directory that are orphaned still
}

// Orphan is a link to be relinked, with what its contact tells of the person.
type Orphan struct {
	ObjectID                     string
	FullName, Email, Phone, Role string
	UserPrincipalName            string // empty when not known
	Enabled                      *bool
}

// Orphans are a directory's orphaned links while a decision about them is done.
// They hold the locks of a round until Release and serve one goroutine.
type Orphans interface {
	// PartNext goes through the next range in one transaction. Links that end by
	// the decision do so; the others are marked, and rounds of the client count
	// their identities as not linked from then on.
	PartNext(ctx context.Context) (done bool, err error)
	// Page lists links that are marked, in order, after an identity.
	Page(ctx context.Context, after string, limit int) ([]Orphan, error)
	Stage(ctx context.Context, identities []Identity) error
	// Decide plans all that is staged against the state as it stands.
	Decide(ctx context.Context, rules Rules) error
	// ApplyNext relinks the next range in one transaction.
	ApplyNext(ctx context.Context, rules Rules) (applied int, done bool, err error)
	// Queue lists identities for a person after a number, in order.
	Queue(ctx context.Context, after, limit int) ([]QueueItem, error)
	// Close records the result, over all attempts, once.
	Close(ctx context.Context, ambiguous int, now time.Time) (OrphanResult, error)
	Release()
}

// OrphanStore keeps decisions about orphaned links.
type OrphanStore interface {
	Settings(ctx context.Context, now time.Time) (Settings, error)
	// Decision is the result of a decision that was done; false while it is not.
	// errs.Conflict, reason decision_differs, when the id stands for another one.
	Decision(ctx context.Context, d OrphanDecision) (OrphanResult, bool, error)
	// OpenOrphans records the decision, waits for the directory and the client as
	// MappingFollower does, and has the links follow the decision's mapping first.
	// ErrMappingChanged when a later one is known.
	OpenOrphans(ctx context.Context, d OrphanDecision, now time.Time) (Orphans, error)
}

var (
	errNoClient = errs.New(errs.Precondition, "not_mapped", "No client is mapped that the links could be given to.")
	// ErrDecisionDiffers tells of an id that was used twice.
	ErrDecisionDiffers = errs.New(errs.Conflict, "decision_differs", "Another decision has this id.")
)

// DecideOrphans does what a person decided about orphaned links.
type DecideOrphans struct {
	store   OrphanStore
	mapping RoundMapping
	queue   Queue
	now     func() time.Time
}

// NewDecideOrphans wires the use case.
func NewDecideOrphans(store OrphanStore, mapping RoundMapping, queue Queue, now func() time.Time) *DecideOrphans {
	return &DecideOrphans{store: store, mapping: mapping, queue: queue, now: now}
}

// Do does the decision; done before, it answers the same. A crash at any point is
// mended by doing it again: what was written stays and counts once.
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
	orphans, err := d.store.OpenOrphans(ctx, decision, d.now())
	if err != nil {
		return OrphanResult{}, err
	}
	defer orphans.Release()
	if err := d.each(ctx, decision, orphans.PartNext); err != nil {
		return OrphanResult{}, err
	}
	ambiguous := 0
	if decision.Decision == DecisionRelink {
		if ambiguous, err = d.relink(ctx, decision, orphans); err != nil {
			return OrphanResult{}, err
		}
	}
	return orphans.Close(ctx, ambiguous, d.now())
}

// each does one range after the other and stops where the mapping moved.
func (d *DecideOrphans) each(ctx context.Context, decision OrphanDecision, next func(ctx context.Context) (bool, error)) error {
	for {
		if err := checkMapping(ctx, d.mapping, decision.Mapping); err != nil {
			return err
		}
		if done, err := next(ctx); err != nil || done {
			return err
		}
	}
}

// relink decides about the links that are marked as a round would: each is an
// identity that has no link yet.
func (d *DecideOrphans) relink(ctx context.Context, decision OrphanDecision, orphans Orphans) (ambiguous int, err error) {
	settings, err := d.store.Settings(ctx, d.now())
	if err != nil {
		return 0, err
	}
	rules := Rules{Settings: settings, Now: d.now()}
	for after := ""; ; {
		page, err := orphans.Page(ctx, after, orphanPage)
		if err != nil {
			return 0, err
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].ObjectID
		identities := make([]Identity, len(page))
		for i := range page {
			identities[i] = page[i].identity()
		}
		if err := orphans.Stage(ctx, identities); err != nil {
			return 0, err
		}
	}
	if err := orphans.Decide(ctx, rules); err != nil {
		return 0, err
	}
	err = d.each(ctx, decision, func(ctx context.Context) (bool, error) {
		_, done, err := orphans.ApplyNext(ctx, rules)
		return done, err
	})
	if err != nil {
		return 0, err
	}
	open, err := pushAll(ctx, orphans, d.queue, PushedItems{RunID: decision.ID, Mapping: decision.Mapping}, func() error { return nil })
	return sum(open), err
}

// identity is the person as the old contact tells. Its address stands where the
// directory's own would: it is what the link was found by, or made with.
func (o *Orphan) identity() Identity {
	email, _ := NormaliseAddress(o.Email)
	upn, _ := NormaliseAddress(o.UserPrincipalName)
	id := Identity{
		ObjectID: o.ObjectID, UserPrincipalName: o.UserPrincipalName, Enabled: o.Enabled, FullName: o.FullName, NameKey: NameKey(o.FullName),
		Phone: o.Phone, Role: o.Role,
	}
	switch {
	case email != "":
		id.Email, id.EmailNorm = o.Email, email
	case upn != "":
		id.Email, id.EmailNorm = o.UserPrincipalName, upn
	}
	for _, address := range []string{email, upn} {
		if address != "" && (len(id.Addresses) == 0 || id.Addresses[0] != address) {
			id.Addresses = append(id.Addresses, address)
		}
	}
	return id
}
