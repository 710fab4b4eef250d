// Package assembly wires the reconciliation service together.
package assembly

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/peers"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
	"github.com/entrasync/entrasync/services/reconciliation/internal/rpc"
)

// Config is all that the process takes from its environment.
type Config struct {
	service.Config
	service.Database
	SyncEngineAddr string `env:"ENTRASYNC_SYNC_ENGINE_ADDR" envDefault:"127.0.0.1:7104"`
}

// Start wires the process together; for service.Main.
func Start(ctx context.Context, s *service.Service, c Config) error {
	pool, err := pg.OpenFor(ctx, s, c.DatabaseURL, pg.Options{Context: postgres.Context, MaxConns: c.DatabaseConns, BackgroundConns: outbox.Conns})
	if err != nil {
		return err
	}
	box := Register(s.Server(), pool, s.Dial("sync-engine", c.SyncEngineAddr), time.Now)
	box.Keep(s, s.Metrics)
	return nil
}

// Register adds the service's methods to a server and returns its outbox.
func Register(server grpc.ServiceRegistrar, pool *pg.Pool, engine grpc.ClientConnInterface, now func() time.Time) *outbox.Box {
	store, box := postgres.New(pool), outbox.New(pool, outbox.Options{Now: now})
	list := reconciliation.NewList(store)
	decide := reconciliation.NewDecide(store, peers.NewSyncEngine(engine), pg.NewID, now)
	s := rpc.New(rpc.UseCases{
		Push:          reconciliation.NewPush(store, pg.NewID, now),
		Decided:       reconciliation.NewFindDecided(store),
		Complete:      reconciliation.NewComplete(store, now),
		ApplyMapping:  reconciliation.NewApplyMapping(store, now),
		List:          list,
		Read:          reconciliation.NewReadItem(store),
		CountOpen:     reconciliation.NewCountOpen(store),
		CountByReason: reconciliation.NewCountByReason(store),
		Decide:        decide,
		Bulk:          reconciliation.NewBulk(list, decide),
	})
	reconciliationv1.RegisterReconciliationServiceServer(server, s)
	reconciliationv1.RegisterReconciliationInternalServiceServer(server, s)
	reconciliationv1.RegisterDecisionServiceServer(server, s)
	reconciliationv1.RegisterDecisionInternalServiceServer(server, s)
	reconciliationv1.RegisterPersonInternalServiceServer(server, rpc.NewPersonServer(reconciliation.NewExportPerson(store), reconciliation.NewErasePerson(store)))
	outbox.Serve(server, box)
	return box
}
