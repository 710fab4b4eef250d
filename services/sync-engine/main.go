// Command sync-engine serves contacts, sync runs and the rounds that bring Entra
// directories and contacts together.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/sync-engine/internal/directory"
	"github.com/entrasync/entrasync/services/sync-engine/internal/mapping"
	"github.com/entrasync/entrasync/services/sync-engine/internal/peers"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/reconciliation"
	"github.com/entrasync/entrasync/services/sync-engine/internal/rpc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database          // each round takes a connection of its own; the rest serve requests
	ConnectionAddr     string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	MappingAddr        string `env:"ENTRASYNC_MAPPING_ADDR" envDefault:"127.0.0.1:7103"`
	ReconciliationAddr string `env:"ENTRASYNC_RECONCILIATION_ADDR" envDefault:"127.0.0.1:7105"`
	GatewayAddr        string `env:"ENTRASYNC_GATEWAY_ADDR" envDefault:"127.0.0.1:7107"` // for other services
	// Bounds of a round's statements: of those on some thousand rows, and of those on
	// the whole directory.
	RangeTimeout     time.Duration `env:"ENTRASYNC_ROUND_RANGE_TIMEOUT" envDefault:"1m"`
	DirectoryTimeout time.Duration `env:"ENTRASYNC_ROUND_DIRECTORY_TIMEOUT" envDefault:"5m"`
	// For how many days what runs did with each identity is kept; 0 keeps it for ever.
	ReportDays int `env:"ENTRASYNC_REPORT_DAYS" envDefault:"30"`
	// For how many days runs and the counts of their managed tenants are kept; 0 keeps them for ever.
	RunDays int `env:"ENTRASYNC_RUN_DAYS" envDefault:"400"`
	// How many whole months of the change feed stay beside the present one; 0 keeps all.
	FeedMonths int `env:"ENTRASYNC_FEED_MONTHS" envDefault:"3"`
}

const name = "sync-engine"

// backgroundConns are for effects and the sweeper.
const backgroundConns = 2

func main() {
	if len(os.Args) > 1 {
		run.Main(name, func(ctx context.Context) error { return outbox.Operate(ctx, postgres.Context, os.Args[1:], os.Stdout) })
	}
	service.Main(name, config{
		Config:   service.Config{Listen: "127.0.0.1:7104", AdminListen: "127.0.0.1:7204"},
		Database: service.Database{DatabaseConns: 18},
	}, start)
}

// start wires the process together.
func start(ctx context.Context, s *service.Service, c config) error {
	pool, err := pg.Open(ctx, c.DatabaseURL, pg.Options{
		Context: postgres.Context, MaxConns: c.DatabaseConns, Writers: postgres.Writers(), BackgroundConns: backgroundConns,
	})
	if err != nil {
		return err
	}
	s.Uses("database", pool.Ping, pool.Close)
	newID := func() (string, error) {
		id, err := uuid.NewV7()
		return id.String(), err
	}
	store := postgres.New(pool, round.Timeouts{Range: c.RangeTimeout, Directory: c.DirectoryTimeout})
	rounds := postgres.NewRoundReports(pool)
	users := directory.New(s.Dial("connection", c.ConnectionAddr))
	clients := mapping.New(s.Dial("mapping", c.MappingAddr))
	queueConn := s.Dial("reconciliation", c.ReconciliationAddr)
	queue, people := reconciliation.New(queueConn), reconciliation.NewPeople(queueConn)
	settings(s, pool, store, users, clients)
	gated := syncengine.GateFieldRules(store, peers.NewFlags(s.Dial("gateway", c.GatewayAddr)))
	rpc.RegisterExplain(s.Server(), syncengine.NewExplain(store, gated, users, clients, queue, time.Now))
	rpc.RegisterFeed(s.Server(), syncengine.NewAppendFeed(store, time.Now))
	rpc.RegisterPeople(s.Server(), syncengine.NewExportPerson(store, people), syncengine.NewErasePerson(store, people, newID, time.Now))
	rpc.Register(s.Server(), rpc.UseCases{
		Contacts:  syncengine.NewListContacts(store),
		Show:      syncengine.NewShowContact(store),
		Changes:   syncengine.NewListChanges(store),
		Batch:     syncengine.NewBatchUpsert(store, clients, newID, time.Now),
		Runs:      syncengine.NewReadRuns(store, time.Now),
		Create:    syncengine.NewCreateRun(store, clients, newID, time.Now),
		Begin:     syncengine.NewBeginRun(store, clients, time.Now),
		Results:   syncengine.NewRunResults(store, time.Now),
		Sync:      syncengine.NewSyncTenant(gated, users, clients, queue, time.Now),
		Revise:    syncengine.NewReviseMapping(store, queue, time.Now),
		Orphans:   syncengine.NewDecideOrphans(store, clients, time.Now),
		Schedules: syncengine.NewReadSchedules(store, time.Now),
		Tickets:   syncengine.NewTickets(store, time.Now),
		Watch:     syncengine.NewWatchRun(store, rounds, syncengine.WatchEvery),
		Rounds:    rounds,
		Resolve:   syncengine.NewResolveIdentity(store, clients, newID, time.Now),
		Undo:      syncengine.NewUndoResolution(store, clients, time.Now),
	})
	s.Every("feed months", time.Hour, func(ctx context.Context) error { return keepFeedMonths(ctx, store, c.FeedMonths) })
	return reports(s, c, store, clients, newID)
}

// keepFeedMonths makes the change feed's partitions to come and drops the old ones.
func keepFeedMonths(ctx context.Context, store *postgres.Store, months int) error {
	done, err := store.KeepFeedMonths(ctx, months)
	for _, what := range done {
		slog.InfoContext(ctx, "change feed", "month", what)
	}
	return err
}
