package mapping

import (
	"context"
	"time"
)

const (
	// EffectStartInitialSync asks the worker to start the initial sync.
	EffectStartInitialSync = "start_initial_sync"
	// startWait is how long a confirm waits for the sync it asked for to start.
	startWait = 5 * time.Second
	// startPoll is how often it looks.
	startPoll = 50 * time.Millisecond
)

// Why an initial sync that was asked for has not started.
const (
	RunErrorNoMapping = "no_confirmed_mapping" // nothing is mapped or to be created
	RunErrorPending   = "start_pending"        // the worker has not answered yet; the sync starts when it does
	RunErrorFailed    = "start_failed"         // the worker gave up without saying why
)

// Confirmed is what a confirm did.
type Confirmed struct {
	Decisions int32 // as many as were sent, changed or not
	Summary   Summary
	Version   int64
	Run       *StartedRun // the sync that was asked for
	RunError  string      // why it did not start; the confirm stands
}

// StartedRun is a run that the worker started or joined.
type StartedRun struct {
	RunID      string
	WorkflowID string
	Joined     bool
}

// Verdict is what a transaction of decisions shall write.
type Verdict struct {
	Changes []Change
	Effect  string // kind of an effect to be written, empty for none
}

// Written is what it wrote.
type Written struct {
	Version  int64
	Active   []Mapping // every decision in force
	EffectID string    // of the effect, where one was written
}

// EffectState is how far an effect is.
type EffectState struct {
	Done   bool
	Result map[string]string
}

// ConfirmStore writes decisions.
type ConfirmStore interface {
	// Decide calls decide with what is current, inside a transaction that no
	// other change of clients and mappings of the tenant can overtake, and
	// writes its verdict; an error of decide comes back and nothing is written.
	// The version rises when something changes. wanted are the clients that
	// Current must hold.
	Decide(ctx context.Context, actor string, at time.Time, wanted []string, decide func(Current) (Verdict, error)) (Written, error)
	// Effect tells how far an effect is.
	Effect(ctx context.Context, id string) (EffectState, error)
}

// Confirmer writes what people decide.
type Confirmer struct {
	directory Directory
	store     ConfirmStore
	now       func() time.Time
}

// NewConfirmer makes a confirmer.
func NewConfirmer(directory Directory, store ConfirmStore, now func() time.Time) *Confirmer {
	return &Confirmer{directory: directory, store: store, now: now}
}

// Confirm writes a person's decisions, all or nothing; see Plan for refusals. A
// nil version is not compared. With startSync it waits a few seconds for the
// initial sync to start.
func (c *Confirmer) Confirm(ctx context.Context, actor string, decisions []Decision, version *int64, startSync bool) (Confirmed, error) {
	tenants, err := c.directory.ManagedTenants(ctx, nil)
	if err != nil {
		return Confirmed{}, err
	}
	byID := make(map[string]ManagedTenant, len(tenants))
	for _, t := range tenants {
		byID[t.ID] = t
	}
	var wanted []string
	for _, d := range decisions {
		if d.ClientID != "" {
			wanted = append(wanted, d.ClientID)
		}
	}
	nothingToSync := false
	written, err := c.store.Decide(ctx, actor, c.now(), wanted, func(now Current) (Verdict, error) {
		changes, err := Plan(decisions, version, byID, now)
		if err != nil || !startSync {
			return Verdict{Changes: changes}, err
		}
		if nothingToSync = !anythingToSync(now.Active, changes); nothingToSync {
			return Verdict{Changes: changes}, nil
		}
		return Verdict{Changes: changes, Effect: EffectStartInitialSync}, nil
	})
	if err != nil {
		return Confirmed{}, err
	}
	confirmed := Confirmed{Decisions: int32(len(decisions)), Summary: summarise(written.Active, tenants), Version: written.Version}
	switch {
	case nothingToSync:
		confirmed.RunError = RunErrorNoMapping
	case written.EffectID != "":
		confirmed.Run, confirmed.RunError = c.started(ctx, written.EffectID)
	}
	return confirmed, nil
}

// anythingToSync says whether, after the changes, a managed tenant is mapped or
// will be.
func anythingToSync(active map[string]Mapping, changes []Change) bool {
	changed := map[string]bool{}
	for _, change := range changes {
		changed[change.Tenant.ID] = true
		if change.State == StateMapped || change.State == StateCreateNew {
			return true
		}
	}
	for id, m := range active {
		if !changed[id] && (m.State == StateMapped || m.State == StateCreateNew) {
			return true
		}
	}
	return false
}

// started waits until the worker has answered the effect. Whatever happens
// here, the confirm is committed and stands.
func (c *Confirmer) started(ctx context.Context, effectID string) (*StartedRun, string) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	ticker := time.NewTicker(startPoll)
	defer ticker.Stop()
	for {
		state, err := c.store.Effect(ctx, effectID)
		if err == nil && state.Done {
			return startedRun(state.Result)
		}
		select {
		case <-ctx.Done():
			return nil, RunErrorPending
		case <-ticker.C:
		}
	}
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
