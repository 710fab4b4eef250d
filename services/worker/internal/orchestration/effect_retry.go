package orchestration

import (
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// OnManyLinks reports an effect that writes to as many links as a directory has identities, which
// takes minutes. It may be interrupted and repeated at any point.
func OnManyLinks(kind string) bool {
	return kind == effectkind.MappingRevised || kind == effectkind.OrphansDecided
}

// settled reports a failure that no retry changes: a malformed effect, or one that a later change
// superseded. All others, including refused permissions and unknown methods, may succeed with a newer
// version or another call, and giving up would leave links that do not reflect their mapping.
func settled(err error) bool {
	switch errs.ReasonOf(err) {
	case reason.MappingChanged, reason.MappingDiffers, reason.NotMapped, reason.DecisionDiffers:
		return true
	}
	return errs.KindOf(err) == errs.Invalid
}

func unreachable(err error) error {
	return errs.Of(reason.OrchestratorAway, errs.WithCause(err))
}

// mayPass reports a failure after which a retry may succeed. A run that the orchestrator did not
// accept has been closed, and the person has seen that: it is not started later.
func mayPass(err error) bool {
	if errs.ReasonOf(err) == codeUnavailable {
		return false
	}
	switch errs.KindOf(err) {
	case errs.Unavailable, errs.Deadline, errs.Cancelled, errs.Exhausted, errs.Internal:
		return true
	}
	return false
}
