// Package temporal executes workflows on Temporal: the adapter of the orchestration's port and the
// worker that runs workflows and activities.
package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// memoRun is the memo's key for the database's id of the run that a workflow executes.
const memoRun = "run_id"

// earlierWait is how long the execution of an earlier run has to end before it is terminated.
const earlierWait = 1500 * time.Millisecond

// Workflows executes runs on Temporal.
type Workflows struct {
	client     client.Client
	queue      string
	limits     workflow.Limits
	attributes *Attributes
	payloads   converter.DataConverter
}

// NewWorkflows makes the adapter; workers of the task queue execute what it starts. Payloads are
// those of the client.
func NewWorkflows(c client.Client, queue string, limits workflow.Limits, attributes *Attributes, payloads converter.DataConverter) *Workflows {
	return &Workflows{client: c, queue: queue, limits: limits, attributes: attributes, payloads: payloads}
}

// Start implements orchestration.Workflows. The id is deterministic, so an execution that exists
// is used. One that still executes an earlier run, which the database has closed, is asked to end
// first and terminated after a wait.
func (w *Workflows) Start(ctx context.Context, job orchestration.Job) (executionID string, err error) {
	options := client.StartWorkflowOptions{
		ID: job.WorkflowID, TaskQueue: w.queue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		Memo:                     map[string]any{memoRun: job.RunID},
		StaticSummary:            summaries[job.Kind] + " for tenant " + job.TenantID,
		StaticDetails:            "Run `" + job.RunID + "`",
		TypedSearchAttributes:    w.attributes.ofRun(ctx, job),
		// Activities inherit it, so a tenant with a large fleet does not delay the others.
		Priority: temporal.Priority{FairnessKey: job.TenantID, PriorityKey: priority(job.Urgency)},
	}
	name, input, err := w.call(job)
	if err != nil {
		return "", err
	}
	for ended := false; ; ended = true {
		run, err := w.client.ExecuteWorkflow(ctx, options, name, input)
		if err != nil {
			return "", fmt.Errorf("starting the workflow: %w", err)
		}
		execution, err := w.describe(ctx, job.WorkflowID, run.GetRunID())
		if err != nil {
			return "", fmt.Errorf("looking at the started workflow: %w", err)
		}
		if execution.RunID == job.RunID {
			return run.GetRunID(), nil
		}
		if ended {
			options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
			continue
		}
		if err := w.endEarlier(ctx, run); err != nil {
			return "", err
		}
	}
}

// summaries say in words what the workflow of a run does.
var summaries = map[orchestration.Kind]string{
	orchestration.Discovery: "Look for managed tenants", orchestration.InitialSync: "First sync of all managed tenants",
	orchestration.AllTenantsSync: "Sync of all managed tenants", orchestration.ClientSync: "Sync of one client's managed tenants",
}

// priority is Temporal's key, from 1, the first, to 5; 3 is the default.
func priority(urgency orchestration.Urgency) int {
	switch urgency {
	case orchestration.Awaited:
		return 2
	case orchestration.Scheduled:
		return 4
	}
	return 3
}

// endEarlier asks the execution of an earlier run to end and waits for it briefly.
func (w *Workflows) endEarlier(ctx context.Context, run client.WorkflowRun) error {
	err := w.client.CancelWorkflow(ctx, run.GetID(), run.GetRunID())
	if notFound := new(serviceerror.NotFound); err != nil && !errors.As(err, &notFound) {
		return fmt.Errorf("ending the workflow of an earlier run: %w", err)
	}
	wait, cancel := context.WithTimeout(ctx, earlierWait)
	defer cancel()
	_ = run.GetWithOptions(wait, nil, client.WorkflowRunGetOptions{DisableFollowingRuns: true}) // however it ends
	return ctx.Err()
}

// call is the workflow of a job and its input.
func (w *Workflows) call(job orchestration.Job) (name string, input any, err error) {
	ref := workflow.RunRef{TenantID: job.TenantID, RunID: job.RunID, Ticket: job.Ticket}
	sync := workflow.SyncInput{RunRef: ref, Limits: w.limits}
	switch job.Kind {
	case orchestration.Discovery:
		return workflow.Discovery, workflow.DiscoveryInput{RunRef: ref}, nil
	case orchestration.InitialSync:
		return workflow.InitialSync, sync, nil
	case orchestration.AllTenantsSync:
		return workflow.AllTenantsSync, sync, nil
	case orchestration.ClientSync:
		return workflow.ClientSync, sync, nil
	}
	return "", nil, fmt.Errorf("no workflow for runs of kind %q", job.Kind)
}

// AwaitDiscovery implements orchestration.Workflows. A discovery that fails says so in its
// result: an execution that ended otherwise was interrupted.
func (w *Workflows) AwaitDiscovery(ctx context.Context, workflowID, executionID string) (orchestration.Found, error) {
	var out workflow.DiscoveryOutput
	err := w.client.GetWorkflow(ctx, workflowID, executionID).Get(ctx, &out)
	if ended := new(temporal.WorkflowExecutionError); errors.As(err, &ended) {
		return orchestration.Found{State: orchestration.StateFailed, Code: orchestration.CodeLost}, nil
	}
	if err != nil {
		return orchestration.Found{}, fmt.Errorf("waiting for the workflow: %w", err)
	}
	return orchestration.Found{State: orchestration.State(out.State), Code: out.Code, Discovered: out.Discovered}, nil
}

// Describe implements orchestration.Workflows.
func (w *Workflows) Describe(ctx context.Context, workflowID string) (orchestration.Execution, error) {
	execution, err := w.describe(ctx, workflowID, "")
	if notFound := new(serviceerror.NotFound); errors.As(err, &notFound) {
		return orchestration.Execution{State: "unknown"}, nil
	}
	return execution, err
}

var states = map[enumspb.WorkflowExecutionStatus]orchestration.State{
	enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:          orchestration.StateRunning,
	enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: orchestration.StateRunning,
	enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:           orchestration.StateRunning,
	enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:        orchestration.StateCompleted,
	enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:           orchestration.StateFailed,
	enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:         orchestration.StateCancelled,
	enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:       "terminated",
	enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:        "timed_out",
}

func (w *Workflows) describe(ctx context.Context, workflowID, executionID string) (orchestration.Execution, error) {
	res, err := w.client.DescribeWorkflowExecution(ctx, workflowID, executionID)
	if err != nil {
		return orchestration.Execution{}, err
	}
	info := res.GetWorkflowExecutionInfo()
	execution := orchestration.Execution{State: "unknown", StartedAt: wire.Time(info.GetStartTime()), ClosedAt: wire.Time(info.GetCloseTime())}
	if state, ok := states[info.GetStatus()]; ok {
		execution.State = state
	}
	if payload, ok := info.GetMemo().GetFields()[memoRun]; ok {
		if err := w.payloads.FromPayload(payload, &execution.RunID); err != nil {
			return orchestration.Execution{}, fmt.Errorf("reading the workflow's memo: %w", err)
		}
	}
	return execution, nil
}

// Cancel implements orchestration.Workflows.
func (w *Workflows) Cancel(ctx context.Context, workflowID string, before time.Time) error {
	return w.cancel(ctx, workflowID, func(runID string) bool { return madeAt(runID).Before(before) })
}

// CancelRun implements orchestration.CancelWorkflows.
func (w *Workflows) CancelRun(ctx context.Context, workflowID, runID string) error {
	return w.cancel(ctx, workflowID, func(running string) bool { return running == runID })
}

// cancel asks the workflow to end where it executes a run that is meant.
func (w *Workflows) cancel(ctx context.Context, workflowID string, meant func(runID string) bool) error {
	execution, err := w.Describe(ctx, workflowID)
	if err != nil {
		return fmt.Errorf("looking at the workflow to cancel: %w", err)
	}
	if !execution.Running() || !meant(execution.RunID) {
		return nil
	}
	err = w.client.CancelWorkflow(ctx, workflowID, "")
	if notFound := new(serviceerror.NotFound); err == nil || errors.As(err, &notFound) {
		return nil
	}
	return fmt.Errorf("cancelling the workflow: %w", err)
}

// madeAt is when a run was made, to the millisecond: run ids are UUIDs of version 7 (RFC 9562
// §5.7). Zero for an id of another form.
func madeAt(runID string) time.Time {
	id, err := uuid.Parse(runID)
	if err != nil || id.Version() != 7 {
		return time.Time{}
	}
	return time.Unix(id.Time().UnixTime())
}
