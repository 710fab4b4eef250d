package reconciliation

import "context"

// PersonEraser erases what is stored about people.
type PersonEraser interface {
	// ErasePerson erases items and decisions about the person, and the person from items of
	// others; it counts the deleted records, by table.
	ErasePerson(ctx context.Context, p Person) (map[string]int64, error)
}

// ErasePerson is the use case of erasing, on request, what the queue stores about one person.
type ErasePerson struct{ store PersonEraser }

// NewErasePerson makes the use case.
func NewErasePerson(store PersonEraser) *ErasePerson { return &ErasePerson{store: store} }

// Do erases it. Done again, it finds nothing.
func (e *ErasePerson) Do(ctx context.Context, p Person) (map[string]int64, error) {
	return e.store.ErasePerson(ctx, p)
}
