package orchestration

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
)

// Erasures are people who are erased on request.
type Erasures interface {
	// Finish carries out an erasure that was stored; nothing happens where that was done.
	Finish(ctx context.Context, erasureID string) error
}

// FinishErasure is the use case of carrying out the erasure of a person. All other effects go to
// the next performer.
type FinishErasure struct {
	erasures Erasures
	next     Performer
}

// NewFinishErasure makes the use case.
func NewFinishErasure(erasures Erasures, next Performer) *FinishErasure {
	return &FinishErasure{erasures: erasures, next: next}
}

// Do performs the effect for the tenant of the context. An erasure is retried until
// it is done, as the person was promised.
func (f *FinishErasure) Do(ctx context.Context, effect Effect) (Outcome, error) {
	if effect.Kind != effectkind.ErasePerson {
		return f.next.Do(ctx, effect)
	}
	err := f.erasures.Finish(ctx, effect.Arguments["erasure_id"])
	switch {
	case err == nil:
		return Outcome{State: effectkind.OutcomeDone}, nil
	case errs.KindOf(err) == errs.NotFound, errs.KindOf(err) == errs.Invalid:
		return Outcome{State: effectkind.OutcomeFailed, Result: map[string]string{"error": errs.ReasonOf(err)}}, err
	}
	return Outcome{State: effectkind.OutcomeRetry}, err
}
