package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/queue"
)

// entered is what became of one caller.
type entered struct {
	caller int
	leave  func()
	err    error
}

func enter(ctx context.Context, q *queue.Queue, key string, caller int) <-chan entered {
	out := make(chan entered, 1)
	go func() {
		leave, err := q.Enter(ctx, key)
		out <- entered{caller: caller, leave: leave, err: err}
	}()
	synctest.Wait()
	return out
}

func TestCallersOfAKeyEnterInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(queue.Options{Running: 1, Waiting: 3})
		leave, err := q.Enter(t.Context(), "acme")
		require.NoError(t, err)
		var waiting []<-chan entered
		for i := range 3 {
			waiting = append(waiting, enter(t.Context(), q, "acme", i))
		}
		other, err := q.Enter(t.Context(), "globex")
		require.NoError(t, err, "another key does not wait")
		other()
		for i, next := range waiting {
			require.Empty(t, next)
			leave()
			got := <-next
			require.NoError(t, got.err)
			require.Equal(t, i, got.caller)
			leave = got.leave
		}
		leave()
		leave() // a second time is harmless
		require.Zero(t, q.Keys(), "nothing is kept of an idle key")
	})
}

func TestACallerTooManyIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(queue.Options{Running: 2, Waiting: 1})
		for range 2 {
			leave, err := q.Enter(t.Context(), "acme")
			require.NoError(t, err)
			defer leave()
		}
		waits := enter(t.Context(), q, "acme", 0)
		_, err := q.Enter(t.Context(), "acme")
		require.ErrorIs(t, err, queue.ErrBusy)
		require.Equal(t, errs.Exhausted, errs.KindOf(err))
		require.Positive(t, queue.ErrBusy.RetryAfter())
		require.Empty(t, waits)
	})
}

func TestAWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(queue.Options{Running: 1, Waiting: 8, Wait: 5 * time.Second})
		leave, err := q.Enter(t.Context(), "acme")
		require.NoError(t, err)
		start := time.Now()
		_, err = q.Enter(t.Context(), "acme")
		require.ErrorIs(t, err, queue.ErrBusy)
		require.Equal(t, 5*time.Second, time.Since(start))

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = q.Enter(short, "acme")
		require.ErrorIs(t, err, context.DeadlineExceeded, "the caller's own time is up")
		leave()
		require.Zero(t, q.Keys())
	})
}

func TestTheBoundOverAllKeysGoesRoundByKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(queue.Options{Running: 1, Waiting: 100, Total: 1})
		leave, err := q.Enter(t.Context(), "first")
		require.NoError(t, err)
		var flood []<-chan entered
		for i := range 20 {
			flood = append(flood, enter(t.Context(), q, "flood", i))
		}
		quiet := enter(t.Context(), q, "quiet", 0)
		leave()
		got := <-flood[0]
		require.NoError(t, got.err)
		require.Empty(t, quiet)
		got.leave()
		got = <-quiet
		require.NoError(t, got.err, "behind one caller of the other key, not behind all")
		got.leave()
		for _, next := range flood[1:] {
			(<-next).leave()
		}
		require.Zero(t, q.Keys())
	})
}
