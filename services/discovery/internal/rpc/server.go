// Package rpc serves discovery to the gateway and to other services.
package rpc

import (
	"google.golang.org/grpc"

	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
)

// UseCases is all that the services call.
type UseCases struct {
	ReadDiscovery        *discovery.ReadDiscovery
	ListManagedTenants   *discovery.ListManagedTenants
	RepairConsent        *discovery.RepairConsent
	Discover             *discovery.Discover
	StreamManagedTenants *discovery.StreamManagedTenants
	CountManagedTenants  *discovery.CountManagedTenants
	Summarise            *discovery.Summarise
}

// Register puts the services on a server.
func Register(server grpc.ServiceRegistrar, use UseCases) {
	discoveryv1.RegisterDiscoveryServiceServer(server, &public{use: use})
	discoveryv1.RegisterDiscoveryInternalServiceServer(server, &internal{use: use})
}
