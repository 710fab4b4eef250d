package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/rpc/wire"
	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// PersonCases are what the server of people's requests calls.
type PersonCases struct {
	Export   *syncengine.ExportPerson
	Erase    *syncengine.ErasePerson
	Erasures *syncengine.ListErasures
	Lift     *syncengine.LiftErasure
}

// RegisterPeople serves requests of people about their data.
func RegisterPeople(server grpc.ServiceRegistrar, cases PersonCases) {
	s := &personServer{cases: cases}
	syncenginev1.RegisterPersonServiceServer(server, s)
	syncenginev1.RegisterPersonInternalServiceServer(server, s)
}

type personServer struct {
	syncenginev1.UnimplementedPersonServiceServer
	syncenginev1.UnimplementedPersonInternalServiceServer
	cases PersonCases
}

func subjectOf(m *syncenginev1.PersonSubject) syncengine.PersonSubject {
	return syncengine.PersonSubject{ContactID: m.GetContactId(), Email: m.GetEmail(), ObjectID: m.GetEntraObjectId()}
}

func (s *personServer) ExportPerson(ctx context.Context, req *syncenginev1.ExportPersonRequest) (*syncenginev1.ExportPersonResponse, error) {
	person, records, digest, err := s.cases.Export.Do(ctx, subjectOf(req.GetSubject()))
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ExportPersonResponse{Digest: digest}
	for _, c := range person.Contacts {
		answer.Contacts = append(answer.Contacts, &syncenginev1.PersonContact{Id: c.ID, ClientId: c.ClientID, FullName: c.FullName, Email: c.Email})
	}
	for _, i := range person.Identities {
		answer.Identities = append(answer.Identities, &syncenginev1.PersonIdentity{
			EntraTenantId: i.EntraTenantID, EntraObjectId: i.ObjectID, UserPrincipalName: i.UserPrincipalName,
		})
	}
	for _, record := range records {
		m, err := recordMessage(record)
		if err != nil {
			return nil, err
		}
		answer.Records = append(answer.Records, m)
	}
	return answer, nil
}

// ownColumns are of the way records are stored, and say nothing about the person.
var ownColumns = []string{"tenant_id", "name_key", "email_norm", "content"}

func recordMessage(r syncengine.PersonRecord) (*syncenginev1.PersonRecord, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(r.JSON, &fields); err != nil {
		return nil, fmt.Errorf("reading a record of %s: %w", r.Source, err)
	}
	m := &syncenginev1.PersonRecord{Source: r.Source}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		if slices.Contains(ownColumns, name) || bytes.Equal(value, []byte("null")) {
			continue
		}
		text := string(value)
		if value[0] == '"' {
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, fmt.Errorf("reading a record of %s: %w", r.Source, err)
			}
		}
		m.Fields = append(m.Fields, &syncenginev1.PersonField{Name: name, Value: text})
	}
	return m, nil
}

func (s *personServer) ErasePerson(ctx context.Context, req *syncenginev1.ErasePersonRequest) (*syncenginev1.ErasePersonResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	erasure, err := s.cases.Erase.Do(ctx, subjectOf(req.GetSubject()), req.GetDigest(), call.Actor.ID, req.GetReference())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.ErasePersonResponse{Erasure: erasureMessage(&erasure)}, nil
}

func (s *personServer) ListErasures(ctx context.Context, req *syncenginev1.ListErasuresRequest) (*syncenginev1.ListErasuresResponse, error) {
	if token := req.GetPageToken(); token != "" && uuid.Validate(token) != nil {
		return nil, page.ErrToken
	}
	size := pageSize(req.GetPageSize())
	erasures, err := s.cases.Erasures.Do(ctx, req.GetPageToken(), size+1)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListErasuresResponse{}
	if len(erasures) > size {
		erasures = erasures[:size]
		answer.NextPageToken = erasures[size-1].ID
	}
	for i := range erasures {
		answer.Erasures = append(answer.Erasures, erasureMessage(&erasures[i]))
	}
	return answer, nil
}

func (s *personServer) LiftErasure(ctx context.Context, req *syncenginev1.LiftErasureRequest) (*syncenginev1.LiftErasureResponse, error) {
	erasure, err := s.cases.Lift.Do(ctx, req.GetErasureId())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.LiftErasureResponse{Erasure: erasureMessage(&erasure)}, nil
}

// FinishErasure serves PersonInternalService.
func (s *personServer) FinishErasure(ctx context.Context, req *syncenginev1.FinishErasureRequest) (*syncenginev1.FinishErasureResponse, error) {
	if err := s.cases.Erase.Finish(ctx, req.GetErasureId()); err != nil {
		return nil, err
	}
	return &syncenginev1.FinishErasureResponse{}, nil
}

func erasureMessage(e *syncengine.Erasure) *syncenginev1.Erasure {
	m := &syncenginev1.Erasure{
		ErasureId: e.ID, State: "done", Reference: e.Reference, RequestedBy: e.RequestedBy, RequestedAt: timestamppb.New(e.RequestedAt),
		CompletedAt: wire.Timestamp(e.CompletedAt), LiftedAt: wire.Timestamp(e.LiftedAt),
	}
	switch {
	case e.CompletedAt == nil:
		m.State = "pending"
	case e.LiftedAt != nil:
		m.State = "lifted"
	}
	for _, source := range slices.Sorted(maps.Keys(e.Erased)) {
		m.Erased = append(m.Erased, &syncenginev1.ErasedRecords{Source: source, Count: count(e.Erased[source])})
	}
	return m
}
