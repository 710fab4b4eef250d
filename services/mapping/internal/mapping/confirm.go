package mapping

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// startWait is how long a confirm waits for the sync that it asked for to start.
const startWait = 5 * time.Second

// Why an initial sync that was asked for has not started.
const (
	RunErrorNoMapping = reason.NoConfirmedMapping // nothing is mapped or to be created
	RunErrorPending   = reason.StartPending       // the worker has not answered yet; the sync starts when it does
	RunErrorFailed    = reason.StartFailed        // the worker gave up without saying why
)

// Confirmed is what a confirm did.
type Confirmed struct {
	Decisions int32    // as many as were sent, changed or not
	Summary   *Summary // nil where discovery cannot be reached
	Version   int64
	Run       *StartedRun // the sync that was asked for
	RunError  string      // why it did not start; the decisions are written
	Effects   string      // settled or pending
}

// StartedRun is a run that the worker started or joined.
type StartedRun struct {
	RunID      string
	WorkflowID string
	Joined     bool
}

// Ask names what decisions are checked against.
type Ask struct {
	ManagedTenantIDs []string
	ClientIDs        []string
	ExternalIDs      []string
	Version          *int64 // that the person saw; what was decided after it is wanted
	Ended            bool   // also the last decisions about managed tenants that have none in force
}

// Verdict is what a transaction of decisions is to write.
type Verdict struct {
	Changes   []Change
	Refreshes []Refresh // of decisions that stay as they are
	StartSync bool      // also ask for the initial sync
}

// Written is what it wrote.
type Written struct {
	Version   int64
	Active    []Mapping // the decisions in force about the managed tenants that were asked for
	States    States    // of every decision in force
	EffectIDs []string  // of the revisions that are to be applied to links
	StartID   string    // of the effect that starts the sync, where it was asked for
}

// EffectState is the state of an effect.
type EffectState struct {
	Done   bool
	Result map[string]string
}

// DecideStore writes decisions.
type DecideStore interface {
	// Decide calls decide with what is current, inside a transaction that no
	// other change of clients and mappings of the tenant can overtake, and
	// writes its verdict; an error of decide comes back and nothing is written.
	// The version rises when something changes. Where a managed tenant that had a
	// client before loses it or is mapped anew, an effect is written for its links.
	Decide(ctx context.Context, actor string, at time.Time, ask Ask, decide func(Current) (Verdict, error)) (Written, error)
}

// ConfirmStore writes decisions and knows their effects.
type ConfirmStore interface {
	DecideStore
	// Effect reads the state of an effect.
	Effect(ctx context.Context, id string) (EffectState, error)
}

// Confirm is the use case of writing what people decide.
type Confirm struct {
	managedTenants ManagedTenants
	store          ConfirmStore
	effects        Effects
	now            func() time.Time
}

// NewConfirm makes the use case.
func NewConfirm(managedTenants ManagedTenants, store ConfirmStore, effects Effects, now func() time.Time) *Confirm {
	return &Confirm{managedTenants: managedTenants, store: store, effects: effects, now: now}
}

// Do writes a person's decisions, all or nothing; see Plan for refusals. A
// nil version is not compared. It waits a few seconds for what the decisions
// cause elsewhere, and with startSync for the initial sync to start.
func (c *Confirm) Do(ctx context.Context, actor string, decisions []Decision, version *int64, startSync bool) (Confirmed, error) {
	ask := askFor(decisions, version)
	tenants, err := c.managedTenants.List(ctx, ask.ManagedTenantIDs)
	if err != nil {
		return Confirmed{}, err
	}
	byID := tenantsByID(tenants)
	nothingToSync := false
	written, err := c.store.Decide(ctx, actor, c.now(), ask, func(now Current) (Verdict, error) {
		changes, err := Plan(decisions, version, byID, now)
		verdict := Verdict{Changes: changes, Refreshes: refreshes(decisions, changes, byID, now)}
		if err != nil || !startSync {
			return verdict, err
		}
		nothingToSync = !anythingToSync(now.States, changes)
		verdict.StartSync = !nothingToSync
		return verdict, nil
	})
	if err != nil {
		return Confirmed{}, err
	}
	confirmed := Confirmed{Decisions: int32(len(decisions)), Summary: written.States.countAfter(ctx, c.managedTenants), Version: written.Version}
	switch {
	case nothingToSync:
		confirmed.RunError = RunErrorNoMapping
	case written.StartID != "":
		confirmed.Run, confirmed.RunError = c.started(ctx, written.StartID)
	}
	confirmed.Effects = settle.NewWaiter(c.effects).Wait(ctx, written.EffectIDs...)
	return confirmed, nil
}

func tenantsByID(tenants []ManagedTenant) map[string]ManagedTenant {
	byID := make(map[string]ManagedTenant, len(tenants))
	for _, t := range tenants {
		byID[t.ID] = t
	}
	return byID
}

// askFor names what the decisions must be checked against.
func askFor(decisions []Decision, version *int64) Ask {
	ask := Ask{Version: version, ManagedTenantIDs: make([]string, 0, len(decisions))}
	for _, d := range decisions {
		ask.ManagedTenantIDs = append(ask.ManagedTenantIDs, d.ManagedTenantID)
		if d.ClientID != "" {
			ask.ClientIDs = append(ask.ClientIDs, d.ClientID)
		}
		if d.ClientExternalID != "" {
			ask.ExternalIDs = append(ask.ExternalIDs, d.ClientExternalID)
		}
	}
	return ask
}

// anythingToSync says whether, after the changes, a managed tenant is mapped or
// will be.
func anythingToSync(states States, changes []Change) bool {
	changed := map[string]bool{}
	for _, change := range changes {
		changed[change.Tenant.ID] = true
		if change.State == StateMapped || change.State == StateCreateNew {
			return true
		}
	}
	for id, state := range states {
		if !changed[id] && (state == StateMapped || state == StateCreateNew) {
			return true
		}
	}
	return false
}

// started waits until the worker has answered the effect.
func (c *Confirm) started(ctx context.Context, effectID string) (*StartedRun, string) {
	var state EffectState
	ended := c.effects.Until(ctx, startWait, func(ctx context.Context) bool {
		var err error
		state, err = c.store.Effect(ctx, effectID)
		return err == nil && state.Done
	})
	if !ended {
		return nil, RunErrorPending
	}
	return startedRun(state.Result)
}

// startedRun reads the worker's answer: run_id, workflow_id and joined, or error.
func startedRun(result map[string]string) (*StartedRun, string) {
	if code := result["error"]; code != "" {
		return nil, code
	}
	if result["run_id"] == "" {
		return nil, RunErrorFailed
	}
	return &StartedRun{RunID: result["run_id"], WorkflowID: result["workflow_id"], Joined: result["joined"] == "true"}, ""
}
