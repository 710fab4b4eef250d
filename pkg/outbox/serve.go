package outbox

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// Serve adds the methods by which the worker pulls and acknowledges the effects
// of the given kinds, all where none is given, and the gateway asks for dead ones.
func Serve(registrar grpc.ServiceRegistrar, box *Box, kinds ...string) {
	orchestrationv1.RegisterEffectServiceServer(registrar, &server{box: box, kinds: kinds})
}

type server struct {
	orchestrationv1.UnimplementedEffectServiceServer
	box   *Box
	kinds []string
}

// PullEffects implements orchestrationv1.EffectServiceServer.
func (s *server) PullEffects(ctx context.Context, req *orchestrationv1.PullEffectsRequest) (*orchestrationv1.PullEffectsResponse, error) {
	effects, err := s.box.Pull(ctx, req.GetMaxEffects(), time.Duration(req.GetWaitSeconds())*time.Second, s.kinds...)
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

// AckEffect implements orchestrationv1.EffectServiceServer.
func (s *server) AckEffect(ctx context.Context, req *orchestrationv1.AckEffectRequest) (*orchestrationv1.AckEffectResponse, error) {
	if err := s.box.Ack(ctx, req.GetEffectId(), req.GetOutcome(), req.GetResult()); err != nil {
		return nil, err
	}
	return &orchestrationv1.AckEffectResponse{}, nil
}

// CountDeadEffects implements orchestrationv1.EffectServiceServer.
func (s *server) CountDeadEffects(ctx context.Context, _ *orchestrationv1.CountDeadEffectsRequest) (*orchestrationv1.CountDeadEffectsResponse, error) {
	dead, err := s.box.CountDead(ctx)
	if err != nil {
		return nil, err
	}
	return &orchestrationv1.CountDeadEffectsResponse{Dead: dead}, nil
}
