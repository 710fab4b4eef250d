package reconciliation

import "context"

// PersonReader reads what is stored about people.
type PersonReader interface {
	PersonRecords(ctx context.Context, p Person) ([]PersonRecord, error)
}

// ExportPerson is the use case of showing, on request, what the queue stores about one person.
type ExportPerson struct{ store PersonReader }

// NewExportPerson makes the use case.
func NewExportPerson(store PersonReader) *ExportPerson { return &ExportPerson{store: store} }

// Do returns all records about the person.
func (e *ExportPerson) Do(ctx context.Context, p Person) ([]PersonRecord, error) {
	return e.store.PersonRecords(ctx, p)
}
