package syncengine

import (
	"context"
	"errors"
)

// ErrReportGone is returned by Close where the report that the result refers to was
// deleted meanwhile: the round must report by itself.
var ErrReportGone = errors.New("the report of the earlier run is not kept any longer")

// unchanged reports a round that has nothing to do: nothing changed in the directory
// since the last one, nor in the contacts of its people, and no item waits for a person.
// An attempt that follows another one counts what that one wrote, and a dry run reports
// everybody.
func (w *work) unchanged() bool {
	return w.silent && w.last.Standing != nil && w.last.Standing.Undecided == 0 && w.last.Standing.ReportedIn != "" && w.managed.StartedAt == nil && !w.run.DryRun && w.run.Approves == nil &&
		guardListing(w.last.Standing.listed()) == ""
}

// listed is the tally with those whom the filters let pass.
func (s *Standing) listed() Tally {
	t := s.tally()
	t.Passed = max(t.Identities-t.Failed-sum(t.Filtered), 0)
	return t
}

// closeUnchanged ends such a round. What it comes to was counted by the last one that
// had something to do, so that it costs the same for any directory.
func (w *work) closeUnchanged(ctx context.Context, listing Listing) (Result, error) {
	w.tally = w.last.Standing.tally()
	result := Result{
		State: StateCompleted, Filtered: w.tally.Filtered, Failures: w.tally.Failures, Listing: listing, Fingerprint: w.rules.Settings.Fingerprint(),
		Members: w.rules.Settings.Members,
		Applied: true, Standing: w.last.Standing, Counters: countersOf(w.tally, Changes{}, 0),
	}
	if w.tally.Failed > 0 {
		result.State = StatePartial
	}
	if err := w.enter(PhaseClosing); err != nil {
		return Result{}, err
	}
	err := w.record(ctx, &result, w.last.Standing.ReportedIn)
	return result, err
}
