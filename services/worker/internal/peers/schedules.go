package peers

import (
	"context"
	"time"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// Schedules asks the services what a tenant's schedule follows from.
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
	return orchestration.Wish{
		Automatic: schedule.GetAutomaticSync(), Interval: time.Duration(schedule.GetIntervalMinutes()) * time.Minute,
		Ticket: schedule.GetTicket(), FirstSyncDone: schedule.GetFirstSyncDone(), Quarantined: schedule.GetQuarantinedAt() != nil,
		Connected: connection.GetStatus() == "connected" || connection.GetStatus() == "validation_failed",
	}, nil
}

// Scheduled implements orchestration.Wishes.
func (s *Schedules) Scheduled(ctx context.Context, after string, limit int) ([]string, error) {
	res, err := s.engine.ListScheduledTenants(ctx, &syncenginev1.ListScheduledTenantsRequest{AfterTenantId: after, PageSize: int32(limit)})
	return res.GetTenantIds(), err
}
