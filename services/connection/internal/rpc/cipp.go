package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// cippServer serves the connection through CIPP, which is not offered: whether
// anybody reaches it is the gateway's to decide.
type cippServer struct {
	connectionv1.UnimplementedCippServiceServer
	use UseCases
}

func (s *cippServer) SaveCipp(ctx context.Context, req *connectionv1.SaveCippRequest) (*connectionv1.SaveCippResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	effects, err := s.use.SaveCIPP.Do(ctx, caller, connection.CIPPCredentials{
		BaseURL: req.GetBaseUrl(), TenantID: req.GetTenantId(), ClientID: req.GetClientId(), ClientSecret: connection.Secret(req.GetClientSecret()),
	})
	if err != nil {
		return nil, err
	}
	return &connectionv1.SaveCippResponse{Status: string(connection.Connected), Effects: effects}, nil
}

func (s *cippServer) ValidateCipp(ctx context.Context, _ *connectionv1.ValidateCippRequest) (*connectionv1.ValidateCippResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.use.Validate.Do(ctx, caller, connection.CIPP)
	if err != nil {
		return nil, err
	}
	return &connectionv1.ValidateCippResponse{
		Valid: v.Error == nil, CheckedAt: timestamppb.New(v.CheckedAt), ManagedTenantSampleCount: int32(v.Sample),
		Error: toSnapshot(v.Error),
	}, nil
}
