package rpc

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

func clientMessage(c mapping.Client) *mappingv1.Client {
	m := &mappingv1.Client{
		Id: c.ID, ExternalId: c.ExternalID, Name: c.Name, Website: c.Website, Domain: c.Domain,
		AlternativeDomains: c.AlternativeDomains, EmailDomains: c.EmailDomains, BillingEmail: c.BillingEmail,
		Deleted: c.Deleted, EntraTenantId: c.EntraTenantID, EntraPrimaryDomain: c.EntraPrimaryDomain,
		Version: c.Version,
	}
	for _, t := range c.Mappings {
		m.Mappings = append(m.Mappings, &mappingv1.ClientMapping{
			ManagedTenantId: t.ManagedTenantID, EntraTenantId: t.EntraTenantID, DisplayName: t.DisplayName,
		})
	}
	return m
}

func rowMessages(rows []mapping.Row) []*mappingv1.PreviewRow {
	out := make([]*mappingv1.PreviewRow, 0, len(rows))
	for _, row := range rows {
		m := &mappingv1.PreviewRow{
			ManagedTenantId: row.Tenant.ID, EntraTenantId: row.Tenant.EntraTenantID, DisplayName: row.Tenant.DisplayName,
			PrimaryDomain: row.Tenant.PrimaryDomain, Domains: row.Tenant.Domains, SourceUserCount: row.Tenant.SourceUserCount,
			State: string(row.State), MappedClientId: wire.Optional(row.MappedClientID), CandidatesLeftOut: int32(row.LeftOut),
		}
		if row.Match != nil {
			m.Match = candidateMessage(*row.Match)
		}
		for _, c := range row.Candidates {
			m.Candidates = append(m.Candidates, candidateMessage(c))
		}
		out = append(out, m)
	}
	return out
}

func candidateMessage(m mapping.Match) *mappingv1.Candidate {
	return &mappingv1.Candidate{
		ClientId: m.ClientID, ClientName: m.ClientName, Score: m.Score, Reason: m.Reason, MatchedDomain: wire.Optional(m.Domain),
		StaleDomain: m.StaleDomain,
	}
}

func summaryMessage(s mapping.Summary) *mappingv1.MappingSummary {
	return &mappingv1.MappingSummary{
		Mapped: s.Mapped, Skipped: s.Skipped, NeedsReview: s.NeedsReview, CreateNew: s.CreateNew, Undecided: s.Undecided,
	}
}

// countedMessage leaves out what could not be counted.
func countedMessage(s *mapping.Summary) *mappingv1.MappingSummary {
	if s == nil {
		return nil
	}
	return summaryMessage(*s)
}

func mappingMessage(m mapping.Mapping) *mappingv1.Mapping {
	message := &mappingv1.Mapping{
		ManagedTenantId: m.ManagedTenantID, EntraTenantId: m.EntraTenantID, ClientId: wire.Optional(m.ClientID), State: string(m.State),
		Score: m.Score, DecidedBy: m.DecidedBy, DecidedAt: timestamppb.New(m.DecidedAt), DisplayName: m.DisplayName,
		ClientName: wire.Optional(m.ClientName), Active: m.DeactivatedAt == nil, DeactivatedBy: wire.Optional(m.DeactivatedBy),
		OrphanedLinks: m.OrphanedLinks,
	}
	if m.DeactivatedAt != nil {
		message.DeactivatedAt = timestamppb.New(*m.DeactivatedAt)
	}
	return message
}
