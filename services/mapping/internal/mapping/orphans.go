package mapping

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// What a person can decide about orphaned links.
const (
	OrphansRelink = "relink" // a sync gives them to contacts of the client that is mapped now
	OrphansLeave  = "leave"  // they end; the contacts stay
)

// orphansRetry is when to ask again while a mapping revision, or another decision, is applied.
const orphansRetry = 2 * time.Second

// The refusals of a decision about orphaned links.
var (
	errNoOrphans       = errs.Of(reason.NoOrphans)
	errRelinkNowhere   = errs.New(errs.Conflict, reason.NotMapped, "Links can only go to the client that the managed tenant is mapped to, and it is mapped to none.")
	errDecisionPending = errs.New(errs.Conflict, reason.DecisionPending, "Another decision about these links is being done.",
		errs.WithRetryAfter(orphansRetry))
	errEffectsPending = errs.Of(reason.EffectsPending, errs.WithRetryAfter(orphansRetry))
	errMappingChanged = errs.Of(reason.MappingChanged)
)

// OrphanState is what is known of a managed tenant's orphaned links.
type OrphanState struct {
	Links         int32
	Revising      bool   // the engine has not applied the last mapping revision yet
	EntraTenantID string // empty when the managed tenant was never decided about
	ClientID      string // of the mapping in force; empty without one
	Revision      int64
	Pending       *OrphanDecision // being done
}

// OrphanDecision is what a person decided about the links of a managed tenant.
type OrphanDecision struct {
	ID       string // empty for one that is to be written
	Revision int64  // of the mapping
	Decision string // relink or leave
}

// OrphansDone is how such a decision ended.
type OrphansDone struct {
	Failed    bool
	Error     string // why, as a stable reason
	Relinking int32  // links that the next sync gives to contacts of the new client
	Left      int32  // links that were ended
	RunID     string // of the sync that was started or joined for it; empty when none was
}

// OrphanStore keeps decisions about orphaned links.
type OrphanStore interface {
	// DecideOrphans calls decide with what is current, inside a transaction that
	// no other change of the tenant's mappings can overtake, and writes its
	// decision with an effect, when that has no id yet. It gives the decision's id.
	DecideOrphans(ctx context.Context, actor string, at time.Time, managedTenantID string, decide func(OrphanState) (OrphanDecision, error)) (string, error)
	// OrphansDone returns how a decision ended; nil while it is being done.
	OrphansDone(ctx context.Context, id string) (*OrphansDone, error)
}

// DecideOrphans is the use case of writing what people decide about orphaned links.
type DecideOrphans struct {
	store   OrphanStore
	effects Effects
	now     func() time.Time
}

// NewDecideOrphans makes the use case.
func NewDecideOrphans(store OrphanStore, effects Effects, now func() time.Time) *DecideOrphans {
	return &DecideOrphans{store: store, effects: effects, now: now}
}

// DecidedOrphans is what became of a decision.
type DecidedOrphans struct {
	OrphansDone
	Effects string // settled or pending; the counts are known once it is settled
}

// Do writes a decision about all orphaned links of a managed tenant, and
// waits a few seconds for the engine. The same decision again, while it is being
// done, joins it. errs.NotFound "no_orphans"; errs.Conflict "not_mapped",
// "decision_pending", "effects_pending", "mapping_changed" and
// "decision_failed".
func (d *DecideOrphans) Do(ctx context.Context, actor, managedTenantID, decision string) (DecidedOrphans, error) {
	id, err := d.store.DecideOrphans(ctx, actor, d.now(), managedTenantID, func(state OrphanState) (OrphanDecision, error) {
		return planOrphans(decision, state)
	})
	if err != nil {
		return DecidedOrphans{}, err
	}
	var done *OrphansDone
	ended := d.effects.Until(ctx, settle.DefaultTimeout, func(ctx context.Context) bool {
		var err error
		done, err = d.store.OrphansDone(ctx, id)
		return err == nil && done != nil
	})
	switch {
	case !ended:
		return DecidedOrphans{Effects: settle.Pending}, nil
	case done.Error == errMappingChanged.Reason():
		return DecidedOrphans{}, errMappingChanged
	case done.Failed:
		return DecidedOrphans{}, errs.Of(reason.DecisionFailed, errs.WithMetadata("error", done.Error))
	}
	return DecidedOrphans{OrphansDone: *done, Effects: settle.Settled}, nil
}

// planOrphans checks a decision; the one that is being done already comes back
// for a repeat of it.
func planOrphans(decision string, state OrphanState) (OrphanDecision, error) {
	switch {
	case state.Pending != nil && state.Pending.Decision == decision && state.Pending.Revision == state.Revision:
		return *state.Pending, nil
	case state.Pending != nil:
		return OrphanDecision{}, errDecisionPending
	case state.Revising:
		return OrphanDecision{}, errEffectsPending
	case state.Links == 0:
		return OrphanDecision{}, errNoOrphans
	case decision == OrphansRelink && state.ClientID == "":
		return OrphanDecision{}, errRelinkNowhere
	}
	return OrphanDecision{Revision: state.Revision, Decision: decision}, nil
}
