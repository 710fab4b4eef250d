// Package rpc serves the connection over gRPC.
package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// UseCases is all that the services call.
type UseCases struct {
	Connect              *connection.Connect
	FinishFlow           *connection.FinishFlow
	FindFlow             *connection.FindFlow
	Complete             *connection.Complete
	Show                 *connection.Show
	Validate             *connection.Validate
	Disconnect           *connection.Disconnect
	SetCredentials       *connection.SetCredentials
	DeleteCredentials    *connection.DeleteCredentials
	RepairConsent        *connection.RepairConsent
	ListManagedTenants   *connection.ListManagedTenants
	ReadDetails          *connection.ReadDetails
	ListUsers            *connection.ListUsers
	CountUsers           *connection.CountUsers
	ListGroupMembers     *connection.ListGroupMembers
	FindUsers            *connection.FindUsers
	ListConnectedTenants *connection.ListConnectedTenants
	PullEvents           *connection.PullEvents
	AckEvents            *connection.AckEvents
}

// Register puts the services on a server.
func Register(server grpc.ServiceRegistrar, u UseCases) {
	connectionv1.RegisterConnectionServiceServer(server, &connectionServer{use: u})
	connectionv1.RegisterConnectionInternalServiceServer(server, &internalServer{use: u})
	connectionv1.RegisterDirectoryServiceServer(server, &directoryServer{use: u})
}

// callerOf says which person makes a call.
func callerOf(ctx context.Context) (connection.Caller, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return connection.Caller{}, err
	}
	return connection.Caller{User: call.Actor.ID, Session: call.Session}, nil
}

// withoutTenant forgets the caller's tenant where what the call brings, and not
// the caller, says whose work it is.
func withoutTenant(ctx context.Context) context.Context {
	call, _ := tenant.Lookup(ctx)
	call.Tenant = ""
	return tenant.With(ctx, call)
}
