package reconciliation

import "context"

// Person is what a person is known by.
type Person struct {
	ContactIDs, ObjectIDs []string
	Texts                 []string // object ids, sign-in names and addresses, in lower case
}

// PersonRecord is one stored record about a person.
type PersonRecord struct {
	Table string
	JSON  []byte // an object
}

// PersonStore keeps what is known about people.
type PersonStore interface {
	PersonRecords(ctx context.Context, p Person) ([]PersonRecord, error)
	// ErasePerson erases items and decisions about the person, and the person from items of
	// others; it counts the deleted records, by table.
	ErasePerson(ctx context.Context, p Person) (map[string]int64, error)
}

// People shows and erases, on request, what the queue stores about one person.
type People struct{ store PersonStore }

// NewPeople makes the use cases.
func NewPeople(store PersonStore) *People { return &People{store: store} }

// Export returns all records about the person.
func (u *People) Export(ctx context.Context, p Person) ([]PersonRecord, error) {
	return u.store.PersonRecords(ctx, p)
}

// Erase erases them. Done again, it finds nothing.
func (u *People) Erase(ctx context.Context, p Person) (map[string]int64, error) {
	return u.store.ErasePerson(ctx, p)
}
