package orchestration

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// sweepAge is the least age of a run whose workflow is looked up: starting takes a moment.
	sweepAge = 2 * time.Minute
	// sweepSize is how many runs are listed in one call.
	sweepSize = 1000
)

// Sweep is the use case of closing runs that nothing executes.
type Sweep struct {
	runs      Runs
	workflows Workflows
}

// NewSweep makes the use case.
func NewSweep(runs Runs, workflows Workflows) *Sweep {
	return &Sweep{runs: runs, workflows: workflows}
}

// Do closes open runs whose workflow is gone or executes another run, and counts them. Several
// sweepers may run at once. A run whose workflow could not be looked up stays open.
func (s *Sweep) Do(ctx context.Context, now time.Time) (closed int, err error) {
	var failures []error
	for after := ""; ; {
		runs, err := s.runs.Open(ctx, now.Add(-sweepAge), after, sweepSize)
		if err != nil {
			return closed, errors.Join(append(failures, fmt.Errorf("listing open runs: %w", err))...)
		}
		ended, failed, err := s.closeLost(ctx, runs)
		closed, failures = closed+ended, append(failures, failed...)
		if err != nil {
			return closed, errors.Join(append(failures, err)...)
		}
		if len(runs) < sweepSize {
			return closed, errors.Join(failures...)
		}
		after = runs[len(runs)-1].RunID
	}
}

// closeLost closes those of the runs that nothing executes. failures are those of
// single runs; err is the orchestrator's, which is down for all.
func (s *Sweep) closeLost(ctx context.Context, runs []OpenRun) (closed int, failures []error, err error) {
	for _, run := range runs {
		lost, err := s.lost(ctx, run)
		if err != nil {
			return closed, failures, err
		}
		if !lost {
			continue
		}
		if err := s.close(ctx, run); err != nil {
			failures = append(failures, err)
			continue
		}
		closed++
	}
	return closed, failures, nil
}

func (s *Sweep) lost(ctx context.Context, run OpenRun) (bool, error) {
	execution, err := s.workflows.Describe(ctx, run.WorkflowID)
	if err != nil {
		return false, fmt.Errorf("looking for the workflow of run %s: %w", run.RunID, err)
	}
	return !execution.Running() || execution.RunID != run.RunID, nil
}

func (s *Sweep) close(ctx context.Context, run OpenRun) error {
	ctx, err := bySystem(ctx, run.TenantID)
	if err != nil {
		return err
	}
	if err := s.runs.Fail(ctx, run.RunID, ProblemOf(CodeLost)); err != nil {
		return fmt.Errorf("closing run %s: %w", run.RunID, err)
	}
	return nil
}
