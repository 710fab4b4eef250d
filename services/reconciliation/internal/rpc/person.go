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

// ExportPerson returns what is stored about a person.
func (s *PersonServer) ExportPerson(ctx context.Context, req *reconciliationv1.ExportPersonRequest) (*reconciliationv1.ExportPersonResponse, error) {
	records, err := s.people.Export(ctx, personOf(req.GetPerson()))
	if err != nil {
		return nil, err
	}
	answer := &reconciliationv1.ExportPersonResponse{}
	for _, record := range records {
		answer.Records = append(answer.Records, &reconciliationv1.StoredRecord{Table: record.Table, Json: string(record.JSON)})
	}
	return answer, nil
}

// ErasePerson erases it.
func (s *PersonServer) ErasePerson(ctx context.Context, req *reconciliationv1.ErasePersonRequest) (*reconciliationv1.ErasePersonResponse, error) {
	erased, err := s.people.Erase(ctx, personOf(req.GetPerson()))
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.ErasePersonResponse{Erased: erased}, nil
}
