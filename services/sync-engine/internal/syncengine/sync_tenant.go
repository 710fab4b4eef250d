package syncengine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"time"
)

// Phases of a round.
const (
	PhaseMapping   = "mapping" // links are brought in line with the mapping
	PhaseStaging   = "staging"
	PhasePreparing = "preparing"
	PhaseDeciding  = "deciding"
	PhaseApplying  = "applying"
	PhaseClosing   = "closing"
	PhaseDone      = "done"
)

// clockSkew is by how much the queue's clock may differ from ours. It is shorter
// than any wait between two attempts of a round.
const clockSkew = 2 * time.Second

// Progress is how far a round has come.
type Progress struct {
	Phase           string
	Staged, Applied int
	Done            int // identities, links or items that the phase has gone through; each pass counts
}

// SyncTenant does one round for one managed tenant: stage, decide, apply, close.
type SyncTenant struct {
	store   RoundStore
	users   UserSource
	mapping RoundMapping
	queue   Queue
	now     func() time.Time
}

// NewSyncTenant wires the use case.
func NewSyncTenant(store RoundStore, users UserSource, mapping RoundMapping, queue Queue, now func() time.Time) *SyncTenant {
	return &SyncTenant{store: store, users: users, mapping: mapping, queue: queue, now: now}
}

// Do does the round, records its result and returns its state and counters. Where a result
// is recorded already, it returns that one. After a crash at any point, calling it again
// completes the round. It calls progress as it goes on, and ends with progress's error
// where that returns one.
func (s *SyncTenant) Do(ctx context.Context, runID, managedTenantID string, progress func(Progress) error) (Result, error) {
	run, managed, err := s.store.ManagedTenant(ctx, runID, managedTenantID)
	if err != nil {
		return Result{}, err
	}
	if IsTerminal(managed.State) {
		return Result{State: managed.State, Counters: managed.Counters}, nil
	}
	if run.State == StateQueued {
		return Result{}, errNotRunning
	}
	if err := checkMapping(ctx, s.mapping, managed.mapping()); err != nil {
		return Result{}, err
	}
	round, err := s.store.OpenRound(ctx, managed, s.now())
	if err != nil {
		return Result{}, err
	}
	defer round.Release()
	// Read under the round's locks: an erasure on request waits for them, and the settings of
	// every later round have its marks.
	settings, err := s.store.RoundSettings(ctx, managedTenantID, s.now())
	if err != nil {
		return Result{}, err
	}
	groups := groupsOf{
		source: s.users, entraTenantID: managed.EntraTenantID, priority: priorityOf(run),
		step: func() error { return progress(Progress{Phase: PhaseStaging}) },
	}
	if settings, err = groups.scoped(ctx, settings); err != nil {
		return Result{}, err
	}
	w := &work{SyncTenant: s, run: run, managed: managed, round: round, rules: Rules{Settings: settings, Now: s.now()}, progress: progress}
	var result Result
	if IsTerminal(run.State) {
		err = ErrRunCancelled
	} else {
		result, err = w.do(ctx)
	}
	if errors.Is(err, ErrRunCancelled) {
		result, err = w.cancelled(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	return Result{State: result.State, Counters: result.Counters}, nil
}

// work is one round under way.
type work struct {
	*SyncTenant
	run      Run
	managed  ManagedTenant
	round    Round
	rules    Rules
	progress func(Progress) error
	at       Progress
	tally    Tally
	delta    bool // what was staged is what changed
	last     LastRound
	silent   bool // nothing changed: nothing was staged
}

func (w *work) do(ctx context.Context) (Result, error) {
	if err := w.begin(ctx); err != nil {
		return Result{}, err
	}
	listing, err := w.stage(ctx)
	if err != nil {
		return Result{}, err
	}
	if w.unchanged() {
		result, err := w.closeUnchanged(ctx, listing)
		if !errors.Is(err, ErrReportGone) {
			return result, err
		}
	}
	result, err := w.prepare(ctx, listing)
	if err != nil {
		return Result{}, err
	}
	reason, err := w.heldListing(ctx)
	if err != nil {
		return Result{}, err
	}
	if reason != "" {
		return w.closeHeld(ctx, result, reason)
	}
	// A record without an id may be of any user, so that none may be taken for absent.
	complete := (listing.Full || w.delta) && w.tally.Nameless == 0
	if !complete {
		result.Listing.DeltaLink = "" // there is nothing to build on
	}
	if err := w.enter(PhaseDeciding); err != nil {
		return Result{}, err
	}
	planned, queued, err := w.round.Decide(ctx, w.rules, complete, w.step)
	if err != nil {
		return Result{}, err
	}
	if err := w.holdInactivations(ctx, &planned, &result); err != nil {
		return Result{}, err
	}
	result.Ambiguous = queued
	if w.run.DryRun {
		return result, w.preview(ctx, &result, planned)
	}
	if err := w.apply(ctx); err != nil {
		return Result{}, err
	}
	if err := w.round.Keep(ctx, complete, w.step); err != nil {
		return Result{}, err
	}
	ambiguous, undecided, err := w.push(ctx, complete)
	if err != nil {
		return Result{}, err
	}
	result.Ambiguous = ambiguous
	written, err := w.round.Written(ctx)
	if err != nil {
		return Result{}, err
	}
	result.Applied, result.PeopleListed = true, w.tally.Passed > 0
	if result.Held == nil {
		result.Standing = w.tally.standing(undecided)
	}
	return result, w.close(ctx, &result, written)
}

// prepare counts what was staged, and begins the result with it.
func (w *work) prepare(ctx context.Context, listing Listing) (Result, error) {
	err := w.enter(PhasePreparing)
	if err != nil {
		return Result{}, err
	}
	if w.tally, err = w.round.Prepare(ctx, w.step); err != nil {
		return Result{}, err
	}
	result := Result{
		State: StateCompleted, Filtered: w.tally.Filtered, Failures: w.tally.Failures, Listing: listing,
		Fingerprint: w.rules.Settings.Fingerprint(), Members: w.rules.Settings.Members, Now: w.rules.Now,
	}
	if w.tally.Failed > 0 {
		result.State = StatePartial
	}
	return result, nil
}

// closeHeld ends a round whose listing is not believed.
func (w *work) closeHeld(ctx context.Context, result Result, reason string) (Result, error) {
	result.Held, result.State = holdListing(reason, w.managed.EntraTenantID, w.tally.ActiveLinks), StateHeld
	written, err := w.round.Written(ctx) // by an attempt that saw another listing
	if err != nil {
		return Result{}, err
	}
	return result, w.close(ctx, &result, written)
}

// begin brings the links in line with the mapping before anything is decided. A dry run
// writes no link: it supposes what the run's earlier directories would have written.
func (w *work) begin(ctx context.Context) error {
	if w.run.DryRun {
		return w.round.Suppose(ctx)
	}
	if err := w.enter(PhaseMapping); err != nil {
		return err
	}
	return w.round.ApplyRevision(ctx, w.now, w.step)
}

func (w *work) enter(phase string) error {
	w.at.Phase, w.at.Done = phase, 0
	return w.progress(w.at)
}

// step is a Step.
func (w *work) step(n int) error {
	w.at.Done += n
	return w.progress(w.at)
}

// apply writes the plan range by range and stops where the mapping moved.
func (w *work) apply(ctx context.Context) error {
	if err := w.enter(PhaseApplying); err != nil {
		return err
	}
	for {
		if err := checkMapping(ctx, w.mapping, w.managed.mapping()); err != nil {
			return err
		}
		applied, done, err := w.round.ApplyNext(ctx, w.rules, w.now)
		if err != nil {
			return err
		}
		w.at.Applied += applied
		if err := w.progress(w.at); err != nil {
			return err
		}
		if done {
			return nil
		}
	}
}

// push hands the queue items over, all of them, and counts those that stand open: what a
// person has decided on the same facts is unchanged.
func (w *work) push(ctx context.Context, complete bool) (open map[string]int, all int, err error) {
	if err := w.enter(PhaseClosing); err != nil {
		return nil, 0, err
	}
	push := w.pushed()
	open, all, err = pushAll(ctx, w.round, w.queue.Push, push, w.step)
	if err == nil && complete {
		err = w.queue.CompleteRound(ctx, push)
	}
	return open, all, err
}

// pushed are no items of the round yet.
func (w *work) pushed() PushedItems {
	return PushedItems{RunID: w.run.ID, Mapping: w.managed.mapping(), Since: w.rules.Now.Add(-clockSkew)}
}

// preview ends a dry run: it reports what the plan would write, and asks which of
// the identities for a person are decided already.
func (w *work) preview(ctx context.Context, result *Result, planned Changes) error {
	if err := w.round.ReportPlan(ctx, w.step); err != nil {
		return err
	}
	items, decided := w.pushed(), w.queue.Decided
	if w.managed.MappedClient() == "" { // nobody has decided about people of a client that there is not
		decided = func(context.Context, PushedItems) ([]string, error) { return nil, nil }
	}
	var err error
	if result.Ambiguous, _, err = pushAll(ctx, w.round, decided, items, w.step); err != nil {
		return err
	}
	return w.close(ctx, result, planned)
}

func (w *work) close(ctx context.Context, result *Result, written Changes) error {
	if err := w.enter(PhaseClosing); err != nil {
		return err
	}
	result.Counters = countersOf(w.tally, written, sum(result.Ambiguous))
	result.Applied = result.Applied && !w.run.DryRun
	if earlier := w.leftOutIn(); earlier != "" {
		if err := w.record(ctx, result, earlier); !errors.Is(err, ErrReportGone) {
			return err
		}
	}
	if w.run.DryRun || w.tally.Failed+sum(w.tally.Filtered) > 0 {
		if err := w.round.ReportStaged(ctx, w.run.DryRun, w.step); err != nil {
			return err
		}
	}
	return w.record(ctx, result, "")
}

// leftOutIn is the earlier run whose report has those that failed or are filtered, where they are the same
// still: what they come to is compared, since an attempt that did not come to its end may have kept others.
// Empty where this round reports them.
func (w *work) leftOutIn() string {
	last := w.last.Standing
	if !w.delta || w.run.DryRun || w.managed.StartedAt != nil || last == nil || !w.tally.LeftOutAsBefore ||
		w.tally.Failed != last.Failed || !maps.Equal(w.tally.Filtered, last.Filtered) {
		return ""
	}
	return last.ReportedIn
}

// record closes the round. leftOutIn is the earlier run whose report has those that failed or are filtered,
// empty for this one.
func (w *work) record(ctx context.Context, result *Result, leftOutIn string) error {
	result.Now, result.ReportedIn = w.now(), leftOutIn
	if result.Standing != nil {
		result.Standing.ReportedIn = cmp.Or(leftOutIn, w.run.ID)
	}
	return w.round.Close(ctx, *result)
}

// cancelled records what was written before the run was closed.
func (w *work) cancelled(ctx context.Context) (Result, error) {
	written, err := w.round.Written(ctx)
	if err != nil {
		return Result{}, err
	}
	result := Result{State: StateCancelled, Now: w.rules.Now, Counters: Counters{
		Created: written.Created, Linked: written.Linked, Updated: written.Updated,
		Inactivated: written.Inactivated, Reactivated: written.Reactivated,
	}}
	return result, w.round.Close(ctx, result)
}
