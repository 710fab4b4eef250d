package syncengine

import (
	"context"
	"slices"
	"strings"
	"time"
)

// How long there is between two looks at a watched run.
const (
	WatchPause = time.Second      // at least, however much is published of it
	WatchIdle  = 10 * time.Second // at most, since what is published may be lost
)

// TenantProgress is how far a run has come with one managed tenant.
type TenantProgress struct {
	ManagedTenantID string
	State           State
	At              Progress // of a round under way; the zero value where none has published any
}

// RunProgress is how far a run has come, with the managed tenants that changed.
type RunProgress struct {
	Run     Run
	Tenants []TenantProgress
}

// RunStates reads how far a run has come.
type RunStates interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// TenantStates gives the state of each of a run's managed tenants.
	TenantStates(ctx context.Context, runID string) (map[string]State, error)
}

// RoundReports carries the progress of rounds while they run, in whichever process.
type RoundReports interface {
	// Publish sends the progress of a round to the watchers of the run of the context's
	// tenant.
	Publish(ctx context.Context, runID, managedTenantID string, at Progress) error
	// Changed has the watchers of a run of the context's tenant read it again; those of
	// all its runs where runID is empty.
	Changed(ctx context.Context, runID string) error
	// Closed is Changed for one managed tenant of the run, of which many may close in a
	// second: the watchers hear of the first at once and of the others a moment later.
	Closed(ctx context.Context, runID string) error
	// Subscribe watches a run of the context's tenant.
	Subscribe(ctx context.Context, runID string) RoundWatch
}

// RoundWatch is what is published of a run.
type RoundWatch interface {
	// News receives after anything was published, and after something may have been missed.
	News() <-chan struct{}
	// Since returns, by managed tenant, the progress that was published since it was last
	// called.
	Since() map[string]Progress
	// End ends the watch.
	End()
}

// WatchRun sends how far a run has come until it has ended.
type WatchRun struct {
	states RunStates
	rounds RoundReports
	pause  time.Duration
	idle   time.Duration
}

// NewWatchRun wires the use case. A run is looked at when something was published of it,
// but not before pause has passed since the last look, and else once in idle.
func NewWatchRun(states RunStates, rounds RoundReports, pause, idle time.Duration) *WatchRun {
	return &WatchRun{states: states, rounds: rounds, pause: pause, idle: idle}
}

// Do sends at once, and then whenever a look finds that something has changed.
// It returns when the run has ended, after having sent that, or with send's error.
func (w *WatchRun) Do(ctx context.Context, id string, send func(RunProgress) error) error {
	watch := w.rounds.Subscribe(ctx, id)
	defer watch.End()
	seen := map[string]TenantProgress{}
	var last Run
	for first := true; ; first = false {
		run, err := w.states.Run(ctx, id)
		if err != nil {
			return err
		}
		states, err := w.states.TenantStates(ctx, id)
		if err != nil {
			return err
		}
		for of, state := range states {
			states[of] = shownState(run.State, state)
		}
		changed := changes(seen, states, watch.Since())
		if first || len(changed) > 0 || run.State != last.State || run.Totals != last.Totals {
			if err := send(RunProgress{Run: run, Tenants: changed}); err != nil {
				return err
			}
		}
		if last = run; IsTerminal(run.State) {
			return nil
		}
		if err := w.wait(ctx, watch.News()); err != nil {
			return err
		}
	}
}

// wait returns when the run is to be looked at again. What was published during the pause
// is still there after it.
func (w *WatchRun) wait(ctx context.Context, news <-chan struct{}) error {
	idle := time.NewTimer(w.idle)
	defer idle.Stop()
	pause := time.NewTimer(w.pause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-news:
	case <-idle.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// changes gives the managed tenants that differ from what was seen, by id, and
// remembers them. One that is queued and has not begun is left out.
func changes(seen map[string]TenantProgress, states map[string]State, published map[string]Progress) []TenantProgress {
	var changed []TenantProgress
	for id, state := range states {
		before, known := seen[id]
		now := TenantProgress{ManagedTenantID: id, State: state, At: before.At}
		if at, ok := published[id]; ok {
			now.At = at
		}
		if IsTerminal(state) {
			now.At = Progress{} // which is published now and then, and so is not how the round ended
		}
		waits := !known && state == StateQueued && now.At == (Progress{})
		if waits || now == before {
			continue
		}
		seen[id] = now
		changed = append(changed, now)
	}
	slices.SortFunc(changed, func(a, b TenantProgress) int { return strings.Compare(a.ManagedTenantID, b.ManagedTenantID) })
	return changed
}
