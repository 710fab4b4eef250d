package orchestration

import (
	"context"
	"strconv"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Decisions are what people decided about items of the queue.
type Decisions interface {
	// Finish carries out a stored decision about an item; nothing happens where that was
	// done.
	Finish(ctx context.Context, itemID string, attempt int) error
}

// FinishDecision is the use case of finishing a decision that was interrupted between the
// queue and the links. Every failure is retried except that of an effect that cannot be read:
// what the engine refuses ends the decision and is no failure.
type FinishDecision struct{ decisions Decisions }

// NewFinishDecision makes the use case.
func NewFinishDecision(decisions Decisions) *FinishDecision {
	return &FinishDecision{decisions: decisions}
}

// Do performs the effect for the tenant of the context.
func (f *FinishDecision) Do(ctx context.Context, effect Effect) (Outcome, error) {
	attempt, err := strconv.Atoi(effect.Arguments["attempt"])
	if effect.Kind != effectkind.FinishDecision || err != nil {
		err = errs.Of(reason.MalformedEffect, errs.WithMetadata("kind", effect.Kind))
		return Outcome{State: effectkind.OutcomeFailed, Result: map[string]string{"error": reason.MalformedEffect}}, err
	}
	if err := f.decisions.Finish(ctx, effect.Arguments["item_id"], attempt); err != nil {
		return Outcome{State: effectkind.OutcomeRetry}, err
	}
	return Outcome{State: effectkind.OutcomeDone}, nil
}
