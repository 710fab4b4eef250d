package syncengine_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// watched is a run in memory, with what is published of it.
type watched struct {
	syncengine.RoundReports
	begun time.Time
	news  chan struct{}

	mu        sync.Mutex
	run       syncengine.Run
	states    map[string]syncengine.State
	published map[string]syncengine.Progress
	looks     []time.Duration // since the beginning, at which the run was read
}

func (w *watched) Run(context.Context, string) (syncengine.Run, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks = append(w.looks, time.Since(w.begun))
	return w.run, nil
}

func (w *watched) TenantStates(context.Context, string) (map[string]syncengine.State, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.states), nil
}

func (w *watched) Subscribe(context.Context, string) syncengine.RoundWatch { return w }

func (w *watched) News() <-chan struct{} { return w.news }

func (w *watched) Since() map[string]syncengine.Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	published := w.published
	w.published = map[string]syncengine.Progress{}
	return published
}

func (w *watched) End() {}

// publish makes a change and says so.
func (w *watched) publish(change func()) {
	w.mu.Lock()
	change()
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// pass lets the time of a bubble pass, and what is to be done until then be done.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// watchedFor plays a script in the time of a bubble, and returns when the run was looked at
// and what was sent.
func watchedFor(t *testing.T, script func(*watched)) (looks []time.Duration, sent []syncengine.RunProgress) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{
			run: syncengine.Run{State: syncengine.StateRunning}, states: map[string]syncengine.State{"a": syncengine.StateQueued},
			news: make(chan struct{}, 1), begun: time.Now(),
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- syncengine.NewWatchRun(w, w, time.Second, 10*time.Second).Do(ctx, "run", func(p syncengine.RunProgress) error {
				sent = append(sent, p)
				return nil
			})
		}()
		synctest.Wait()
		script(w)
		synctest.Wait()
		if stop(); syncengine.IsTerminal(w.run.State) {
			require.NoError(t, <-ended)
		} else {
			require.ErrorIs(t, <-ended, context.Canceled)
		}
		looks = w.looks
	})
	return looks, sent
}

func TestARunOfWhichNothingIsPublishedIsReadEveryTenSeconds(t *testing.T) {
	t.Parallel()
	looks, sent := watchedFor(t, func(*watched) { pass(25 * time.Second) })
	require.Equal(t, []time.Duration{0, 10 * time.Second, 20 * time.Second}, looks)
	require.Len(t, sent, 1, "nothing has changed since")
}

func TestPublishedProgressIsSentAtOnceAndAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	looks, sent := watchedFor(t, func(w *watched) {
		pass(3 * time.Second)
		for staged := range 10 { // until 4.35 s
			w.publish(func() {
				w.states["a"] = syncengine.StateRunning
				w.published = map[string]syncengine.Progress{"a": {Phase: syncengine.PhaseStaging, Staged: staged}}
			})
			pass(150 * time.Millisecond)
		}
		pass(2 * time.Second)
	})
	require.Equal(t, []time.Duration{0, 3 * time.Second, 4 * time.Second, 5 * time.Second}, looks)
	require.Len(t, sent, 4)
	require.Equal(t, 0, sent[1].Tenants[0].At.Staged, "the first at once")
	require.Equal(t, 9, sent[3].Tenants[0].At.Staged, "the last too")
}

func TestTheEndOfARunIsSentAsSoonAsItIsPublished(t *testing.T) {
	t.Parallel()
	looks, sent := watchedFor(t, func(w *watched) {
		pass(4 * time.Second)
		w.publish(func() { w.run.State, w.states["a"] = syncengine.StateCompleted, syncengine.StateCompleted })
	})
	require.Equal(t, []time.Duration{0, 4 * time.Second}, looks)
	require.Equal(t, syncengine.StateCompleted, sent[1].Run.State)
	require.Equal(t, syncengine.StateCompleted, sent[1].Tenants[0].State)
}

// TestARunThatWasCancelledHasNothingUnderWay: its rounds stop a moment later, and nobody hears
// of it then.
func TestARunThatWasCancelledHasNothingUnderWay(t *testing.T) {
	t.Parallel()
	_, sent := watchedFor(t, func(w *watched) {
		w.publish(func() { w.states["a"] = syncengine.StateRunning })
		pass(2 * time.Second)
		w.publish(func() { w.run.State = syncengine.StateCancelled })
		pass(2 * time.Second)
	})
	last := sent[len(sent)-1]
	require.Equal(t, syncengine.StateCancelled, last.Run.State)
	require.Equal(t, []syncengine.TenantProgress{{ManagedTenantID: "a", State: syncengine.StateCancelled}}, last.Tenants)
}
