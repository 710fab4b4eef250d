package reconciliation

import (
	"context"

	"google.golang.org/grpc"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// sourcePrefix names the service before a table.
const sourcePrefix = "reconciliation."

// People are what the queue stores about people.
type People struct {
	people reconciliationv1.PersonInternalServiceClient
}

// NewPeople makes a client on a connection to the reconciliation service.
func NewPeople(conn grpc.ClientConnInterface) *People {
	return &People{people: reconciliationv1.NewPersonInternalServiceClient(conn)}
}

func personOf(p *syncengine.Person) *reconciliationv1.Person {
	contacts, objects, texts := p.Keys()
	return &reconciliationv1.Person{ContactIds: contacts, EntraObjectIds: objects, Texts: texts}
}

// PersonRecords implements syncengine.PersonQueue.
func (c *People) PersonRecords(ctx context.Context, p *syncengine.Person) ([]syncengine.PersonRecord, error) {
	answer, err := c.people.ExportQueuedPerson(ctx, &reconciliationv1.ExportQueuedPersonRequest{Person: personOf(p)})
	records := make([]syncengine.PersonRecord, len(answer.GetRecords()))
	for i, record := range answer.GetRecords() {
		records[i] = syncengine.PersonRecord{Source: sourcePrefix + record.GetTable(), JSON: []byte(record.GetJson())}
	}
	return records, err
}

// ErasePerson implements syncengine.PersonQueue.
func (c *People) ErasePerson(ctx context.Context, p *syncengine.Person) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.people.EraseQueuedPerson(ctx, &reconciliationv1.EraseQueuedPersonRequest{Person: personOf(p)})
	erased := map[string]int{}
	for table, n := range answer.GetErased() {
		erased[sourcePrefix+table] = int(n)
	}
	return erased, err
}
