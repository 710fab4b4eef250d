package peers

import (
	"context"
	"slices"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/connectionstatus"
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

// Facts implements orchestration.ScheduleSource. A connection that failed its last validation is still
// one: its runs fail, and too many of them put the schedule into quarantine.
func (s *Schedules) Facts(ctx context.Context) (orchestration.ScheduleFacts, error) {
	schedule, err := s.engine.GetSchedule(ctx, &syncenginev1.GetScheduleRequest{})
	if err != nil {
		return orchestration.ScheduleFacts{}, err
	}
	connection, err := s.connection.GetConnection(ctx, &connectionv1.GetConnectionRequest{})
	if err != nil {
		return orchestration.ScheduleFacts{}, err
	}
	facts := orchestration.ScheduleFacts{
		Automatic: schedule.GetAutomaticSync(), Interval: time.Duration(schedule.GetIntervalMinutes()) * time.Minute,
		Ticket: schedule.GetTicket(), FirstSyncDone: schedule.GetFirstSyncDone(), Quarantined: schedule.GetQuarantinedAt() != nil,
	}
	switch connection.GetStatus() {
	case connectionstatus.Connected, connectionstatus.ValidationFailed:
		facts.Connected, facts.EverConnected = true, true
	case connectionstatus.Disconnected:
		facts.EverConnected = true
	}
	return facts, nil
}

// Scheduled implements orchestration.ScheduleSource. Both services list in the order of ids, so the first
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
