// Command reconciliation serves the queue of what a person must decide.
package main

import (
	"context"
	"os"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/peers"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
	"github.com/entrasync/entrasync/services/reconciliation/internal/rpc"
)

// backgroundConns are for effects and the sweeper.
const backgroundConns = 2

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database
	SyncEngineAddr string `env:"ENTRASYNC_SYNC_ENGINE_ADDR" envDefault:"127.0.0.1:7104"`
}

func main() {
	if len(os.Args) > 1 {
		run.Main(postgres.Context, func(ctx context.Context) error {
			return outbox.Operate(ctx, postgres.Context, os.Args[1:], os.Stdout)
		})
	}
	service.Main("reconciliation", config{
		Config:   service.Config{Listen: "127.0.0.1:7105", AdminListen: "127.0.0.1:7205"},
		Database: service.Database{DatabaseConns: 4},
	}, start)
}

// start wires the process together.
func start(ctx context.Context, s *service.Service, c config) error {
	pool, err := pg.Open(ctx, c.DatabaseURL, pg.Options{Context: postgres.Context, MaxConns: c.DatabaseConns, BackgroundConns: backgroundConns})
	if err != nil {
		return err
	}
	s.Uses("database", pool.Ping, pool.Close)
	box := register(s.Server(), pool, s.Dial("sync-engine", c.SyncEngineAddr), time.Now)
	box.Keep(s, s.Metrics)
	return nil
}

// register adds the service's methods to a server and gives its outbox.
func register(server grpc.ServiceRegistrar, pool *pg.Pool, engine grpc.ClientConnInterface, now func() time.Time) *outbox.Box {
	newID := func() (string, error) {
		id, err := uuid.NewV7()
		return id.String(), err
	}
	store, box := postgres.New(pool), outbox.New(pool, outbox.Options{Now: now})
	list := reconciliation.NewList(store)
	decide := reconciliation.NewDecide(store, peers.NewSyncEngine(engine), newID, now)
	s := rpc.New(rpc.UseCases{
		Push:     reconciliation.NewPush(store, newID, now),
		Decided:  reconciliation.NewFindDecided(store),
		Complete: reconciliation.NewComplete(store, now),
		Follow:   reconciliation.NewFollow(store, now),
		List:     list,
		Read:     reconciliation.NewReadItem(store),
		Decide:   decide,
		Bulk:     reconciliation.NewBulk(list, decide),
	})
	reconciliationv1.RegisterReconciliationServiceServer(server, s)
	reconciliationv1.RegisterReconciliationInternalServiceServer(server, s)
	reconciliationv1.RegisterDecisionServiceServer(server, s)
	reconciliationv1.RegisterDecisionInternalServiceServer(server, s)
	reconciliationv1.RegisterPersonInternalServiceServer(server, rpc.NewPersonServer(reconciliation.NewPeople(store)))
	outbox.Serve(server, box)
	return box
}
