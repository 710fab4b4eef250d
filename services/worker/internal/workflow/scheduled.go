package workflow

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// scheduledStart is how long the start of a scheduled run is tried; later the next one is near.
const scheduledStart = 10 * time.Minute

// ScheduledSyncWorkflow is what a tenant's schedule starts: it starts the run as a person does, so
// that scheduled and manual runs join, and ends.
func ScheduledSyncWorkflow(ctx workflow.Context, in ScheduledSyncInput) (StartScheduledSyncOutput, error) {
	var out StartScheduledSyncOutput
	err := workflow.ExecuteActivity(unary(ctx, scheduledStart), StartScheduledSync, in).Get(ctx, &out)
	return out, err
}
