// Command reconciliation serves the queue of what a person must decide.
package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
	"github.com/entrasync/entrasync/services/reconciliation/internal/rpc"
)

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database
}

func main() {
	service.Main("reconciliation", config{
		Config:   service.Config{Listen: "127.0.0.1:7105", AdminListen: "127.0.0.1:7205"},
		Database: service.Database{DatabaseConns: 4},
	}, start)
}

// start wires the process together.
func start(ctx context.Context, s *service.Service, c config) error {
	pool, err := pg.Open(ctx, c.DatabaseURL, pg.Options{Context: postgres.Context, MaxConns: c.DatabaseConns})
	if err != nil {
		return err
	}
	s.Uses("database", pool.Ping, pool.Close)
	register(s.Server(), postgres.New(pool))
	return nil
}

// register adds the service's methods to a server.
func register(server grpc.ServiceRegistrar, store *postgres.Store) {
	newID := func() (string, error) {
		id, err := uuid.NewV7()
		return id.String(), err
	}
	s := rpc.New(rpc.UseCases{
		Push:     reconciliation.NewPush(store, newID, time.Now),
		Decided:  reconciliation.NewFindDecided(store),
		Complete: reconciliation.NewComplete(store, time.Now),
		Follow:   reconciliation.NewFollow(store, time.Now),
		List:     reconciliation.NewList(store),
	})
	reconciliationv1.RegisterReconciliationServiceServer(server, s)
	reconciliationv1.RegisterReconciliationInternalServiceServer(server, s)
}
