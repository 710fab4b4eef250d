package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// directoryServer serves what stands in directories.
type directoryServer struct {
	connectionv1.UnimplementedDirectoryServiceServer
	use UseCases
}

func (s *directoryServer) ListManagedTenants(req *connectionv1.ListManagedTenantsRequest, stream grpc.ServerStreamingServer[connectionv1.ListManagedTenantsResponse]) error {
	return s.use.ListManagedTenants.Do(stream.Context(), connection.Priority(req.GetPriority()), func(tenants []connection.ManagedTenant) error {
		return stream.Send(toTenants(tenants))
	})
}

func (s *directoryServer) GetTenantDetails(ctx context.Context, req *connectionv1.GetTenantDetailsRequest) (*connectionv1.GetTenantDetailsResponse, error) {
	r := connection.TenantRequest{ManagedTenant: req.GetEntraTenantId(), Priority: connection.Priority(req.GetPriority())}
	details, err := s.use.ReadDetails.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	return toDetails(details), nil
}

func (s *directoryServer) RepairConsent(ctx context.Context, req *connectionv1.RepairConsentRequest) (*connectionv1.RepairConsentResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.use.RepairConsent.Do(ctx, caller, req.GetEntraTenantId(), req.GetReturnTo())
	if err != nil {
		return nil, err
	}
	return &connectionv1.RepairConsentResponse{
		Outcome: r.Outcome, AdminConsentUrl: r.URL, ExpiresAt: wire.Timestamp(r.ExpiresAt), Problem: toProblem(r.Problem),
	}, nil
}

func (s *directoryServer) ListUsers(req *connectionv1.ListUsersRequest, stream grpc.ServerStreamingServer[connectionv1.ListUsersResponse]) error {
	r := connection.UsersRequest{ManagedTenant: req.GetEntraTenantId(), DeltaLink: req.GetDeltaLink(), Priority: connection.Priority(req.GetPriority())}
	return s.use.ListUsers.Do(stream.Context(), r, func(e connection.UsersEvent) error {
		switch {
		case e.Page != nil:
			return userMessages(e.Page, stream.Send)
		case e.Restarted != nil:
			return stream.Send(&connectionv1.ListUsersResponse{Event: &connectionv1.ListUsersResponse_Restarted{
				Restarted: &connectionv1.ListingRestarted{Full: e.Restarted.Full, Reason: e.Restarted.Reason},
			}})
		case e.Completed != nil:
			return stream.Send(&connectionv1.ListUsersResponse{Event: &connectionv1.ListUsersResponse_Completed{
				Completed: &connectionv1.ListingCompleted{DeltaLink: e.Completed.DeltaLink, Full: e.Completed.Full},
			}})
		}
		return nil
	})
}

func (s *directoryServer) CountUsers(ctx context.Context, req *connectionv1.CountUsersRequest) (*connectionv1.CountUsersResponse, error) {
	r := connection.TenantRequest{ManagedTenant: req.GetEntraTenantId(), Priority: connection.Priority(req.GetPriority())}
	n, err := s.use.CountUsers.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	return &connectionv1.CountUsersResponse{UserCount: n}, nil
}

func (s *directoryServer) ListGroupMembers(req *connectionv1.ListGroupMembersRequest, stream grpc.ServerStreamingServer[connectionv1.ListGroupMembersResponse]) error {
	r := connection.GroupRequest{ManagedTenant: req.GetEntraTenantId(), GroupID: req.GetGroupId(), Priority: connection.Priority(req.GetPriority())}
	return s.use.ListGroupMembers.Do(stream.Context(), r, func(ids []string) error {
		return stream.Send(&connectionv1.ListGroupMembersResponse{EntraObjectIds: ids})
	})
}

func (s *directoryServer) GetUsers(ctx context.Context, req *connectionv1.GetUsersRequest) (*connectionv1.GetUsersResponse, error) {
	r := connection.ByIDRequest{ManagedTenant: req.GetEntraTenantId(), IDs: req.GetEntraObjectIds(), Priority: connection.Priority(req.GetPriority())}
	users, missing, err := s.use.FindUsers.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	return toUsers(users, missing), nil
}
