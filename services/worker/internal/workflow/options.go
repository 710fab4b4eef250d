package workflow

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// runDeadline is how long a run may take, our own parts' outages included.
	runDeadline = 24 * time.Hour
	// leastTime is what an activity gets even when the run's time is nearly up.
	leastTime = time.Minute
	// heartbeatTimeout is how soon the death of a worker is noticed.
	heartbeatTimeout = 20 * time.Second
	// unaryTimeout bounds one try of a call that is no stream.
	unaryTimeout = 5 * time.Minute
	// roundTimeout bounds one try of a call that streams; it stays below the life of the
	// call's context token.
	roundTimeout = 11 * time.Hour
)

// retry never gives up by count: the activities distinguish upstream errors, of which they
// allow five, from outages of our own services, which they retry until the run's deadline. They
// also set the wait; the intervals here apply when a worker died and could not.
var retry = temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second}

// unary is for calls that answer once; what they do shows in the orchestrator's pages.
func unary(ctx workflow.Context, left time.Duration, about string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:                about,
		ScheduleToCloseTimeout: max(left, leastTime),
		StartToCloseTimeout:    unaryTimeout,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &retry,
	})
}

// round is for calls that stream; whose they are about, by id, shows in the orchestrator's pages.
func round(ctx workflow.Context, left time.Duration, about string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:                about,
		ScheduleToCloseTimeout: max(left, leastTime),
		StartToCloseTimeout:    roundTimeout,
		HeartbeatTimeout:       heartbeatTimeout,
		WaitForCancellation:    true, // a cancelled run closes when its rounds have stopped
		RetryPolicy:            &retry,
	})
}

// codeOf is the code of an activity's failure for good.
func codeOf(err error) string {
	var failure *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case temporal.IsCanceledError(err):
		return StateCancelled
	case errors.As(err, &timeout):
		return CodeTimeout
	case errors.As(err, &failure):
		return failure.Type()
	}
	return CodeInternal
}

// finalise closes the run, also when the workflow was cancelled.
func finalise(ctx workflow.Context, in FinaliseRunInput) (out FinaliseRunOutput, err error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	err = workflow.ExecuteActivity(unary(ctx, runDeadline, "close the run"), FinaliseRun, in).Get(ctx, &out)
	if err == nil {
		showState(ctx, out.State)
	}
	return out, err
}
