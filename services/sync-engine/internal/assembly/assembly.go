// Package assembly wires the sync engine together.
package assembly

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/sync-engine/internal/peers"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/rpc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Start wires the process together; for service.Main.
func Start(ctx context.Context, s *service.Service, c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	pool, err := pg.OpenFor(ctx, s, c.DatabaseURL, pg.Options{
		Context: postgres.Context, MaxConns: c.DatabaseConns, Writers: postgres.Writers(), BackgroundConns: outbox.Conns,
	})
	if err != nil {
		return err
	}
	store, box := Register(s.Server(), pool, Conns{
		Connection: s.Dial("connection", c.ConnectionAddr), Mapping: s.Dial("mapping", c.MappingAddr),
		Reconciliation: s.Dial("reconciliation", c.ReconciliationAddr), Gateway: s.Dial("gateway", c.GatewayAddr),
	}, c)
	box.Keep(s, s.Metrics)
	retain(s, store, c)
	keyNames(s, store)
	return nil
}

// Conns are the connections to other services.
type Conns struct {
	Connection, Mapping, Reconciliation, Gateway grpc.ClientConnInterface
}

// Register adds the service's methods to a server; what they store is in the two that it
// returns. Of the configuration it takes the bounds of statements and for how long reports are
// kept.
func Register(server grpc.ServiceRegistrar, pool *pg.Pool, to Conns, c Config) (*postgres.Store, *outbox.Box) {
	store := postgres.New(pool, round.Timeouts{Range: c.RangeTimeout, Directory: c.DirectoryTimeout})
	rounds, box := postgres.NewRoundReports(pool), outbox.New(pool, outbox.Options{})
	users, clients, queue := peers.NewConnection(to.Connection), peers.NewMapping(to.Mapping), peers.NewReconciliation(to.Reconciliation)
	gated := syncengine.GateFieldRules(store, peers.NewGateway(to.Gateway))
	tickets := syncengine.NewTickets(store, time.Now)
	rpc.Register(server, rpc.UseCases{
		Contacts:    syncengine.NewListContacts(store),
		Show:        syncengine.NewShowContact(store),
		Changes:     syncengine.NewListChanges(store),
		Batch:       syncengine.NewBatchUpsert(store, clients, pg.NewID, time.Now),
		Runs:        syncengine.NewListRuns(store),
		ShowRun:     syncengine.NewShowRun(store),
		OpenRuns:    syncengine.NewListOpenRuns(store),
		EndedRuns:   syncengine.NewListEndedRuns(store),
		Status:      syncengine.NewReadSyncStatus(store, time.Now),
		Create:      syncengine.NewCreateRun(store, clients, pg.NewID, time.Now),
		Begin:       syncengine.NewBeginRun(store, clients, time.Now),
		Open:        syncengine.NewListOpenTenants(store),
		Record:      syncengine.NewRecordTenantResult(store, time.Now),
		Finalise:    syncengine.NewFinaliseRun(store, time.Now),
		Cancel:      syncengine.NewCancelRuns(store, time.Now),
		Sync:        syncengine.NewSyncTenant(gated, users, clients, queue, time.Now),
		Revise:      syncengine.NewReviseMapping(store, queue, time.Now),
		Orphans:     syncengine.NewDecideOrphans(store, clients, time.Now),
		Schedule:    syncengine.NewReadSchedule(store, time.Now),
		Scheduled:   syncengine.NewListScheduledTenants(store),
		Quarantined: syncengine.NewListQuarantinedTenants(store),
		Tickets:     tickets,
		IssueTicket: syncengine.NewIssueTicket(store, tickets),
		Watch:       syncengine.NewWatchRun(store, rounds, syncengine.WatchPause, syncengine.WatchIdle),
		Rounds:      rounds,
		Resolve:     syncengine.NewResolveIdentity(store, gated, clients, pg.NewID, time.Now),
		Undo:        syncengine.NewUndoResolution(store, clients, time.Now),
	})
	rpc.RegisterSettings(server, rpc.SettingsCases{
		Read:    syncengine.NewReadSettings(store, clients, time.Now),
		Changes: syncengine.NewListSettingsChanges(store),
		Change:  syncengine.NewChangeSettings(store, clients, box, pg.NewID, time.Now),
		Test:    syncengine.NewTestFilters(store, users, clients, time.Now),
	})
	rpc.RegisterReports(server, rpc.ReportCases{
		Identities:    syncengine.NewListIdentities(store, c.ReportDays, time.Now),
		Held:          syncengine.NewDecideHeld(store, clients, pg.NewID, time.Now),
		TenantResults: syncengine.NewListTenantResults(store),
		Statistics:    syncengine.NewReadStatistics(store, time.Now),
	})
	rpc.RegisterExplain(server, syncengine.NewExplain(store, gated, users, clients, queue, time.Now))
	rpc.RegisterFeed(server, syncengine.NewAppendFeed(store, time.Now))
	rpc.RegisterPeople(server, rpc.PersonCases{
		Export:   syncengine.NewExportPerson(store, queue),
		Erase:    syncengine.NewErasePerson(store, queue, pg.NewID, time.Now),
		Erasures: syncengine.NewListErasures(store),
		Lift:     syncengine.NewLiftErasure(store, time.Now),
	})
	outbox.Serve(server, box)
	return store, box
}
