package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
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
	filters := []string{"contacts", req.GetQ(), req.GetClientId(), req.GetEntra(), req.GetStatus()}
	var err error
	if page.After, err = positionOf(req.GetPageToken(), filters...); err != nil {
		return nil, err
	}
	var cursor *string
	if page.After == nil {
		at, err := s.cases.Contacts.FeedCursor(ctx)
		if err != nil {
			return nil, err
		}
		cursor = &at
	}
	contacts, next, total, err := s.cases.Contacts.Do(ctx, req.GetQ(), page)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListContactsResponse{
		Contacts: make([]*syncenginev1.Contact, len(contacts)), NextPageToken: tokenOf(next, filters...), TotalSize: totalOf(min(total, syncengine.MostOf(req.GetQ()))),
		TotalSizeIsMinimum: total > syncengine.MostOf(req.GetQ()), ChangesCursor: cursor,
	}
	for i := range contacts {
		answer.Contacts[i] = contactMessage(&contacts[i])
	}
	return answer, nil
}

func (s *contactServer) BatchUpsertContacts(ctx context.Context, req *syncenginev1.BatchUpsertContactsRequest) (*syncenginev1.BatchUpsertContactsResponse, error) {
	records := make([]syncengine.ContactRecord, len(req.GetContacts()))
	for i, r := range req.GetContacts() {
		records[i] = syncengine.ContactRecord{
			ID: r.Id, ExternalID: r.ExternalId, ClientID: r.ClientId, ClientExternalID: r.ClientExternalId, FullName: r.GetFullName(), // absent differs from empty
			Email: r.Email, Phone: r.Phone, Role: r.Role, Inactive: r.Inactive, Deleted: r.Deleted, Version: r.Version, // absent differs from empty
		}
	}
	results, err := s.cases.Batch.Do(ctx, records)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.BatchUpsertContactsResponse{Results: make([]*syncenginev1.ContactResult, len(results))}
	for i, r := range results {
		m := &syncenginev1.ContactResult{Index: int32(i), Id: r.ID, ExternalId: r.ExternalID, Outcome: r.Outcome} // at most 5,000
		for _, v := range r.Violations {
			m.Violations = append(m.Violations, &syncenginev1.ContactViolation{Field: v.Field, Message: v.Message})
		}
		for _, w := range r.Warnings {
			m.Warnings = append(m.Warnings, &syncenginev1.ContactWarning{Field: w.Field, Message: w.Message})
		}
		if r.Version > 0 {
			m.Version = &r.Version
		}
		answer.Results[i] = m
	}
	return answer, nil
}

func contactMessage(c *syncengine.Contact) *syncenginev1.Contact {
	m := &syncenginev1.Contact{
		Id: c.ID, ClientId: c.ClientID, FullName: c.FullName, Email: c.Email, Phone: c.Phone, Role: c.Role, SignInName: c.SignInName, Inactive: c.Inactive,
		EntraObjectId: c.EntraObjectID, EntraTenantId: c.EntraTenantID, EntraSyncSource: c.SyncSource, LastEntraSyncAt: wire.Timestamp(c.LastSyncAt),
		EntraUserPrincipalName: c.UPN, EntraAccountEnabled: c.AccountEnabled, EntraSyncStatus: c.SyncStatus,
		EntraSyncStatusReason: c.SyncReason, LinkStatus: c.LinkStatus, Version: c.Version, Deleted: c.Deleted,
	}
	if c.ExternalID != "" {
		m.ExternalId = &c.ExternalID
	}
	return m
}
