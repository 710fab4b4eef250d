package orchestration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// The kinds of effects.
const (
	effectStartInitialSync = "start_initial_sync"
	effectConnected        = "connection_connected"
	effectDisconnected     = "connection_disconnected"
)

// How an effect ended.
const (
	OutcomeDone   = "done"
	OutcomeFailed = "failed" // for good
	OutcomeRetry  = "retry"
)

// Effect is what a committed change of one service must cause elsewhere.
type Effect struct {
	ID        string // a UUID, the idempotency key
	TenantID  string
	Kind      string
	CreatedAt time.Time // of the change
}

// Outcome is what became of an effect.
type Outcome struct {
	State  string            // done, failed or retry
	Result map[string]string // run_id, workflow_id and joined of a started run, or error
}

// Perform is the use case of doing what an effect asks for. Effects are handed out at least once,
// also to another process; the same one again does nothing more.
type Perform struct {
	start     *Start
	runs      Runs
	workflows Workflows
}

// NewPerform makes the use case.
func NewPerform(start *Start, runs Runs, workflows Workflows) *Perform {
	return &Perform{start: start, runs: runs, workflows: workflows}
}

// Do performs the effect for the tenant of the context. The error, for logs, goes with the
// outcomes failed and retry.
func (p *Perform) Do(ctx context.Context, effect Effect) (Outcome, error) {
	result, err := p.perform(ctx, effect)
	outcome := Outcome{State: OutcomeDone, Result: result}
	if err != nil {
		outcome = Outcome{State: OutcomeFailed, Result: map[string]string{"error": errs.ReasonOf(err)}}
		if mayPass(err) {
			outcome.State = OutcomeRetry
		}
	}
	return outcome, err
}

func (p *Perform) perform(ctx context.Context, effect Effect) (map[string]string, error) {
	switch effect.Kind {
	case effectStartInitialSync:
		started, err := p.start.Do(ctx, effect.TenantID, NewRun{ID: effect.ID, Kind: InitialSync, Trigger: TriggerManual})
		if err != nil {
			return nil, err
		}
		return map[string]string{
			"run_id": started.RunID, "workflow_id": started.WorkflowID, "joined": fmt.Sprint(started.Joined),
		}, nil
	case effectDisconnected:
		return nil, p.disconnected(ctx, effect)
	case effectConnected:
		if err := p.workflows.ResumeSchedule(ctx, effect.TenantID, "connected"); err != nil {
			return nil, unreachable(err)
		}
		return nil, nil
	}
	return nil, errs.New(errs.Invalid, "unknown_effect", "Nobody knows how to do this.", errs.WithMetadata("kind", effect.Kind))
}

// disconnected ends what cannot work any more: first in the database, so that rounds stop at
// their next chunk and the tenant can start anew, then the workflows. What was begun after the
// disconnect, on a new connection, goes on.
func (p *Perform) disconnected(ctx context.Context, effect Effect) error {
	workflowIDs, err := p.runs.Cancel(ctx, effect.CreatedAt)
	if err != nil {
		return fmt.Errorf("cancelling runs: %w", err)
	}
	var failures []error
	for _, workflowID := range workflowIDs {
		if err := p.workflows.Cancel(ctx, workflowID, effect.CreatedAt); err != nil {
			failures = append(failures, unreachable(err))
		}
	}
	if err := p.workflows.PauseSchedule(ctx, effect.TenantID, "disconnected"); err != nil {
		failures = append(failures, unreachable(err))
	}
	return errors.Join(failures...)
}

func unreachable(err error) error {
	return errs.Wrap(err, errs.Unavailable, "orchestrator_away", "The orchestrator cannot be reached at the moment.")
}

// mayPass reports a failure that another try may mend. A run that the orchestrator did not take
// has been closed, and the person is told: starting it later would surprise them.
func mayPass(err error) bool {
	if errs.ReasonOf(err) == codeUnavailable {
		return false
	}
	switch errs.KindOf(err) {
	case errs.Unavailable, errs.Deadline, errs.Cancelled, errs.Exhausted, errs.Internal:
		return true
	}
	return false
}
