package limit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/gateway/internal/limit"
)

// Over any pattern of calls no key gets more than its burst and its rate.
func TestNobodyGetsMoreThanTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_700_000_000, 0)
		now := start
		r := limit.Rate{PerSecond: float64(rapid.IntRange(1, 20).Draw(t, "rate")), Burst: rapid.IntRange(1, 30).Draw(t, "burst")}
		l := limit.New(r, func() time.Time { return now })
		passed := 0
		for _, ms := range rapid.SliceOfN(rapid.IntRange(0, 700), 1, 100).Draw(t, "pauses") {
			now = now.Add(time.Duration(ms) * time.Millisecond)
			state, ok := l.Take("a")
			if ok {
				passed++
				require.Zero(t, state.Retry)
			} else {
				require.Positive(t, state.Retry)
				require.Zero(t, state.Remaining)
			}
			require.LessOrEqual(t, float64(passed), float64(r.Burst)+now.Sub(start).Seconds()*r.PerSecond+1e-6)
		}
		_, ok := l.Take("b")
		require.True(t, ok, "another key has a bucket of its own")
		// Whoever waits as long as was said is let through.
		state, ok := l.Take("a")
		for ; ok; state, ok = l.Take("a") {
		}
		now = now.Add(state.Retry)
		_, ok = l.Take("a")
		require.True(t, ok)
	})
}

func TestZeroMeansNoLimit(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Rate{}, time.Now)
	for range 1000 {
		_, ok := l.Take("a")
		require.True(t, ok)
	}
}
