package peertest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// Schedules serves what schedules follow from until the test ends and gives a client that signs as
// the worker.
func (e *Engine) Schedules(t testing.TB, network *rpctest.Network) syncenginev1.ScheduleInternalServiceClient {
	t.Helper()
	address := network.Serve("sync-engine", func(r grpc.ServiceRegistrar) {
		syncenginev1.RegisterScheduleInternalServiceServer(r, &schedules{engine: e})
	})
	return syncenginev1.NewScheduleInternalServiceClient(network.Dial("worker", "sync-engine", address))
}

// SetSchedule makes every tenant want this schedule; nil: none wants one.
func (e *Engine) SetSchedule(schedule *syncenginev1.GetScheduleResponse) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.schedule = schedule
}

type schedules struct {
	syncenginev1.UnimplementedScheduleInternalServiceServer
	engine *Engine
}

// GetSchedule returns what was set.
func (s *schedules) GetSchedule(ctx context.Context, _ *syncenginev1.GetScheduleRequest) (*syncenginev1.GetScheduleResponse, error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if s.engine.down != nil {
		return nil, s.engine.down
	}
	answer := &syncenginev1.GetScheduleResponse{IntervalMinutes: 1440}
	if s.engine.schedule != nil {
		answer = proto.CloneOf(s.engine.schedule)
	}
	id, err := tenant.IDFrom(ctx)
	answer.Ticket = TicketOf(id.String(), "")
	return answer, err
}

// ListScheduledTenants names the tenants that had runs.
func (s *schedules) ListScheduledTenants(_ context.Context, req *syncenginev1.ListScheduledTenantsRequest) (*syncenginev1.ListScheduledTenantsResponse, error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	var tenants []string
	for _, r := range s.engine.runs {
		if r.tenant > req.GetAfterTenantId() {
			tenants = append(tenants, r.tenant)
		}
	}
	slices.Sort(tenants)
	tenants = slices.Compact(tenants)
	return &syncenginev1.ListScheduledTenantsResponse{TenantIds: tenants[:min(len(tenants), int(req.GetPageSize()))]}, nil
}

// Connection is a connection service that knows one state, "connected" at first.
type Connection struct {
	connectionv1.UnimplementedConnectionInternalServiceServer

	mu     sync.Mutex
	status string
	asked  map[string]bool // tenants
}

// Client serves the connection until the test ends and gives a client that signs as the worker.
func (c *Connection) Client(t testing.TB, network *rpctest.Network) connectionv1.ConnectionInternalServiceClient {
	t.Helper()
	address := network.Serve("connection", func(r grpc.ServiceRegistrar) { connectionv1.RegisterConnectionInternalServiceServer(r, c) })
	return connectionv1.NewConnectionInternalServiceClient(network.Dial("worker", "connection", address))
}

// SetStatus makes this every tenant's state.
func (c *Connection) SetStatus(status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// ListConnectedTenants names the tenants that have asked for their state, while that is connected.
func (c *Connection) ListConnectedTenants(_ context.Context, req *connectionv1.ListConnectedTenantsRequest) (*connectionv1.ListConnectedTenantsResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var tenants []string
	for _, id := range slices.Sorted(maps.Keys(c.asked)) {
		if c.status == "" && id > req.GetAfterTenantId() && len(tenants) < int(req.GetPageSize()) {
			tenants = append(tenants, id)
		}
	}
	return &connectionv1.ListConnectedTenantsResponse{TenantIds: tenants}, nil
}

// GetConnection returns the state.
func (c *Connection) GetConnection(ctx context.Context, _ *connectionv1.GetConnectionRequest) (*connectionv1.GetConnectionResponse, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == nil {
		c.asked = map[string]bool{}
	}
	c.asked[id.String()] = true
	if c.status == "" {
		return &connectionv1.GetConnectionResponse{Status: "connected"}, nil
	}
	return &connectionv1.GetConnectionResponse{Status: c.status}, nil
}
