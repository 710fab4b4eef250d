package access_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/gateway/internal/access"
)

// Over any pattern of calls no key gets more than its burst and its rate.
func TestNobodyGetsMoreThanTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_700_000_000, 0)
		now := start
		r := access.Rate{PerSecond: float64(rapid.IntRange(1, 20).Draw(t, "rate")), Burst: rapid.IntRange(1, 30).Draw(t, "burst")}
		l := access.NewLimits(r, func() time.Time { return now })
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
	l := access.NewLimits(access.Rate{}, time.Now)
	for range 1000 {
		_, ok := l.Take("a")
		require.True(t, ok)
	}
}

func TestSpentTellsWithoutCounting(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	l := access.NewLimits(access.Rate{PerSecond: 1, Burst: 2}, func() time.Time { return now })
	for range 5 {
		require.False(t, l.Spent("a"))
	}
	l.Take("a")
	require.False(t, l.Spent("a"))
	l.Take("a")
	require.True(t, l.Spent("a"))
	require.False(t, l.Spent("b"))
	now = now.Add(time.Second)
	require.False(t, l.Spent("a"))
	require.False(t, access.NewLimits(access.Rate{}, time.Now).Spent("a"))
}

// However many addresses call, the memory for them is bounded, and who calls all
// the time keeps their bucket.
func TestTheNumberOfBucketsIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	l := access.NewLimits(access.Rate{PerSecond: 0.001, Burst: 1}, func() time.Time { return now })
	l.Take("first")
	l.Take("steady")
	for i := range 40_000 {
		l.Take(strconv.Itoa(i))
		require.True(t, l.Spent("steady"))
		if i%1000 == 0 {
			l.Take("steady")
		}
	}
	require.False(t, l.Spent("first"), "forgotten")
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for remote, key := range map[string]string{
		"203.0.113.7":          "203.0.113.7",
		"::ffff:203.0.113.7":   "203.0.113.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":  "2001:db8:1:2::/64",
		"2001:db8:1:3::1":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"not an address":       "not an address",
		"":                     "",
	} {
		require.Equal(t, key, access.Address(remote), remote)
	}
}
