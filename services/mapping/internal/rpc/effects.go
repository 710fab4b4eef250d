package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// Effects serves EffectService for mapping's outbox.
type Effects struct {
	orchestrationv1.UnimplementedEffectServiceServer
	effects *mapping.Effects
}

// NewEffects makes the server.
func NewEffects(effects *mapping.Effects) *Effects { return &Effects{effects: effects} }

// PullEffects leases effects that are due.
func (s *Effects) PullEffects(ctx context.Context, req *orchestrationv1.PullEffectsRequest) (*orchestrationv1.PullEffectsResponse, error) {
	effects, err := s.effects.Pull(ctx, req.GetMaxEffects(), time.Duration(req.GetWaitSeconds())*time.Second)
	if err != nil {
		return nil, err
	}
	resp := &orchestrationv1.PullEffectsResponse{}
	for _, e := range effects {
		resp.Effects = append(resp.Effects, &orchestrationv1.Effect{
			EffectId: e.ID, TenantId: e.Tenant, ActorId: e.ActorID, Kind: e.Kind, Arguments: e.Arguments,
			CreatedAt: timestamppb.New(e.CreatedAt), Attempt: e.Attempt,
		})
	}
	return resp, nil
}

// AckEffect records what became of an effect.
func (s *Effects) AckEffect(ctx context.Context, req *orchestrationv1.AckEffectRequest) (*orchestrationv1.AckEffectResponse, error) {
	if err := s.effects.Ack(ctx, req.GetEffectId(), req.GetOutcome(), req.GetResult()); err != nil {
		return nil, err
	}
	return &orchestrationv1.AckEffectResponse{}, nil
}
