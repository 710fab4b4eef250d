package cipp

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// server serves the connection through CIPP over gRPC.
type server struct {
	connectionv1.UnimplementedCippServiceServer
	save     *save
	validate *connection.Validate
}

func newServer(s *save, validate *connection.Validate) *server {
	return &server{save: s, validate: validate}
}

// SaveCipp connects through the partner's CIPP.
func (s *server) SaveCipp(ctx context.Context, req *connectionv1.SaveCippRequest) (*connectionv1.SaveCippResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	effects, err := s.save.Do(ctx, call.Actor.ID, Credentials{
		BaseURL: req.GetBaseUrl(), TenantID: req.GetTenantId(), ClientID: req.GetClientId(), ClientSecret: connection.Secret(req.GetClientSecret()),
	})
	if err != nil {
		return nil, err
	}
	return &connectionv1.SaveCippResponse{Status: string(connection.Connected), Effects: effects}, nil
}

// ValidateCipp proves the connection through CIPP.
func (s *server) ValidateCipp(ctx context.Context, _ *connectionv1.ValidateCippRequest) (*connectionv1.ValidateCippResponse, error) {
	v, err := s.validate.Do(ctx, Type)
	if err != nil {
		return nil, err
	}
	out := &connectionv1.ValidateCippResponse{
		Valid: v.Error == nil, CheckedAt: timestamppb.New(v.CheckedAt), ManagedTenantSampleCount: int32(v.Sample),
	}
	if v.Error != nil {
		out.Error = &connectionv1.ValidationError{Code: v.Error.Code, Message: v.Error.Message, CheckedAt: timestamppb.New(v.Error.CheckedAt)}
	}
	return out, nil
}
