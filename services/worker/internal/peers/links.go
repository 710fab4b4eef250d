package peers

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// Links calls the sync engine's methods about links.
type Links struct {
	engine syncenginev1.SyncEngineInternalServiceClient
}

// NewLinks returns Links on a client that signs each call's tenant and actor.
func NewLinks(engine syncenginev1.SyncEngineInternalServiceClient) *Links {
	return &Links{engine: engine}
}

// Revise implements orchestration.Links.
func (l *Links) Revise(ctx context.Context, m orchestration.Mapping) (orphaned int, err error) {
	res, err := l.engine.ReviseMapping(ctx, &syncenginev1.ReviseMappingRequest{
		ManagedTenantId: m.ManagedTenantID, EntraTenantId: m.EntraTenantID, ClientId: m.ClientID, Revision: m.Revision,
	})
	return int(res.GetOrphanedLinks()), err
}

// Decide implements orchestration.Links.
func (l *Links) Decide(ctx context.Context, d orchestration.OrphanDecision) (orchestration.OrphanResult, error) {
	res, err := l.engine.DecideOrphans(ctx, &syncenginev1.DecideOrphansRequest{
		DecisionId: d.ID, ManagedTenantId: d.Mapping.ManagedTenantID, EntraTenantId: d.Mapping.EntraTenantID, ClientId: d.Mapping.ClientID,
		Revision: d.Mapping.Revision, Decision: d.Decision, DecidedBy: d.DecidedBy,
	})
	if err != nil {
		return orchestration.OrphanResult{}, err
	}
	return orchestration.OrphanResult{
		Relinking: int(res.GetRelinking()), Left: int(res.GetLeft()), Orphaned: int(res.GetOrphanedLinks()),
	}, nil
}
