package rpc

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (s *internalServer) ReviseMapping(ctx context.Context, req *syncenginev1.ReviseMappingRequest) (*syncenginev1.ReviseMappingResponse, error) {
	revised, err := s.cases.Revise.Do(ctx, syncengine.MappingRevision{
		ManagedTenantID: req.GetManagedTenantId(), EntraTenantID: req.GetEntraTenantId(), ClientID: req.GetClientId(), Revision: req.GetRevision(),
	})
	if err != nil {
		return nil, err
	}
	return &syncenginev1.ReviseMappingResponse{OrphanedLinks: count(revised.Orphaned), ReactivatedLinks: count(revised.Reactivated)}, nil
}
