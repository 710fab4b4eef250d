package rpc

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

func toSighting(m *reconciliationv1.PushedItem) reconciliation.Sighting {
	s := reconciliation.Sighting{
		EntraObjectID: m.GetEntraObjectId(), UserPrincipalName: m.GetUserPrincipalName(), DisplayName: m.GetDisplayName(),
		Email: m.GetEmail(), Reason: reconciliation.Reason(m.GetReason()), Fingerprint: m.GetFingerprint(),
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
		CreatedAt: toTimestamp(item.CreatedAt), LastSeenAt: toTimestamp(item.LastSeenAt), DecidedAt: toTimestamp(item.DecidedAt),
		DecidedBy: optional(item.DecidedBy),
	}
	for _, c := range item.Candidates {
		m.Candidates = append(m.Candidates, &reconciliationv1.Candidate{
			ContactId: c.ContactID, FullName: c.FullName, Email: c.Email, Inactive: c.Inactive, LinkedTo: optional(c.LinkedTo),
		})
	}
	return m
}

// toTimestamp leaves a zero time out.
func toTimestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
