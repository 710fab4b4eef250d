package activity

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/entrasync/entrasync/pkg/backoff"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// verdict is what to do about a failure.
type verdict int

const (
	giveUp      verdict = iota // no retry can succeed
	waitAsAsked                // the service says when to retry; waiting is no failure
	tryUpstream                // upstream failed: a few more tries, not before it says
	tryOwn                     // one of our own services is down: retry until the run's deadline
)

// reasonThrottled says that Microsoft limits the rate: wait, however often.
const reasonThrottled = reason.Throttled

// reasonTimeout says that a statement ran into its limit: the database answers, and this work is
// too large for it. Repeating it would only keep the database busy.
const reasonTimeout = reason.DatabaseTimeout

// reasonBusy says that another round holds the directory.
const reasonBusy = reason.RoundInProgress

// reasonExpired says that a call's context token was too old: sign a new one.
const reasonExpired = reason.ContextExpired

// verdictOf classifies a failure by what the service that sent it states.
func verdictOf(e *errs.Error) verdict {
	stated := e.RetryAfter() > 0
	if class, ok := e.Metadata()[reason.ClassKey]; ok {
		switch {
		case reason.Class(class) != reason.ClassRetry:
			return giveUp // the partner, the customer or we must change something first
		case stated && e.Reason() == reasonThrottled:
			return waitAsAsked
		}
		return tryUpstream
	}
	switch e.Reason() {
	case reasonBusy:
		return waitAsAsked
	case reasonExpired:
		return tryOwn
	case reasonTimeout:
		return tryUpstream
	}
	switch e.Kind() {
	case errs.Exhausted:
		if stated {
			return waitAsAsked
		}
		return tryUpstream
	case errs.Unavailable, errs.Deadline, errs.Cancelled:
		return tryOwn
	case errs.Internal:
		return tryUpstream // a bug, or a service that failed in an unclassified way
	}
	return giveUp
}

// judge turns a call's error into an activity's. Its text is the reason's code and nothing else:
// nothing personal may enter a workflow history.
func (a *Activities) judge(err error, t *tracker) error {
	if errors.Is(err, errNoResult) {
		return again(reason.StreamEnded, a.ownDelay(t))
	}
	e := rpc.Normalise(err)
	switch verdictOf(e) {
	case waitAsAsked:
		delay := e.RetryAfter()
		if delay <= 0 {
			delay = a.pace.Busy
		}
		return waits(e.Reason(), delay)
	case tryOwn:
		return again(e.Reason(), a.ownDelay(t))
	case tryUpstream:
		failed := t.count(1, 0).Upstream
		if failed >= a.pace.UpstreamTries {
			return fatal(e.Reason())
		}
		return again(e.Reason(), max(backoff.Pause(failed, a.pace.UpstreamFirst, a.pace.UpstreamMost), e.RetryAfter()))
	}
	return fatal(e.Reason())
}

func (a *Activities) ownDelay(t *tracker) time.Duration {
	return backoff.Pause(t.count(0, 1).Own, a.pace.OwnFirst, a.pace.OwnMost)
}

// again is a failure after which the server makes another try when the delay is over.
func again(code string, delay time.Duration) error {
	return temporal.NewApplicationErrorWithOptions(code, code, temporal.ApplicationErrorOptions{NextRetryDelay: delay})
}

// waits is again for what is no failure: another round has the directory, or Microsoft asked to wait.
// It is logged as no error and counted as none.
func waits(code string, delay time.Duration) error {
	return temporal.NewApplicationErrorWithOptions(code, code, temporal.ApplicationErrorOptions{
		NextRetryDelay: delay, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

// fatal is a failure that is not retried.
func fatal(code string) error {
	return temporal.NewApplicationErrorWithOptions(code, code, temporal.ApplicationErrorOptions{NonRetryable: true})
}
