// Package rpc serves clients and mappings to the gateway and to other services.
package rpc

import (
	"google.golang.org/grpc"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// UseCases is all that the services call.
type UseCases struct {
	ListClients    *mapping.ListClients
	ReadClient     *mapping.ReadClient
	BatchUpsert    *mapping.BatchUpsert
	Preview        *mapping.MakePreview
	ListMappings   *mapping.ListMappings
	Confirm        *mapping.Confirm
	Skip           *mapping.Skip
	Remap          *mapping.Remap
	Unmap          *mapping.Unmap
	DecideOrphans  *mapping.DecideOrphans
	ExportCSV      *mapping.ExportCSV
	ImportCSV      *mapping.ImportCSV
	ListMapped     *mapping.ListMapped
	FindMapped     *mapping.FindMapped
	ResolveClients *mapping.ResolveClients
	CreateClients  *mapping.CreateClients
	Summarise      *mapping.Summarise
}

// Register puts the services on a server.
func Register(server grpc.ServiceRegistrar, use UseCases) {
	mappingv1.RegisterClientServiceServer(server, &clients{use: use})
	mappingv1.RegisterMappingServiceServer(server, &mappings{use: use})
	mappingv1.RegisterMappingInternalServiceServer(server, NewInternal(use))
}
