// Package assembly wires the mapping service together.
package assembly

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
	"github.com/entrasync/entrasync/services/mapping/internal/peers"
	"github.com/entrasync/entrasync/services/mapping/internal/postgres"
	"github.com/entrasync/entrasync/services/mapping/internal/rpc"
)

// Config is all that the process takes from its environment.
type Config struct {
	service.Config
	service.Database
	DiscoveryAddr string `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
}

// Start wires the process together; for service.Main.
func Start(ctx context.Context, s *service.Service, c Config) error {
	pool, err := pg.OpenFor(ctx, s, c.DatabaseURL, pg.Options{Context: postgres.Context, MaxConns: c.DatabaseConns, BackgroundConns: outbox.Conns})
	if err != nil {
		return err
	}
	box := postgres.NewOutbox(pool, time.Now)
	Register(s.Server(), pool, s.Dial("discovery", c.DiscoveryAddr), box, box, time.Now)
	box.Keep(s, s.Metrics)
	return nil
}

// Register adds the service's methods to a server. Answers wait for effects, which are those of the
// outbox.
func Register(
	server grpc.ServiceRegistrar, pool *pg.Pool, discovery grpc.ClientConnInterface, box *outbox.Box, effects mapping.Effects, now func() time.Time,
) {
	store := postgres.NewStore(pool, pg.NewKey)
	managedTenants := peers.NewDiscovery(discovery)
	rpc.Register(server, rpc.UseCases{
		ListClients:    mapping.NewListClients(store),
		ReadClient:     mapping.NewReadClient(store),
		BatchUpsert:    mapping.NewBatchUpsert(store, now, pg.NewID),
		Preview:        mapping.NewMakePreview(managedTenants, store),
		ListMappings:   mapping.NewListMappings(store),
		Confirm:        mapping.NewConfirm(managedTenants, store, effects, now),
		Skip:           mapping.NewSkip(managedTenants, store, effects, now),
		Remap:          mapping.NewRemap(managedTenants, store, effects, now),
		Unmap:          mapping.NewUnmap(managedTenants, store, effects, now),
		DecideOrphans:  mapping.NewDecideOrphans(store, effects, now),
		ExportCSV:      mapping.NewExportCSV(managedTenants, store),
		ImportCSV:      mapping.NewImportCSV(managedTenants, store, effects, now),
		ListMapped:     mapping.NewListMapped(store),
		FindMapped:     mapping.NewFindMapped(managedTenants, store),
		ResolveClients: mapping.NewResolveClients(store),
		CreateClients:  mapping.NewCreateClients(store, now, pg.NewID),
		Summarise:      mapping.NewSummarise(managedTenants, store),
	})
	outbox.Serve(server, box)
}
