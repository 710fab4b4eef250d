package syncengine

import "context"

// heldListing is why a listing must not be applied; empty where it may be, or where
// a person has approved it for the directory.
func (w *work) heldListing(ctx context.Context) (string, error) {
	why := guardListing(w.tally)
	if why == "" {
		return "", nil
	}
	approved, err := w.round.ListingApproved(ctx)
	if approved {
		why = ""
	}
	return why, err
}

// holdInactivations holds back what a guard does not let through, and counts what
// is left of the plan's inactivations. What a person approved goes through: of a
// held listing everything while the listing is as it was, else the set.
func (w *work) holdInactivations(ctx context.Context, planned *Changes, result *Result) error {
	settings, active := w.rules.Settings, w.tally.ActiveLinks
	if !guardInactivations(settings, planned.Inactivated, active) {
		return nil
	}
	var through Changes
	if approval := w.run.Approves; approval != nil {
		if approval.ofListing() && guardListing(w.tally) != "" {
			return nil
		}
		var err error
		if through, err = w.round.LetThrough(ctx, approval.RunID); err != nil {
			return err
		}
		if !guardInactivations(settings, planned.Inactivated-through.Inactivated, active) {
			return nil
		}
	}
	held, err := w.round.Hold(ctx, !w.run.DryRun, w.step)
	if err != nil {
		return err
	}
	result.Held, result.State = &held, StateHeld
	planned.Inactivated, planned.InactivatedGone = through.Inactivated, through.InactivatedGone
	return nil
}
