package orchestration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
)

const (
	// startWait is how long the orchestrator has to take a run.
	startWait = 4 * time.Second
	// closeWait is how long closing a run that was not taken may take, whatever the caller does.
	closeWait = 5 * time.Second
)

// Started is a run in the background.
type Started struct {
	RunID      string
	WorkflowID string
	Joined     bool // it was in flight before
}

// Start is the use case of starting a run or joining the one in flight.
type Start struct {
	runs      Runs
	workflows Workflows
}

// NewStart makes the use case.
func NewStart(runs Runs, workflows Workflows) *Start { return &Start{runs: runs, workflows: workflows} }

// Do starts the run for the tenant of the context. That a run is joined is a fact of the
// database; the workflow follows. A run with the asked id is not joined but the caller's own, and
// when it has ended nothing is started. When the orchestrator does not take it, a fresh run is closed
// as failed and the error is errs.Unavailable, reason "orchestrator_unavailable".
func (s *Start) Do(ctx context.Context, run NewRun) (Started, error) {
	started, _, err := s.start(ctx, run)
	return started, err
}

func (s *Start) start(ctx context.Context, ask NewRun) (started Started, executionID string, err error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return Started{}, "", err
	}
	run, err := s.runs.Create(ctx, ask)
	if err != nil {
		return Started{}, "", fmt.Errorf("creating the run: %w", err)
	}
	own := run.ID == ask.ID
	started = Started{RunID: run.ID, WorkflowID: run.WorkflowID, Joined: run.Joined && !own}
	if own && !run.Open() {
		return started, "", nil
	}
	wait, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	executionID, err = s.workflows.Start(wait, Job{
		Kind: ask.Kind, TenantID: id.String(), RunID: run.ID, WorkflowID: run.WorkflowID, ClientID: run.ClientID, Ticket: run.Ticket, Urgency: ask.urgency(),
	})
	if err != nil {
		err = errs.Of(codeUnavailable, errs.WithCause(err))
		if run.Joined {
			return Started{}, "", err // its workflow may have started
		}
		return Started{}, "", s.giveUp(ctx, run, err)
	}
	return started, executionID, nil
}

// giveUp closes a run that no workflow executes.
func (s *Start) giveUp(ctx context.Context, run Run, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer cancel()
	if err := s.runs.Fail(ctx, run.ID, ProblemOf(codeUnavailable)); err != nil {
		// The sweeper closes it later.
		return errors.Join(cause, fmt.Errorf("closing the run: %w", err))
	}
	return cause
}
