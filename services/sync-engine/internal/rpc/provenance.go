package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (s *contactServer) GetContact(ctx context.Context, req *syncenginev1.GetContactRequest) (*syncenginev1.GetContactResponse, error) {
	contact, provenance, err := s.cases.Show.Do(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	m := contactMessage(&contact)
	m.Provenance = provenanceMessage(&provenance)
	return &syncenginev1.GetContactResponse{Contact: m}, nil
}

func provenanceMessage(p *syncengine.Provenance) *syncenginev1.ContactProvenance {
	m := &syncenginev1.ContactProvenance{
		MadeBy: p.MadeBy, CreatedAt: timestamppb.New(p.CreatedAt), UpdatedAt: timestamppb.New(p.UpdatedAt), InactiveReason: present(p.InactiveReason),
	}
	if l := p.Link; l != nil {
		m.Link = &syncenginev1.ContactLink{
			ManagedTenantId: l.ManagedTenantID, EntraTenantId: l.EntraTenantID, EntraObjectId: l.EntraObjectID, Status: l.Status,
			LinkedAt: timestamppb.New(l.LinkedAt), LinkedByRunId: present(l.RunID), LastSeenAt: timestamppb.New(l.LastSeenAt),
			LastSyncedAt: timestamppb.New(l.LastSyncedAt), GoneAt: wire.Timestamp(l.GoneAt),
		}
	}
	for i := range p.History {
		h := &p.History[i]
		m.LinkHistory = append(m.LinkHistory, &syncenginev1.ContactLinkEvent{
			Event: h.Event, At: timestamppb.New(h.At), LinkedAt: timestamppb.New(h.LinkedAt), EntraTenantId: h.EntraTenantID, EntraObjectId: h.EntraObjectID,
			OldContactId: h.OldContactID, OldClientId: h.OldClientID, NewContactId: present(h.NewContactID), NewClientId: present(h.NewClientID),
			DecidedBy: h.DecidedBy, RunId: present(h.RunID),
		})
	}
	return m
}

// present is a text that is absent when it is empty.
func present(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
