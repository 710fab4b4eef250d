package activity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// scheduleTicket is what the ticket of a schedule is for.
const scheduleTicket = "schedule"

// StartScheduledSync starts the tenant's run over all managed tenants, or joins the one in flight.
func (a *Activities) StartScheduledSync(ctx context.Context, in workflow.ScheduledInput) (workflow.StartScheduledOutput, error) {
	return a.startScheduled(ctx, in, orchestration.AllTenantsSync)
}

// StartScheduledDiscovery starts the tenant's discovery, or joins the one in flight.
func (a *Activities) StartScheduledDiscovery(ctx context.Context, in workflow.ScheduledInput) (workflow.StartScheduledOutput, error) {
	return a.startScheduled(ctx, in, orchestration.Discovery)
}

// startScheduled starts or joins a run. Each try asks for the same one.
func (a *Activities) startScheduled(ctx context.Context, in workflow.ScheduledInput, kind orchestration.Kind) (out workflow.StartScheduledOutput, err error) {
	info := activity.GetInfo(ctx)
	id := runID(info.ScheduledTime, info.WorkflowExecution.RunID)
	err = a.attempt(ctx, workflow.RunRef{TenantID: in.TenantID, RunID: id}, func(ctx context.Context, _ *tracker) error {
		_, err := a.tickets.CheckTicket(ctx, &syncenginev1.CheckTicketRequest{Type: scheduleTicket, Ticket: in.Ticket})
		if err != nil {
			return err
		}
		started, err := a.start.Do(ctx, orchestration.NewRun{ID: id, Kind: kind, Trigger: orchestration.TriggerSchedule})
		out = workflow.StartScheduledOutput{RunID: started.RunID, Joined: started.Joined}
		return err
	})
	return out, err
}

// runID is a UUID of version 7 (RFC 9562 §5.7), whose order is that of time, for what an execution
// asked for at a time: the same each time.
func runID(at time.Time, executionID string) string {
	sum := sha256.Sum256([]byte(executionID))
	id := uuid.UUID(sum[:16])
	var milliseconds [8]byte
	binary.BigEndian.PutUint64(milliseconds[:], uint64(at.UnixMilli()))
	copy(id[:6], milliseconds[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
