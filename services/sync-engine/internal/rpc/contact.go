package rpc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

type contactServer struct {
	syncenginev1.UnimplementedContactServiceServer
	cases UseCases
}

func (s *contactServer) ListContacts(ctx context.Context, req *syncenginev1.ListContactsRequest) (*syncenginev1.ListContactsResponse, error) {
	page := syncengine.ContactPage{
		Filter: syncengine.ContactFilter{ClientID: req.GetClientId(), Entra: req.GetEntra(), Status: req.GetStatus()},
		Size:   pageSize(req.GetPageSize()),
	}
	if req.GetPageToken() != "" {
		after, err := positionOf(req.GetPageToken())
		if err != nil {
			return nil, err
		}
		page.After = after
	}
	contacts, next, total, err := s.cases.Contacts.Do(ctx, req.GetQ(), page)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListContactsResponse{Contacts: make([]*syncenginev1.Contact, len(contacts)), TotalSize: totalOf(total)}
	for i := range contacts {
		answer.Contacts[i] = contactMessage(&contacts[i])
	}
	if next != nil {
		if answer.NextPageToken, err = tokenOf(next); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func (s *contactServer) GetContact(ctx context.Context, req *syncenginev1.GetContactRequest) (*syncenginev1.GetContactResponse, error) {
	contact, err := s.cases.Contacts.Get(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.GetContactResponse{Contact: contactMessage(&contact)}, nil
}

func (s *contactServer) BatchUpsertContacts(ctx context.Context, req *syncenginev1.BatchUpsertContactsRequest) (*syncenginev1.BatchUpsertContactsResponse, error) {
	records := make([]syncengine.ContactRecord, len(req.GetContacts()))
	for i, r := range req.GetContacts() {
		records[i] = syncengine.ContactRecord{
			ID: r.Id, ExternalID: r.ExternalId, ClientID: r.ClientId, ClientExternalID: r.ClientExternalId, FullName: r.GetFullName(), //nolint:protogetter // absent differs from empty
			Email: r.Email, Phone: r.Phone, Role: r.Role, Inactive: r.Inactive, Deleted: r.Deleted, //nolint:protogetter // absent differs from empty
		}
	}
	results, err := s.cases.Batch.Do(ctx, records)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.BatchUpsertContactsResponse{Results: make([]*syncenginev1.ContactResult, len(results))}
	for i, r := range results {
		m := &syncenginev1.ContactResult{Index: int32(i), Id: r.ID, ExternalId: r.ExternalID, Outcome: r.Outcome} //nolint:gosec // at most 5,000
		for _, v := range r.Violations {
			m.Violations = append(m.Violations, &syncenginev1.ContactViolation{Field: v.Field, Message: v.Message})
		}
		answer.Results[i] = m
	}
	return answer, nil
}

func contactMessage(c *syncengine.Contact) *syncenginev1.Contact {
	m := &syncenginev1.Contact{
		Id: c.ID, ClientId: c.ClientID, FullName: c.FullName, Email: c.Email, Phone: c.Phone, Role: c.Role, Inactive: c.Inactive,
		EntraObjectId: c.EntraObjectID, EntraTenantId: c.EntraTenantID, EntraSyncSource: c.SyncSource, LastEntraSyncAt: timestamp(c.LastSyncAt),
		EntraUserPrincipalName: c.UPN, EntraAccountEnabled: c.AccountEnabled, EntraSyncStatus: c.SyncStatus,
		EntraSyncStatusReason: c.SyncReason, LinkStatus: c.LinkStatus, Version: c.Version, Deleted: c.Deleted,
	}
	if c.ExternalID != "" {
		m.ExternalId = &c.ExternalID
	}
	return m
}

// tokenOf makes an opaque page token.
func tokenOf(position *syncengine.ContactPosition) (string, error) {
	text, err := json.Marshal(position)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// positionOf reads a page token that came from outside.
func positionOf(token string) (*syncengine.ContactPosition, error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, invalidToken()
	}
	var position syncengine.ContactPosition
	if err := json.Unmarshal(text, &position); err != nil || uuid.Validate(position.ID) != nil || !storable(position.NameKey) {
		return nil, invalidToken()
	}
	return &position, nil
}

func storable(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }

func invalidToken() error {
	return errs.New(errs.Invalid, "invalid_argument", "The page token is not one of ours.",
		errs.WithViolation("pageToken", "is not a token that a list gave"))
}
