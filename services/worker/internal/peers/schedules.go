package peers

import (
	"context"
	"slices"
	"time"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// Schedules asks the services what a tenant's schedules follow from.
type Schedules struct {
	engine     syncenginev1.ScheduleInternalServiceClient
	connection connectionv1.ConnectionInternalServiceClient
}

// NewSchedules returns Schedules on clients that sign each call's tenant and actor.
func NewSchedules(engine syncenginev1.ScheduleInternalServiceClient, connection connectionv1.ConnectionInternalServiceClient) *Schedules {
	return &Schedules{engine: engine, connection: connection}
}

// Wish implements orchestration.Wishes. A connection that failed its last validation is still
// one: its runs fail, and too many of them put the schedule into quarantine.
func (s *Schedules) Wish(ctx context.Context) (orchestration.Wish, error) {
	schedule, err := s.engine.GetSchedule(ctx, &syncenginev1.GetScheduleRequest{})
	if err != nil {
		return orchestration.Wish{}, err
	}
	connection, err := s.connection.GetConnection(ctx, &connectionv1.GetConnectionRequest{})
	if err != nil {
		return orchestration.Wish{}, err
	}
	wish := orchestration.Wish{
		Automatic: schedule.GetAutomaticSync(), Interval: time.Duration(schedule.GetIntervalMinutes()) * time.Minute,
		Ticket: schedule.GetTicket(), FirstSyncDone: schedule.GetFirstSyncDone(), Quarantined: schedule.GetQuarantinedAt() != nil,
	}
	switch connection.GetStatus() {
	case "connected", "validation_failed":
		wish.Connected, wish.EverConnected = true, true
	case "disconnected":
		wish.EverConnected = true
	}
	return wish, nil
}

// Scheduled implements orchestration.Wishes. Both services list in the order of ids, so the first
// of both together are among the first of each.
func (s *Schedules) Scheduled(ctx context.Context, after string, limit int) ([]string, error) {
	synced, err := s.engine.ListScheduledTenants(ctx, &syncenginev1.ListScheduledTenantsRequest{AfterTenantId: after, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	connected, err := s.connection.ListConnectedTenants(ctx, &connectionv1.ListConnectedTenantsRequest{AfterTenantId: after, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	tenants := slices.Concat(synced.GetTenantIds(), connected.GetTenantIds())
	slices.Sort(tenants)
	tenants = slices.Compact(tenants)
	return tenants[:min(len(tenants), limit)], nil
}
