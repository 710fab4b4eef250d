package orchestration

import (
	"context"
	"errors"
	"fmt"
	"sync"

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

// remembered is how many settled effects are kept to answer a repeated hand-out.
const remembered = 1000

// Effect is what a committed change of one service must cause elsewhere.
type Effect struct {
	ID       string // the idempotency key
	TenantID string
	Kind     string
}

// Outcome is what became of an effect.
type Outcome struct {
	State  string            // done, failed or retry
	Result map[string]string // run_id, workflow_id and joined of a started run, or error
}

// Perform is the use case of doing what an effect asks for. Effects are handed out at least once;
// the same one again gives the answer of the first time.
type Perform struct {
	start     *Start
	runs      Runs
	workflows Workflows

	mu      sync.Mutex
	settled map[string]Outcome
	order   []string // of settled, oldest first
}

// NewPerform makes the use case.
func NewPerform(start *Start, runs Runs, workflows Workflows) *Perform {
	return &Perform{start: start, runs: runs, workflows: workflows, settled: map[string]Outcome{}}
}

// Do performs the effect for the tenant of the context. The error, for logs, goes with the
// outcomes failed and retry.
func (p *Perform) Do(ctx context.Context, effect Effect) (Outcome, error) {
	if outcome, ok := p.recall(effect.ID); ok {
		return outcome, nil
	}
	result, err := p.perform(ctx, effect)
	outcome := Outcome{State: OutcomeDone, Result: result}
	if err != nil {
		outcome = Outcome{State: OutcomeFailed, Result: map[string]string{"error": errs.ReasonOf(err)}}
		if mayPass(err) {
			outcome.State = OutcomeRetry
		}
	}
	if outcome.State != OutcomeRetry {
		p.remember(effect.ID, outcome)
	}
	return outcome, err
}

func (p *Perform) perform(ctx context.Context, effect Effect) (map[string]string, error) {
	switch effect.Kind {
	case effectStartInitialSync:
		started, err := p.start.Do(ctx, effect.TenantID, NewRun{Kind: InitialSync, Trigger: TriggerManual})
		if err != nil {
			return nil, err
		}
		return map[string]string{
			"run_id": started.RunID, "workflow_id": started.WorkflowID, "joined": fmt.Sprint(started.Joined),
		}, nil
	case effectDisconnected:
		return nil, p.disconnected(ctx, effect.TenantID)
	case effectConnected:
		if err := p.workflows.ResumeSchedule(ctx, effect.TenantID, "connected"); err != nil {
			return nil, unreachable(err)
		}
		return nil, nil
	}
	return nil, errs.New(errs.Invalid, "unknown_effect", "Nobody knows how to do this.", errs.WithMetadata("kind", effect.Kind))
}

// disconnected ends what cannot work any more: first in the database, so that rounds stop at
// their next chunk and the tenant can start anew, then the workflows.
func (p *Perform) disconnected(ctx context.Context, tenantID string) error {
	workflowIDs, err := p.runs.Cancel(ctx)
	if err != nil {
		return fmt.Errorf("cancelling runs: %w", err)
	}
	var failures []error
	for _, workflowID := range workflowIDs {
		if err := p.workflows.Cancel(ctx, workflowID); err != nil {
			failures = append(failures, unreachable(err))
		}
	}
	if err := p.workflows.PauseSchedule(ctx, tenantID, "disconnected"); err != nil {
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

func (p *Perform) recall(id string) (Outcome, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	outcome, ok := p.settled[id]
	return outcome, ok
}

func (p *Perform) remember(id string, outcome Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.settled[id]; known {
		return
	}
	if len(p.order) >= remembered {
		delete(p.settled, p.order[0])
		p.order = p.order[1:]
	}
	p.settled[id] = outcome
	p.order = append(p.order, id)
}
