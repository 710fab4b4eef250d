package syncengine

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// What a person decides about what a guard held back.
const (
	DecisionApprove = "approve"
	DecisionReject  = "reject"
)

// HeldDecision is what a person decided about what a guard held back of a managed
// tenant in a run.
type HeldDecision struct {
	RunID           string
	ManagedTenantID string
	Decision        string // DecisionApprove or DecisionReject
	DecidedBy       string
	DecidedAt       time.Time
	StartedRunID    string // the run that carries an approval out; empty for a rejection
}

// Approval is what a run was started for: the held set of an earlier one.
type Approval struct {
	RunID           string
	ManagedTenantID string
	Reason          string // why the guard held it
}

// ofListing reports that the listing as a whole was held, and not inactivations.
func (a *Approval) ofListing() bool { return a.Reason != HeldMassInactivation }

// HeldStore keeps decisions about what guards held.
type HeldStore interface {
	ManagedTenant(ctx context.Context, runID, managedTenantID string) (Run, ManagedTenant, error) // ErrUnknownRun
	Run(ctx context.Context, id string) (Run, error)
	// HeldDecision is what was decided about it; false where nothing was.
	HeldDecision(ctx context.Context, runID, managedTenantID string) (HeldDecision, bool, error)
	// ApproveHeld records the approval, makes the run and has it started, all in one
	// transaction. ErrHeldDecided where somebody decided meanwhile, ErrApprovalRunning
	// where an approval of the managed tenant is being carried out.
	ApproveHeld(ctx context.Context, decision HeldDecision, managed ManagedTenant, start Run) error
	// RejectHeld records the rejection and whose links stay active.
	RejectHeld(ctx context.Context, decision HeldDecision, managed ManagedTenant) error
}

// Failures of decisions about what guards held.
var (
	ErrHeldDecided     = errs.Of(reason.HeldDecided)
	ErrApprovalRunning = errs.New(errs.Unavailable, reason.RoundInProgress,
		"An earlier approval for this managed tenant is being carried out.", errs.WithRetryAfter(5*time.Second))
	errNotHeld       = errs.Of(reason.NotHeld)
	errDigestDiffers = errs.Of(reason.HeldSetDiffers)
)

// DecideHeld carries out what a person decided about what a guard held back.
type DecideHeld struct {
	store   HeldStore
	mapping RoundMapping
	newID   func() string
	now     func() time.Time
}

// NewDecideHeld wires the use case.
func NewDecideHeld(store HeldStore, mapping RoundMapping, newID func() string, now func() time.Time) *DecideHeld {
	return &DecideHeld{store: store, mapping: mapping, newID: newID, now: now}
}

// Deciding asks to decide.
type Deciding struct {
	RunID, ManagedTenantID, Decision string
	Digest                           string // of the set that the person saw
	Actor                            string
}

// Do decides, and gives the run that carries an approval out. The same decision
// again gives the same answer. Reasons: not_found, not_held, held_set_differs,
// held_decided, mapping_changed, round_in_progress.
func (d *DecideHeld) Do(ctx context.Context, ask Deciding) (HeldDecision, *Run, error) {
	run, managed, err := d.store.ManagedTenant(ctx, ask.RunID, ask.ManagedTenantID)
	if err != nil {
		return HeldDecision{}, nil, err
	}
	if managed.Held == nil || run.DryRun {
		return HeldDecision{}, nil, errNotHeld
	}
	if managed.Held.Digest != ask.Digest {
		return HeldDecision{}, nil, errDigestDiffers
	}
	if was, started, found, err := d.decided(ctx, ask); err != nil || found {
		return was, started, err
	}
	decision := HeldDecision{
		RunID: ask.RunID, ManagedTenantID: ask.ManagedTenantID, Decision: ask.Decision, DecidedBy: ask.Actor,
		DecidedAt: d.now().Truncate(time.Microsecond), // as it is stored, and answered when it is asked for again
	}
	var started *Run
	if ask.Decision == DecisionReject {
		err = d.store.RejectHeld(ctx, decision, managed)
	} else {
		decision, started, err = d.approve(ctx, decision, managed)
	}
	if errors.Is(err, ErrHeldDecided) || errors.Is(err, ErrApprovalRunning) {
		// Somebody decided in this moment, and perhaps the same.
		if was, running, found, err := d.decided(ctx, ask); err != nil || found {
			return was, running, err
		}
	}
	if err != nil {
		return HeldDecision{}, nil, err
	}
	return decision, started, nil
}

// decided is what was decided before, with the run that carries it out, where that is the
// same; found is false where nothing was. ErrHeldDecided for another decision.
func (d *DecideHeld) decided(ctx context.Context, ask Deciding) (was HeldDecision, started *Run, found bool, err error) {
	was, found, err = d.store.HeldDecision(ctx, ask.RunID, ask.ManagedTenantID)
	switch {
	case err != nil || !found:
		return HeldDecision{}, nil, false, err
	case was.Decision != ask.Decision:
		return HeldDecision{}, nil, false, ErrHeldDecided
	case was.StartedRunID == "":
		return was, nil, true, nil
	}
	run, err := d.store.Run(ctx, was.StartedRunID)
	return was, &run, true, err
}

func (d *DecideHeld) approve(ctx context.Context, decision HeldDecision, managed ManagedTenant) (HeldDecision, *Run, error) {
	owner, err := tenant.IDFrom(ctx)
	if err != nil {
		return HeldDecision{}, nil, err
	}
	if err := checkMapping(ctx, d.mapping, managed.mapping()); err != nil {
		return HeldDecision{}, nil, err
	}
	id := d.newID()
	decision.StartedRunID = id
	start := Run{
		ID: id, WorkflowID: WorkflowID(owner, TypeSingleClient, managed.ClientID, false) + ":held:" + managed.ManagedTenantID,
		Type: TypeSingleClient, State: StateQueued, Trigger: TriggerManual, InitiatedBy: decision.DecidedBy, ClientID: managed.ClientID,
		CreatedAt: decision.DecidedAt,
		Approves:  &Approval{RunID: decision.RunID, ManagedTenantID: managed.ManagedTenantID, Reason: managed.Held.Reason},
	}
	return decision, &start, d.store.ApproveHeld(ctx, decision, managed, start)
}
