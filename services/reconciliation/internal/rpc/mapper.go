package rpc

import (
	"github.com/entrasync/entrasync/pkg/rpc/wire"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

func toSighting(m *reconciliationv1.PushedItem) reconciliation.Sighting {
	s := reconciliation.Sighting{
		EntraObjectID: m.GetEntraObjectId(), UserPrincipalName: m.GetUserPrincipalName(), DisplayName: m.GetDisplayName(),
		Email: m.GetEmail(), Reason: reconciliation.Reason(m.GetReason()), Fingerprint: m.GetFingerprint(),
		Phone: m.GetPhone(), Role: m.GetRole(), AccountEnabled: m.AccountEnabled,
	}
	for _, c := range m.GetCandidates() {
		s.Candidates = append(s.Candidates, reconciliation.Candidate{
			ContactID: c.GetContactId(), FullName: c.GetFullName(), Email: c.GetEmail(), Inactive: c.GetInactive(), LinkedTo: c.GetLinkedTo(),
		})
	}
	return s
}

func toMessage(item reconciliation.Item) *reconciliationv1.QueueItem {
	m := &reconciliationv1.QueueItem{
		ItemId: item.ID, ManagedTenantId: item.ManagedTenantID, EntraTenantId: item.EntraTenantID, EntraObjectId: item.EntraObjectID,
		UserPrincipalName: item.UserPrincipalName, DisplayName: item.DisplayName, Email: item.Email, ClientId: item.ClientID,
		Reason: string(item.Reason), Status: string(item.Status),
		CreatedAt: wire.NonZero(item.CreatedAt), LastSeenAt: wire.NonZero(item.LastSeenAt), DecidedAt: wire.NonZero(item.DecidedAt),
		DecidedBy: wire.Optional(item.DecidedBy), AccountEnabled: item.AccountEnabled,
	}
	for _, c := range item.Candidates {
		m.Candidates = append(m.Candidates, &reconciliationv1.Candidate{
			ContactId: c.ContactID, FullName: c.FullName, Email: c.Email, Inactive: c.Inactive, LinkedTo: wire.Optional(c.LinkedTo),
		})
	}
	return m
}
