package syncengine

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// eraseAfter is how long an erasure may take before somebody else finishes it.
const eraseAfter = 30 * time.Second

// Failures of erasures.
var (
	ErrPersonDiffers  = errs.Of(reason.PersonDiffers)
	ErrUnknownErasure = errs.New(errs.NotFound, reason.NotFound, "There is no such erasure.")
	ErrErasurePending = errs.Of(reason.ErasurePending)
	ErrPersonErased   = errs.Of(reason.PersonErased)
)

// Erasure is that a person was erased; it does not say who.
type Erasure struct {
	ID, RequestedBy, Reference string
	RequestedAt                time.Time
	CompletedAt, LiftedAt      *time.Time     // nil before
	Erased                     map[string]int // records that went or were changed, by table
}

// ErasureStore erases people.
type ErasureStore interface {
	PersonStore
	TicketStore
	// BeginErasure stores what is to be erased and the marks, by which no round that is
	// opened from then on takes the person, and has it finished unless it ends before.
	BeginErasure(ctx context.Context, e Erasure, p *Person, marks [][]byte, finishAfter time.Duration) error
	// OpenErasure takes the locks of the person's clients, so that no round is under way
	// that knows the person; errs.Unavailable, reason round_in_progress, where one has
	// them for long. Nil with the erasure where it was done. ErrUnknownErasure.
	OpenErasure(ctx context.Context, id string) (Erasing, Erasure, error)
}

// Erasing is an erasure under way, on a connection that holds locks.
type Erasing interface {
	Person() *Person
	// Erase erases in one transaction with the feed's entries and the end of the erasure.
	Erase(ctx context.Context, elsewhere map[string]int, now time.Time) (Erasure, error)
	Release()
}

// ErasePerson erases one person on request: here, and what the queue stores. After a
// crash at any point, finishing the erasure completes it.
type ErasePerson struct {
	store ErasureStore
	queue PersonQueue
	newID func() string
	now   func() time.Time
}

// NewErasePerson wires the use case; newID gives a UUID of version 7.
func NewErasePerson(store ErasureStore, queue PersonQueue, newID func() string, now func() time.Time) *ErasePerson {
	return &ErasePerson{store: store, queue: queue, newID: newID, now: now}
}

// Do erases the person whom the digest names, and returns the erasure; it is not
// completed where a round has one of the person's clients, and is finished after it.
// ErrUnknownContact, ErrPersonDiffers.
func (e *ErasePerson) Do(ctx context.Context, subject PersonSubject, digest, requestedBy, reference string) (Erasure, error) {
	subject, err := subject.normalised()
	if err != nil {
		return Erasure{}, err
	}
	p, err := e.store.FindPerson(ctx, subject)
	if err != nil {
		return Erasure{}, err
	}
	if p.digest() != digest {
		return Erasure{}, ErrPersonDiffers
	}
	fresh := make([]byte, ticketKeyBytes)
	_, _ = rand.Read(fresh) // never fails
	key, err := e.store.TicketKey(ctx, fresh, e.now())
	if err != nil {
		return Erasure{}, err
	}
	begun := Erasure{ID: e.newID(), RequestedBy: requestedBy, Reference: reference, RequestedAt: e.now()}
	if err := e.store.BeginErasure(ctx, begun, &p, marksOf(key, &p), eraseAfter); err != nil {
		return Erasure{}, err
	}
	done, err := e.carryOut(ctx, begun.ID)
	switch errs.KindOf(err) {
	case errs.Unavailable, errs.Deadline, errs.Cancelled: // a round has the client, or something is away
		return begun, nil // it is stored, and finished later
	}
	return done, err
}

// Finish carries out an erasure that was stored; nothing happens where that was done.
func (e *ErasePerson) Finish(ctx context.Context, id string) error {
	_, err := e.carryOut(ctx, id)
	return err
}

// carryOut asks the queue first: with the locks no round is left that could push items
// about the person, and if it fails the person is still known here.
func (e *ErasePerson) carryOut(ctx context.Context, id string) (Erasure, error) {
	erasing, done, err := e.store.OpenErasure(ctx, id)
	if err != nil || erasing == nil {
		return done, err
	}
	defer erasing.Release()
	elsewhere, err := e.queue.ErasePerson(ctx, erasing.Person())
	if err != nil {
		return Erasure{}, err
	}
	return erasing.Erase(ctx, elsewhere, e.now())
}
