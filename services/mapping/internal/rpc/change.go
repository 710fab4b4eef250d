package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/tenant"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// SkipMapping leaves a managed tenant for later.
func (s *mappings) SkipMapping(ctx context.Context, req *mappingv1.SkipMappingRequest) (*mappingv1.SkipMappingResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := s.use.Skip.Do(ctx, call.Actor.ID, req.GetManagedTenantId(), req.Version)
	if err != nil {
		return nil, err
	}
	return &mappingv1.SkipMappingResponse{
		Mapping: mappingMessage(changed.Mapping), Summary: countedMessage(changed.Summary), Version: changed.Version, Effects: changed.Effects,
	}, nil
}

// UnmapMapping ends a mapping.
func (s *mappings) UnmapMapping(ctx context.Context, req *mappingv1.UnmapMappingRequest) (*mappingv1.UnmapMappingResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := s.use.Unmap.Do(ctx, call.Actor.ID, req.GetManagedTenantId(), req.Version)
	if err != nil {
		return nil, err
	}
	return &mappingv1.UnmapMappingResponse{
		Mapping: mappingMessage(changed.Mapping), Summary: countedMessage(changed.Summary), Version: changed.Version, Effects: changed.Effects,
	}, nil
}

// RemapMapping gives a managed tenant to another client.
func (s *mappings) RemapMapping(ctx context.Context, req *mappingv1.RemapMappingRequest) (*mappingv1.RemapMappingResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := s.use.Remap.Do(ctx, call.Actor.ID, req.GetManagedTenantId(), req.GetTargetClientId(), req.Version)
	if err != nil {
		return nil, err
	}
	return &mappingv1.RemapMappingResponse{
		Mapping: mappingMessage(changed.Mapping), Summary: countedMessage(changed.Summary), Version: changed.Version, Effects: changed.Effects,
	}, nil
}

// DecideOrphans writes what becomes of links that wait for a person.
func (s *mappings) DecideOrphans(ctx context.Context, req *mappingv1.DecideOrphansRequest) (*mappingv1.DecideOrphansResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	decided, err := s.use.DecideOrphans.Do(ctx, call.Actor.ID, req.GetManagedTenantId(), req.GetDecision())
	if err != nil {
		return nil, err
	}
	res := &mappingv1.DecideOrphansResponse{
		Decision: req.GetDecision(), Effects: decided.Effects, Relinking: decided.Relinking, Left: decided.Left,
	}
	if decided.RunID != "" {
		res.RunId = &decided.RunID
	}
	return res, nil
}
