package syncengine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// PersonSubject says who is meant; one field is not empty.
type PersonSubject struct{ ContactID, Email, ObjectID string }

// Person is what somebody is known by.
type Person struct {
	Contacts   []PersonContact  `json:"contacts"`
	Identities []PersonIdentity `json:"identities"`
	// Normalised addresses and sign-in names that no other contact has.
	Addresses []string `json:"addresses"`
}

// PersonContact is a contact that is the person.
type PersonContact struct {
	ID       string `json:"id"`
	ClientID string `json:"clientId"`
	FullName string `json:"-"`
	Email    string `json:"-"`
}

// PersonIdentity is an identity that is the person.
type PersonIdentity struct {
	EntraTenantID     string `json:"entraTenantId"` // empty where no directory is known to have it
	ObjectID          string `json:"objectId"`
	UserPrincipalName string `json:"-"`
}

// PersonRecord is one stored record about a person.
type PersonRecord struct {
	Source string // service and table
	JSON   []byte // an object
}

// contactIDs, objectIDs and texts are what records about the person are found by.
func (p *Person) contactIDs() []string {
	ids := make([]string, len(p.Contacts))
	for i := range p.Contacts {
		ids[i] = p.Contacts[i].ID
	}
	return ids
}

func (p *Person) objectIDs() []string {
	ids := make([]string, len(p.Identities))
	for i := range p.Identities {
		ids[i] = p.Identities[i].ObjectID
	}
	return ids
}

func (p *Person) texts() []string {
	texts := slices.Clone(p.Addresses)
	for _, id := range p.objectIDs() {
		texts = append(texts, strings.ToLower(id))
	}
	return texts
}

// Keys are the ids of contacts and identities, and the texts, by which records about
// the person are found.
func (p *Person) Keys() (contactIDs, objectIDs, texts []string) {
	return p.contactIDs(), p.objectIDs(), p.texts()
}

// digest names the contacts and identities, in whatever order they were found.
func (p *Person) digest() string {
	contacts, objects := p.contactIDs(), p.objectIDs()
	slices.Sort(contacts)
	slices.Sort(objects)
	sum := sha256.Sum256([]byte(strings.Join(contacts, " ") + "\n" + strings.Join(objects, " ")))
	return hex.EncodeToString(sum[:16])
}

// PersonStore finds what is stored about people.
type PersonStore interface {
	// FindPerson finds by a subject whose address is normalised. ErrUnknownContact.
	FindPerson(ctx context.Context, subject PersonSubject) (Person, error)
	// PersonRecords are all records about the person, by table.
	PersonRecords(ctx context.Context, p *Person) ([]PersonRecord, error)
}

// PersonQueue is what the queue stores about people.
type PersonQueue interface {
	PersonRecords(ctx context.Context, p *Person) ([]PersonRecord, error)
	// ErasePerson erases it and returns how many records went, by table. Done again, it
	// finds nothing.
	ErasePerson(ctx context.Context, p *Person) (map[string]int, error)
}

var errNoAddress = errs.Of(reason.InvalidArgument, errs.WithViolation("subject.email", "is not an address"))

// normalised brings the subject in the form in which things are stored.
func (s PersonSubject) normalised() (PersonSubject, error) {
	s.ContactID = strings.TrimSpace(s.ContactID)
	if s.ObjectID = strings.TrimSpace(s.ObjectID); objectIDForm.MatchString(s.ObjectID) {
		s.ObjectID = strings.ToLower(s.ObjectID)
	}
	if s.Email == "" {
		return s, nil
	}
	address, ok := NormaliseAddress(s.Email)
	if !ok {
		return s, errNoAddress
	}
	s.Email = address
	return s, nil
}

// ExportPerson shows all that is stored about one person.
type ExportPerson struct {
	store PersonStore
	queue PersonQueue
}

// NewExportPerson wires the use case.
func NewExportPerson(store PersonStore, queue PersonQueue) *ExportPerson {
	return &ExportPerson{store: store, queue: queue}
}

// Do returns who is meant, all records about the person, and the digest that ErasePerson
// asks for. ErrUnknownContact.
func (e *ExportPerson) Do(ctx context.Context, subject PersonSubject) (p Person, records []PersonRecord, digest string, err error) {
	if subject, err = subject.normalised(); err != nil {
		return p, nil, "", err
	}
	if p, err = e.store.FindPerson(ctx, subject); err != nil {
		return p, nil, "", err
	}
	if records, err = e.store.PersonRecords(ctx, &p); err != nil {
		return p, nil, "", err
	}
	queued, err := e.queue.PersonRecords(ctx, &p)
	return p, append(records, queued...), p.digest(), err
}
