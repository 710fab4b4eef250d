package workflow

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// scheduledStart is how long the start of a scheduled run is tried; later the next one is near.
const scheduledStart = 10 * time.Minute

// ScheduledSyncWorkflow is what a tenant's schedule starts: it starts the run as a person does, so
// that scheduled and manual runs join, and ends.
func ScheduledSyncWorkflow(ctx workflow.Context, in ScheduledInput) (StartScheduledOutput, error) {
	return startScheduled(ctx, StartScheduledSync, in)
}

// ScheduledDiscoveryWorkflow does the same for the daily discovery.
func ScheduledDiscoveryWorkflow(ctx workflow.Context, in ScheduledInput) (StartScheduledOutput, error) {
	return startScheduled(ctx, StartScheduledDiscovery, in)
}

func startScheduled(ctx workflow.Context, activity string, in ScheduledInput) (out StartScheduledOutput, err error) {
	err = workflow.ExecuteActivity(unary(ctx, scheduledStart, "start the run, or join the one in flight"), activity, in).Get(ctx, &out)
	if err == nil {
		workflow.SetCurrentDetails(ctx, "Started run `"+out.RunID+"`, or joined it where it was in flight.")
	}
	return out, err
}
