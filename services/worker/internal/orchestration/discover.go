package orchestration

import (
	"context"
	"fmt"
	"time"
)

// discoveryWait is how long a caller waits for a discovery's end.
const discoveryWait = 25 * time.Second

// Unreadable is a managed tenant that the discovery could not read.
type Unreadable struct {
	ManagedTenantID string
	EntraTenantID   string
	DisplayName     string
	Problem         Problem
}

// Discoveries reads what discoveries found.
type Discoveries interface {
	// Unreadable lists the tenant's managed tenants that could not be read.
	Unreadable(ctx context.Context) ([]Unreadable, error)
}

// Discovered is the state of a discovery.
type Discovered struct {
	RunID      string
	State      State // running, completed or failed
	Discovered int   // managed tenants, once completed
	Unreadable []Unreadable
	Problem    *Problem // why it failed
}

// Discover is the use case of starting or joining a discovery and waiting a while for its end.
type Discover struct {
	start       *Start
	workflows   Workflows
	discoveries Discoveries
	wait        time.Duration
}

// NewDiscover makes the use case.
func NewDiscover(start *Start, workflows Workflows, discoveries Discoveries) *Discover {
	return &Discover{start: start, workflows: workflows, discoveries: discoveries, wait: discoveryWait}
}

// Do starts the discovery for the tenant of the context and waits at most 25 s; then its state
// is running and it continues in the background.
func (d *Discover) Do(ctx context.Context) (Discovered, error) {
	wait, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	started, executionID, err := d.start.start(ctx, NewRun{Kind: Discovery, Trigger: TriggerManual})
	if err != nil {
		return Discovered{}, err
	}
	found, err := d.workflows.AwaitDiscovery(wait, started.WorkflowID, executionID)
	if err != nil {
		if ctx.Err() != nil {
			return Discovered{}, fmt.Errorf("waiting for the discovery: %w", ctx.Err())
		}
		// It took longer, or the orchestrator became unreachable: the run continues.
		return Discovered{RunID: started.RunID, State: StateRunning}, nil
	}
	if found.State != StateCompleted {
		code := found.Code
		if code == "" {
			code = string(found.State) // cancelled
		}
		problem := ProblemOf(code)
		return Discovered{RunID: started.RunID, State: StateFailed, Problem: &problem}, nil
	}
	unreadable, err := d.discoveries.Unreadable(ctx)
	if err != nil {
		return Discovered{}, fmt.Errorf("listing unreadable tenants: %w", err)
	}
	return Discovered{RunID: started.RunID, State: StateCompleted, Discovered: found.Discovered, Unreadable: unreadable}, nil
}
