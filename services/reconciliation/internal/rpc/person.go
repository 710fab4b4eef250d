package rpc

import (
	"context"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// PersonServer serves PersonInternalService.
type PersonServer struct {
	reconciliationv1.UnimplementedPersonInternalServiceServer
	people *reconciliation.People
}

// NewPersonServer makes the server.
func NewPersonServer(people *reconciliation.People) *PersonServer {
	return &PersonServer{people: people}
}

func personOf(m *reconciliationv1.Person) reconciliation.Person {
	return reconciliation.Person{ContactIDs: m.GetContactIds(), ObjectIDs: m.GetEntraObjectIds(), Texts: m.GetTexts()}
}

// ExportQueuedPerson returns what is stored about a person.
func (s *PersonServer) ExportQueuedPerson(ctx context.Context, req *reconciliationv1.ExportQueuedPersonRequest) (*reconciliationv1.ExportQueuedPersonResponse, error) {
	records, err := s.people.Export(ctx, personOf(req.GetPerson()))
	if err != nil {
		return nil, err
	}
	answer := &reconciliationv1.ExportQueuedPersonResponse{}
	for _, record := range records {
		answer.Records = append(answer.Records, &reconciliationv1.StoredRecord{Table: record.Table, Json: string(record.JSON)})
	}
	return answer, nil
}

// EraseQueuedPerson erases it.
func (s *PersonServer) EraseQueuedPerson(ctx context.Context, req *reconciliationv1.EraseQueuedPersonRequest) (*reconciliationv1.EraseQueuedPersonResponse, error) {
	erased, err := s.people.Erase(ctx, personOf(req.GetPerson()))
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.EraseQueuedPersonResponse{Erased: erased}, nil
}
