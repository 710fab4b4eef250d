package orchestration

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
)

// effectErasePerson is the kind of the effect that finishes an erasure.
const effectErasePerson = "erase_person"

// Erasures are people who are erased on request.
type Erasures interface {
	// Finish carries out an erasure that was stored; nothing happens where that was done.
	Finish(ctx context.Context, erasureID string) error
}

// Engine performs the effects of the sync engine: erasures here, all others as Perform.
type Engine struct {
	perform  *Perform
	erasures Erasures
}

// NewEngine makes the use case.
func NewEngine(perform *Perform, erasures Erasures) *Engine {
	return &Engine{perform: perform, erasures: erasures}
}

// Do performs the effect for the tenant of the context. An erasure is tried until it is
// done: the person was promised it.
func (e *Engine) Do(ctx context.Context, effect Effect) (Outcome, error) {
	if effect.Kind != effectErasePerson {
		return e.perform.Do(ctx, effect)
	}
	err := e.erasures.Finish(ctx, effect.Arguments["erasure_id"])
	switch {
	case err == nil:
		return Outcome{State: OutcomeDone}, nil
	case errs.KindOf(err) == errs.NotFound, errs.KindOf(err) == errs.Invalid:
		return Outcome{State: OutcomeFailed, Result: map[string]string{"error": errs.ReasonOf(err)}}, err
	}
	return Outcome{State: OutcomeRetry}, err
}
