package orchestration

import (
	"context"
	"slices"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/connectionstatus"
)

// SyncSchedule is what the sync engine knows about when a tenant is synced.
type SyncSchedule struct {
	Automatic     bool
	Interval      time.Duration
	FirstSyncDone bool   // an initial sync succeeded
	Quarantined   bool   // too many runs in a row have failed
	Ticket        string // what schedules carry, without which no scheduled run starts
}

// SyncSchedules reads what the sync engine knows about schedules.
type SyncSchedules interface {
	// SyncSchedule returns that of the tenant of the context.
	SyncSchedule(ctx context.Context) (SyncSchedule, error)
	// Synced names at most limit tenants of which a first sync got through, in the order of their
	// ids, after the given one.
	Synced(ctx context.Context, after string, limit int) ([]string, error)
}

// Connections reads which tenants have a connection.
type Connections interface {
	// Status returns that of the connection of the tenant of the context, one of connectionstatus.
	Status(ctx context.Context) (string, error)
	// Connected names at most limit tenants that are connected, in the order of their ids, after
	// the given one.
	Connected(ctx context.Context, after string, limit int) ([]string, error)
}

// ScheduleSource reads what schedules follow from.
type ScheduleSource struct {
	syncs       SyncSchedules
	connections Connections
}

// NewScheduleSource makes a ScheduleSource.
func NewScheduleSource(syncs SyncSchedules, connections Connections) *ScheduleSource {
	return &ScheduleSource{syncs: syncs, connections: connections}
}

// facts are those of the tenant of the context. A connection that failed its last validation is
// still one: its runs fail, and too many of them put the schedule into quarantine.
func (s *ScheduleSource) facts(ctx context.Context) (scheduleFacts, error) {
	sync, err := s.syncs.SyncSchedule(ctx)
	if err != nil {
		return scheduleFacts{}, err
	}
	status, err := s.connections.Status(ctx)
	if err != nil {
		return scheduleFacts{}, err
	}
	facts := scheduleFacts{SyncSchedule: sync}
	switch status {
	case connectionstatus.Connected, connectionstatus.ValidationFailed:
		facts.connected, facts.everConnected = true, true
	case connectionstatus.Disconnected:
		facts.everConnected = true
	}
	return facts, nil
}

// scheduled names at most limit tenants that are connected, or of which a first sync got through,
// in the order of their ids, after the given one. Both services list in that order, so the first
// of both together are among the first of each.
func (s *ScheduleSource) scheduled(ctx context.Context, after string, limit int) ([]string, error) {
	synced, err := s.syncs.Synced(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	connected, err := s.connections.Connected(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	tenants := slices.Concat(synced, connected)
	slices.Sort(tenants)
	tenants = slices.Compact(tenants)
	return tenants[:min(len(tenants), limit)], nil
}
