package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/rpc"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// resolutionServer links identities as people decided.
type resolutionServer struct {
	syncenginev1.UnimplementedResolutionServiceServer
	resolve *syncengine.ResolveIdentity
	undo    *syncengine.UndoResolution
}

func (s *resolutionServer) CheckResolution(ctx context.Context, req *syncenginev1.CheckResolutionRequest) (*syncenginev1.CheckResolutionResponse, error) {
	if err := s.resolve.Check(ctx, resolutionOf(req.GetResolution())); err != nil {
		return nil, err
	}
	return &syncenginev1.CheckResolutionResponse{}, nil
}

func (s *resolutionServer) CheckResolutions(ctx context.Context, req *syncenginev1.CheckResolutionsRequest) (*syncenginev1.CheckResolutionsResponse, error) {
	resolutions := make([]syncengine.Resolution, len(req.GetResolutions()))
	for i, m := range req.GetResolutions() {
		resolutions[i] = resolutionOf(m)
	}
	refused, err := s.resolve.CheckAll(ctx, resolutions)
	if err != nil {
		return nil, err
	}
	response := &syncenginev1.CheckResolutionsResponse{}
	for _, why := range refused {
		check := &syncenginev1.ResolutionCheck{}
		if why != nil {
			e := rpc.Normalise(why)
			code, message := e.Reason(), e.Public()
			check.Code, check.Message = &code, &message
		}
		response.Checks = append(response.Checks, check)
	}
	return response, nil
}

func (s *resolutionServer) ResolveIdentity(ctx context.Context, req *syncenginev1.ResolveIdentityRequest) (*syncenginev1.ResolveIdentityResponse, error) {
	contactID, err := s.resolve.Do(ctx, resolutionOf(req.GetResolution()))
	if err != nil {
		return nil, err
	}
	return &syncenginev1.ResolveIdentityResponse{ContactId: contactID}, nil
}

func (s *resolutionServer) CheckUndo(ctx context.Context, req *syncenginev1.CheckUndoRequest) (*syncenginev1.CheckUndoResponse, error) {
	if err := s.undo.Check(ctx, undoOf(req.GetUndo())); err != nil {
		return nil, err
	}
	return &syncenginev1.CheckUndoResponse{}, nil
}

func (s *resolutionServer) UndoResolution(ctx context.Context, req *syncenginev1.UndoResolutionRequest) (*syncenginev1.UndoResolutionResponse, error) {
	if err := s.undo.Do(ctx, undoOf(req.GetUndo())); err != nil {
		return nil, err
	}
	return &syncenginev1.UndoResolutionResponse{}, nil
}

func undoOf(m *syncenginev1.Undo) syncengine.ResolutionUndo {
	return syncengine.ResolutionUndo{
		ItemID: m.GetItemId(), Attempt: int(m.GetAttempt()), ObjectID: m.GetEntraObjectId(), Linked: m.GetLinked(), UndoneBy: m.GetUndoneBy(),
		Mapping: syncengine.MappingRevision{
			ManagedTenantID: m.GetManagedTenantId(), EntraTenantID: m.GetEntraTenantId(), ClientID: m.GetClientId(),
		},
	}
}

func resolutionOf(m *syncenginev1.Resolution) syncengine.Resolution {
	identity := m.GetIdentity()
	return syncengine.Resolution{
		ItemID: m.GetItemId(), Attempt: int(m.GetAttempt()), ContactID: m.GetContactId(), DecidedBy: m.GetDecidedBy(),
		Mapping: syncengine.MappingRevision{
			ManagedTenantID: m.GetManagedTenantId(), EntraTenantID: m.GetEntraTenantId(), ClientID: m.GetClientId(),
		},
		Identity: syncengine.AmbiguousIdentity{
			ObjectID: identity.GetEntraObjectId(), UserPrincipalName: identity.GetUserPrincipalName(), FullName: identity.GetFullName(),
			Email: identity.GetEmail(), Phone: identity.GetPhone(), Role: identity.GetRole(), Enabled: identity.AccountEnabled,
		},
	}
}
