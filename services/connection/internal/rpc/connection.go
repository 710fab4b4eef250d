package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// connectionServer serves what people do.
type connectionServer struct {
	connectionv1.UnimplementedConnectionServiceServer
	use UseCases
}

func (s *connectionServer) Connect(ctx context.Context, req *connectionv1.ConnectRequest) (*connectionv1.ConnectResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	started, err := s.use.Connect.Do(ctx, caller, req.GetReturnTo())
	if err != nil {
		return nil, err
	}
	return &connectionv1.ConnectResponse{AuthorizeUrl: started.AuthorizeURL, ExpiresAt: timestamppb.New(started.ExpiresAt)}, nil
}

func (s *connectionServer) CompleteConnect(ctx context.Context, req *connectionv1.CompleteConnectRequest) (*connectionv1.CompleteConnectResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	effects, err := s.use.Complete.Do(ctx, caller, connection.Secret(req.GetCompletionCode()))
	if err != nil {
		return nil, err
	}
	return &connectionv1.CompleteConnectResponse{Status: string(connection.Connected), Effects: effects}, nil
}

func (s *connectionServer) Disconnect(ctx context.Context, _ *connectionv1.DisconnectRequest) (*connectionv1.DisconnectResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	status, effects, err := s.use.Disconnect.Do(ctx, caller)
	if err != nil {
		return nil, err
	}
	return &connectionv1.DisconnectResponse{Status: string(status), Effects: effects}, nil
}

func (s *connectionServer) ValidateDirect(ctx context.Context, _ *connectionv1.ValidateDirectRequest) (*connectionv1.ValidateDirectResponse, error) {
	v, err := s.use.Validate.Do(ctx, connection.Direct)
	if err != nil {
		return nil, err
	}
	return &connectionv1.ValidateDirectResponse{
		Valid: v.Error == nil, CheckedAt: timestamppb.New(v.CheckedAt), ManagedTenantSampleCount: int32(v.Sample),
		Error: toSnapshot(v.Error),
	}, nil
}

func (s *connectionServer) SetCredentials(ctx context.Context, req *connectionv1.SetCredentialsRequest) (*connectionv1.SetCredentialsResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	set, err := s.use.SetCredentials.Do(ctx, caller, connection.Credentials{
		ClientID: req.GetClientId(), ClientSecret: connection.Secret(req.GetClientSecret()),
		Certificate: connection.Secret(req.GetClientCertificate()), TenantID: req.GetTenantId(),
		CustomerAccess: connection.CustomerAccess(req.GetCustomerAccess()),
	})
	if err != nil {
		return nil, err
	}
	return &connectionv1.SetCredentialsResponse{
		CredentialSource: string(connection.SourceTenant), ClientId: set.ClientID, TenantId: set.TenantID, Proof: string(set.Proof),
		CustomerAccess: string(set.CustomerAccess), CertificateExpiresAt: wire.Timestamp(set.CertificateExpiresAt),
		ReconnectRequired: set.ReconnectRequired,
	}, nil
}

func (s *connectionServer) DeleteCredentials(ctx context.Context, _ *connectionv1.DeleteCredentialsRequest) (*connectionv1.DeleteCredentialsResponse, error) {
	source, reconnect, err := s.use.DeleteCredentials.Do(ctx)
	if err != nil {
		return nil, err
	}
	return &connectionv1.DeleteCredentialsResponse{CredentialSource: string(source), ReconnectRequired: reconnect}, nil
}

// internalServer serves what other parts ask.
type internalServer struct {
	connectionv1.UnimplementedConnectionInternalServiceServer
	use UseCases
}

func (s *internalServer) CompleteCallback(ctx context.Context, req *connectionv1.CompleteCallbackRequest) (*connectionv1.CompleteCallbackResponse, error) {
	target := s.use.FinishFlow.Do(withoutTenant(ctx), connection.Answer{
		State: req.GetState(), Code: connection.Secret(req.GetCode()), Error: req.GetError(), Session: req.GetSession(),
		Refusal: req.GetRefusal(), AdminConsent: req.GetAdminConsent(),
	})
	return &connectionv1.CompleteCallbackResponse{RedirectUrl: target}, nil
}

func (s *internalServer) FindFlow(ctx context.Context, req *connectionv1.FindFlowRequest) (*connectionv1.FindFlowResponse, error) {
	tenant, err := s.use.FindFlow.Do(withoutTenant(ctx), req.GetState())
	if err != nil {
		return nil, err
	}
	return &connectionv1.FindFlowResponse{TenantId: tenant}, nil
}

// ListConnectedTenants names the tenants that have a connection.
func (s *internalServer) ListConnectedTenants(ctx context.Context, req *connectionv1.ListConnectedTenantsRequest) (*connectionv1.ListConnectedTenantsResponse, error) {
	tenants, err := s.use.ListConnectedTenants.Do(withoutTenant(ctx), req.GetAfterTenantId(), req.GetPageSize())
	if err != nil {
		return nil, err
	}
	return &connectionv1.ListConnectedTenantsResponse{TenantIds: tenants}, nil
}

func (s *internalServer) GetConnection(ctx context.Context, _ *connectionv1.GetConnectionRequest) (*connectionv1.GetConnectionResponse, error) {
	o, err := s.use.Show.Do(ctx)
	if err != nil {
		return nil, err
	}
	return toConnection(o), nil
}
