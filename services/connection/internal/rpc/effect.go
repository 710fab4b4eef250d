package rpc

import (
	"context"
	"time"

	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// effectServer hands out what changes of connections must cause elsewhere.
type effectServer struct {
	orchestrationv1.UnimplementedEffectServiceServer
	use UseCases
}

func (s *effectServer) PullEffects(ctx context.Context, req *orchestrationv1.PullEffectsRequest) (*orchestrationv1.PullEffectsResponse, error) {
	effects, err := s.use.Pull.Do(withoutTenant(ctx), req.GetMaxEffects(), time.Duration(req.GetWaitSeconds())*time.Second)
	if err != nil {
		return nil, err
	}
	out := &orchestrationv1.PullEffectsResponse{}
	for _, e := range effects {
		out.Effects = append(out.Effects, toEffect(e))
	}
	return out, nil
}

func (s *effectServer) AckEffect(ctx context.Context, req *orchestrationv1.AckEffectRequest) (*orchestrationv1.AckEffectResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.use.Ack.Do(ctx, caller.Tenant, req.GetEffectId(), req.GetOutcome(), req.GetResult()); err != nil {
		return nil, err
	}
	return &orchestrationv1.AckEffectResponse{}, nil
}
