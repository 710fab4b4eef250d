package rpc

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (s *internalServer) DecideOrphans(ctx context.Context, req *syncenginev1.DecideOrphansRequest) (*syncenginev1.DecideOrphansResponse, error) {
	result, err := s.cases.Orphans.Do(ctx, syncengine.OrphanDecision{
		ID: req.GetDecisionId(), Decision: req.GetDecision(), DecidedBy: req.GetDecidedBy(), Mapping: syncengine.MappingRevision{
			ManagedTenantID: req.GetManagedTenantId(), EntraTenantID: req.GetEntraTenantId(), ClientID: req.GetClientId(),
			Revision: req.GetRevision(),
		},
	})
	if err != nil {
		return nil, err
	}
	return &syncenginev1.DecideOrphansResponse{
		Relinking: count(result.Relinking), Left: count(result.Left), OrphanedLinks: count(result.Orphaned),
	}, nil
}
