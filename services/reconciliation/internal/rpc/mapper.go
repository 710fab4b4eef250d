package rpc

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

func toSighting(m *reconciliationv1.PushedItem) reconciliation.Sighting {
	s := reconciliation.Sighting{
		EntraObjectID: m.GetEntraObjectId(), UserPrincipalName: m.GetUserPrincipalName(), DisplayName: m.GetDisplayName(),
		Email: m.GetEmail(), Reason: reconciliation.Reason(m.GetReason()), Fingerprint: m.GetFingerprint(),
		Phone: m.GetPhone(), Role: m.GetRole(),
		Account: reconciliation.Account{Enabled: m.AccountEnabled, Licences: numberOf(m.AssignedLicenceCount), UserType: m.GetUserType()},
	}
	for _, c := range m.GetCandidates() {
		candidate := reconciliation.Candidate{
			ContactID: c.GetContactId(), FullName: c.GetFullName(), Email: c.GetEmail(), Inactive: c.GetInactive(), LinkedTo: c.GetLinkedTo(),
		}
		if linked := c.GetLinkedIdentity(); linked != nil {
			candidate.Linked = &reconciliation.LinkedIdentity{
				State: reconciliation.LinkState(linked.GetState()), UserPrincipalName: linked.GetUserPrincipalName(),
			}
		}
		s.Candidates = append(s.Candidates, candidate)
	}
	for _, p := range m.GetPeers() {
		s.Peers = append(s.Peers, reconciliation.Peer{
			EntraObjectID: p.GetEntraObjectId(), UserPrincipalName: p.GetUserPrincipalName(), DisplayName: p.GetDisplayName(),
			Account: reconciliation.Account{Enabled: p.AccountEnabled, Licences: numberOf(p.AssignedLicenceCount), UserType: p.GetUserType()},
		})
	}
	return s
}

func numberOf(n *int32) *int {
	if n == nil {
		return nil
	}
	number := int(*n)
	return &number
}

func numberMessage(n *int) *int32 {
	if n == nil {
		return nil
	}
	number := int32(*n) // small
	return &number
}

// toMessage is an item with the decision that stands, or that is being carried out.
func toMessage(item reconciliation.DecidedItem) *reconciliationv1.QueueItem {
	m := &reconciliationv1.QueueItem{
		ItemId: item.ID, ManagedTenantId: item.ManagedTenantID, EntraTenantId: item.EntraTenantID, EntraObjectId: item.EntraObjectID,
		UserPrincipalName: item.UserPrincipalName, DisplayName: item.DisplayName, Email: item.Email, ClientId: item.ClientID,
		Reason: string(item.Reason), Status: string(item.Status),
		CreatedAt: timestamppb.New(item.CreatedAt), LastSeenAt: timestamppb.New(item.LastSeenAt), DecidedAt: wire.Timestamp(item.DecidedAt),
		DecidedBy: wire.Optional(item.DecidedBy), AccountEnabled: item.Enabled,
		AssignedLicenceCount: numberMessage(item.Licences), UserType: item.UserType,
	}
	for _, c := range item.Candidates {
		candidate := &reconciliationv1.Candidate{
			ContactId: c.ContactID, FullName: c.FullName, Email: c.Email, Inactive: c.Inactive, LinkedTo: wire.Optional(c.LinkedTo),
		}
		if c.Linked != nil {
			candidate.LinkedIdentity = &reconciliationv1.LinkedIdentity{State: string(c.Linked.State), UserPrincipalName: c.Linked.UserPrincipalName}
		}
		m.Candidates = append(m.Candidates, candidate)
	}
	for _, p := range item.Peers {
		m.Peers = append(m.Peers, &reconciliationv1.Peer{
			EntraObjectId: p.EntraObjectID, UserPrincipalName: p.UserPrincipalName, DisplayName: p.DisplayName,
			AccountEnabled: p.Enabled, AssignedLicenceCount: numberMessage(p.Licences), UserType: p.UserType,
		})
	}
	if s := item.Suggestion; s != nil {
		m.Suggestion = &reconciliationv1.Suggestion{Action: string(s.Action), ContactId: wire.Optional(s.ContactID)}
		for _, reason := range s.For {
			m.Suggestion.Reasons = append(m.Suggestion.Reasons, string(reason))
		}
	}
	m.DecisionPending = item.Last != nil && item.Last.State == reconciliation.Pending
	if standing := item.Standing; standing != nil {
		m.DecisionReason, m.ResolvedContactId = wire.Optional(standing.Note), wire.Optional(standing.ResultContactID)
		m.DecisionNumber, m.UndoUntil = numberMessage(&standing.Attempt), wire.Timestamp(item.UndoUntil())
	}
	return m
}
