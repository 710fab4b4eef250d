package rpc

import (
	"context"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// PersonServer serves PersonInternalService.
type PersonServer struct {
	reconciliationv1.UnimplementedPersonInternalServiceServer
	export *reconciliation.ExportPerson
	erase  *reconciliation.ErasePerson
}

// NewPersonServer makes the server.
func NewPersonServer(export *reconciliation.ExportPerson, erase *reconciliation.ErasePerson) *PersonServer {
	return &PersonServer{export: export, erase: erase}
}

func personOf(m *reconciliationv1.Person) reconciliation.Person {
	return reconciliation.Person{ContactIDs: m.GetContactIds(), ObjectIDs: m.GetEntraObjectIds(), Texts: m.GetTexts()}
}

// ExportQueuedPerson returns what is stored about a person.
func (s *PersonServer) ExportQueuedPerson(ctx context.Context, req *reconciliationv1.ExportQueuedPersonRequest) (*reconciliationv1.ExportQueuedPersonResponse, error) {
	records, err := s.export.Do(ctx, personOf(req.GetPerson()))
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
	erased, err := s.erase.Do(ctx, personOf(req.GetPerson()))
	if err != nil {
		return nil, err
	}
	return &reconciliationv1.EraseQueuedPersonResponse{Erased: erased}, nil
}
