package orchestration

import (
	"context"
	"errors"
	"log/slog"
)

// CancelRuns closes runs in the database.
type CancelRuns interface {
	// CancelOne closes an open run and gives the workflow that executes it; again, as long as
	// rounds of it have not stopped. errs.NotFound, or reason "run_not_running" for a run that
	// ended otherwise.
	CancelOne(ctx context.Context, runID string) (workflowIDs []string, err error)
}

// CancelWorkflows asks workflows to end.
type CancelWorkflows interface {
	// CancelRun asks a workflow to end that executes the run; it is no error if there is none.
	CancelRun(ctx context.Context, workflowID, runID string) error
}

// Cancel is the use case of ending a run before its end.
type Cancel struct {
	runs      CancelRuns
	workflows CancelWorkflows
}

// NewCancel makes the use case.
func NewCancel(runs CancelRuns, workflows CancelWorkflows) *Cancel {
	return &Cancel{runs: runs, workflows: workflows}
}

// Do cancels the run: in the database first, which is what rounds look at. A workflow that cannot be
// asked to end now finds the run closed at its next step, so the run is cancelled in any case.
func (c *Cancel) Do(ctx context.Context, runID string) error {
	workflowIDs, err := c.runs.CancelOne(ctx, runID)
	if err != nil {
		return err
	}
	var failures []error
	for _, id := range workflowIDs {
		failures = append(failures, c.workflows.CancelRun(ctx, id, runID))
	}
	if err := errors.Join(failures...); err != nil {
		slog.WarnContext(ctx, "the workflow of a cancelled run was not asked to end", "run", runID, "error", err)
	}
	return nil
}
