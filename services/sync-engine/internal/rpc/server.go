// Package rpc serves the sync engine's contracts: it turns messages into calls
// of use cases and back, and decides nothing.
package rpc

import (
	"google.golang.org/grpc"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// UseCases are what the servers call.
type UseCases struct {
	Contacts    *syncengine.ListContacts
	Show        *syncengine.ShowContact
	Changes     *syncengine.ListChanges
	Batch       *syncengine.BatchUpsert
	Runs        *syncengine.ListRuns
	ShowRun     *syncengine.ShowRun
	OpenRuns    *syncengine.ListOpenRuns
	EndedRuns   *syncengine.ListEndedRuns
	Status      *syncengine.ReadSyncStatus
	Create      *syncengine.CreateRun
	Begin       *syncengine.BeginRun
	Open        *syncengine.ListOpenTenants
	Record      *syncengine.RecordTenantResult
	Finalise    *syncengine.FinaliseRun
	Cancel      *syncengine.CancelRuns
	Sync        *syncengine.SyncTenant
	Revise      *syncengine.ReviseMapping
	Orphans     *syncengine.DecideOrphans
	Schedule    *syncengine.ReadSchedule
	Scheduled   *syncengine.ListScheduledTenants
	Quarantined *syncengine.ListQuarantinedTenants
	Tickets     *syncengine.Tickets
	IssueTicket *syncengine.IssueTicket
	Watch       *syncengine.WatchRun
	Rounds      syncengine.RoundReports
	Resolve     *syncengine.ResolveIdentity
	Undo        *syncengine.UndoResolution
}

// Register serves all contracts of the sync engine.
func Register(server grpc.ServiceRegistrar, cases UseCases) {
	syncenginev1.RegisterContactServiceServer(server, &contactServer{cases: cases})
	syncenginev1.RegisterChangeServiceServer(server, &changeServer{cases: cases})
	syncenginev1.RegisterRunServiceServer(server, &runServer{cases: cases})
	syncenginev1.RegisterSyncEngineInternalServiceServer(server, &internalServer{cases: cases})
	syncenginev1.RegisterRunInternalServiceServer(server, &endedRunServer{cases: cases})
	syncenginev1.RegisterProgressInternalServiceServer(server, &progressServer{cases: cases})
	syncenginev1.RegisterScheduleInternalServiceServer(server, &scheduleServer{cases: cases})
	syncenginev1.RegisterTicketInternalServiceServer(server, &ticketServer{cases: cases})
	syncenginev1.RegisterResolutionServiceServer(server, &resolutionServer{resolve: cases.Resolve, undo: cases.Undo})
}

// defaultPage is the size of a page where none is asked for.
const defaultPage = 50

func pageSize(asked int32) int {
	if asked == 0 {
		return defaultPage
	}
	return int(asked)
}
