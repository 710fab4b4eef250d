package orchestration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Effect is what a committed change of one service must cause elsewhere.
type Effect struct {
	ID        string // a UUID, the idempotency key
	Kind      string
	CreatedAt time.Time // of the change
	Arguments map[string]string
}

// Mapping is a managed tenant's mapping as one change of it left it.
type Mapping struct {
	ManagedTenantID, EntraTenantID string
	ClientID                       string // empty when no client is mapped
	Revision                       int64
}

// OrphanDecision is what a person decided about the orphaned links of a mapping.
type OrphanDecision struct {
	ID        string // the idempotency key
	Mapping   Mapping
	Decision  string // relink or leave
	DecidedBy string // the person, by id
}

// OrphanResult counts what such a decision did to links.
type OrphanResult struct {
	Relinking int // those that the next sync of the client gives to its contacts
	Left      int // those that ended
	Orphaned  int // those that still wait for a person
}

// Links changes the links between identities and contacts.
type Links interface {
	// Revise applies a mapping revision and counts the links that wait for a
	// person.
	Revise(ctx context.Context, mapping Mapping) (orphaned int, err error)
	Decide(ctx context.Context, decision OrphanDecision) (OrphanResult, error)
}

// Outcome is how an effect ended.
type Outcome struct {
	State  string            // done, failed or retry
	Result map[string]string // by the effect's kind: what the contract of acknowledging says, or error
}

// Perform is the use case of doing what an effect asks for. Effects are handed out at least once,
// also to another process; the same one again does nothing more.
type Perform struct {
	start     *Start
	runs      Runs
	workflows Workflows
	links     Links
	schedule  *ApplySchedule
}

// NewPerform makes the use case.
func NewPerform(start *Start, runs Runs, workflows Workflows, links Links, schedule *ApplySchedule) *Perform {
	return &Perform{start: start, runs: runs, workflows: workflows, links: links, schedule: schedule}
}

// Do performs the effect for the tenant of the context. The error, for logs, goes with the
// outcomes failed and retry.
func (p *Perform) Do(ctx context.Context, effect Effect) (Outcome, error) {
	result, err := p.perform(ctx, effect)
	outcome := Outcome{State: effectkind.OutcomeDone, Result: result}
	if err != nil {
		outcome = Outcome{State: effectkind.OutcomeFailed, Result: map[string]string{"error": errs.ReasonOf(err)}}
		if mayPass(err) || OnManyLinks(effect.Kind) && !settled(err) {
			outcome.State = effectkind.OutcomeRetry
		}
	}
	return outcome, err
}

func (p *Perform) perform(ctx context.Context, effect Effect) (map[string]string, error) {
	switch effect.Kind {
	case effectkind.StartInitialSync:
		started, err := p.start.Do(ctx, NewRun{ID: effect.ID, Kind: InitialSync, Trigger: TriggerManual})
		if err != nil {
			return nil, err
		}
		return map[string]string{
			"run_id": started.RunID, "workflow_id": started.WorkflowID, "joined": fmt.Sprint(started.Joined),
		}, nil
	case effectkind.RunCreated:
		return nil, p.startCreated(ctx, effect)
	case effectkind.ConnectionDisconnected:
		return nil, p.disconnected(ctx, effect)
	case effectkind.ConnectionConnected, effectkind.ScheduleChanged:
		return nil, p.schedule.Do(ctx)
	case effectkind.MappingRevised:
		return p.revise(ctx, effect)
	case effectkind.OrphansDecided:
		return p.decide(ctx, effect)
	}
	return nil, errs.Of(reason.UnknownEffect, errs.WithMetadata("kind", effect.Kind))
}

// startCreated starts the workflow of a run that a change has made. The change is committed, so the
// start is retried until the orchestrator takes the run.
func (p *Perform) startCreated(ctx context.Context, effect Effect) error {
	_, err := p.start.Do(ctx, NewRun{
		ID: effect.ID, Kind: Kind(effect.Arguments["type"]), ClientID: effect.Arguments["client_id"], Trigger: TriggerManual,
	})
	if errs.ReasonOf(err) == codeUnavailable {
		return unreachable(err)
	}
	return err
}

func (p *Perform) revise(ctx context.Context, effect Effect) (map[string]string, error) {
	mapping, err := mappingOf(effect)
	if err != nil {
		return nil, err
	}
	orphaned, err := p.links.Revise(ctx, mapping)
	if err != nil {
		return nil, fmt.Errorf("applying a mapping revision: %w", err)
	}
	return map[string]string{"orphaned_links": strconv.Itoa(orphaned)}, nil
}

func (p *Perform) decide(ctx context.Context, effect Effect) (map[string]string, error) {
	mapping, err := mappingOf(effect)
	if err != nil {
		return nil, err
	}
	result, err := p.links.Decide(ctx, OrphanDecision{
		ID: effect.Arguments["decision_id"], Mapping: mapping, Decision: effect.Arguments["decision"], DecidedBy: effect.Arguments["decided_by"],
	})
	if err != nil {
		return nil, fmt.Errorf("carrying out the decision about orphaned links: %w", err)
	}
	answer := map[string]string{
		"relinking": strconv.Itoa(result.Relinking), "left": strconv.Itoa(result.Left), "orphaned_links": strconv.Itoa(result.Orphaned),
	}
	if result.Relinking > 0 {
		if err := p.sync(ctx, effect, mapping.ClientID, answer); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// sync starts a sync of the client, which finds its contacts for the links. A run that cannot be
// started does not undo the decision: the next run does it, and the answer says why none was started.
func (p *Perform) sync(ctx context.Context, effect Effect, clientID string, answer map[string]string) error {
	started, err := p.start.Do(ctx, NewRun{ID: effect.ID, Kind: ClientSync, ClientID: clientID, Trigger: TriggerManual})
	switch {
	case err == nil:
		answer["run_id"] = started.RunID
	case mayPass(err):
		return fmt.Errorf("starting the sync that relinks: %w", err)
	default:
		slog.WarnContext(ctx, "the sync that relinks was not started: the client's next one relinks", "client", clientID, "error", err)
		answer["error"] = errs.ReasonOf(err)
	}
	return nil
}

func mappingOf(effect Effect) (Mapping, error) {
	revision, err := strconv.ParseInt(effect.Arguments["revision"], 10, 64)
	if err != nil {
		return Mapping{}, errs.Of(reason.MalformedEffect, errs.WithCause(err))
	}
	return Mapping{
		ManagedTenantID: effect.Arguments["managed_tenant_id"], EntraTenantID: effect.Arguments["entra_tenant_id"],
		ClientID: effect.Arguments["client_id"], Revision: revision,
	}, nil
}

// disconnected ends what can no longer work: first in the database, so that rounds stop at their
// next range and the tenant can start new runs, then the workflows. What was begun after the
// disconnect, on a new connection, continues.
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
	if err := p.schedule.Do(ctx); err != nil {
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
