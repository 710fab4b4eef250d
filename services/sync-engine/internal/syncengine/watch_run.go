package syncengine

import (
	"context"
	"slices"
	"strings"
	"time"
)

// WatchEvery is how often a watched run is looked at.
const WatchEvery = time.Second

// TenantProgress is how far a run has come with one managed tenant.
type TenantProgress struct {
	ManagedTenantID string
	State           State
	At              Progress // the zero value where no round has published any
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
	// Subscribe watches the rounds of a run of the context's tenant until end is called.
	// since returns, by managed tenant, what was published since it was last called.
	Subscribe(ctx context.Context, runID string) (since func() map[string]Progress, end func())
}

// WatchRun sends how far a run has come until it has ended.
type WatchRun struct {
	states RunStates
	rounds RoundReports
	every  time.Duration
}

// NewWatchRun wires the use case; every is how often a run is looked at.
func NewWatchRun(states RunStates, rounds RoundReports, every time.Duration) *WatchRun {
	return &WatchRun{states: states, rounds: rounds, every: every}
}

// Do sends at once, and then whenever something has changed since the last look.
// It returns when the run has ended, after having sent that, or with send's error.
func (w *WatchRun) Do(ctx context.Context, id string, send func(RunProgress) error) error {
	since, end := w.rounds.Subscribe(ctx, id)
	defer end()
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
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
		changed := changes(seen, states, since())
		if first || len(changed) > 0 || run.State != last.State || run.Totals != last.Totals {
			if err := send(RunProgress{Run: run, Tenants: changed}); err != nil {
				return err
			}
		}
		if last = run; IsTerminal(run.State) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
