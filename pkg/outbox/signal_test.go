package outbox_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/outbox"
)

// TestWhoIsWokenLooksSeldom: somebody who hears of each effect looks for what was lost now
// and then; others look often.
func TestWhoIsWokenLooksSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signal := &outbox.Signal{}
		looks := func() (number int) {
			require.False(t, signal.Until(t.Context(), 19*time.Second+100*time.Millisecond, func(context.Context) bool { number++; return false }))
			return number
		}
		require.Equal(t, 96, looks(), "each 200 ms")
		signal.Hear(true)
		require.Equal(t, 4, looks(), "at once, and each 5 s")
		signal.Hear(false)
		require.Equal(t, 96, looks())
	})
}

// TestWhoWaitsIsToldThatNobodyListens: a caller that would look after seconds looks at once,
// and from then on often.
func TestWhoWaitsIsToldThatNobodyListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signal := &outbox.Signal{}
		signal.Hear(true)
		began := time.Now()
		time.AfterFunc(time.Second, func() { signal.Hear(false) })
		var at []time.Duration
		require.True(t, signal.Until(t.Context(), time.Minute, func(context.Context) bool {
			at = append(at, time.Since(began))
			return len(at) == 3
		}))
		require.Equal(t, []time.Duration{0, time.Second, 1200 * time.Millisecond}, at)
	})
}
