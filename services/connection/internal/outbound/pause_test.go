package outbound_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-3": 0, "soon": 0, "Sun, 01 Mar 2026 12:00:30 GMT": 31 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0, "99999999": 24 * time.Hour, "Sun, 01 Mar 2037 12:00:00 GMT": 24 * time.Hour, "Sun, 01 Mar 2026 12:00:00 GMT": 0,
		"99999999999999999999": 24 * time.Hour, "-99999999999999999999": 0,
	} {
		require.Equal(t, want, outbound.RetryAfter(http.Header{"Retry-After": {value}}, now), value)
		told := http.Header{"Retry-After": {value}, "Date": {now.Format(http.TimeFormat)}}
		require.Equal(t, want, outbound.RetryAfter(told, now.Add(time.Hour)), "our clock is ahead: "+value)
	}
}

// FuzzRetryAfter: never negative, never more than a day, and never early.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"7", "-1", "99999999999999999999", "Sun, 01 Mar 2026 12:00:30 GMT", "Sunday, 01-Mar-26 12:00:30 GMT", "soon", " 5"} {
		f.Add(seed, "Sun, 01 Mar 2026 12:00:00 GMT")
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value, date string) {
		pause := outbound.RetryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		if pause < 0 || pause > outbound.LongestPause {
			t.Fatalf("%s for %q at %q", pause, value, date)
		}
		at, err := http.ParseTime(value)
		if err != nil {
			return
		}
		sent, err := http.ParseTime(date)
		if err != nil {
			sent = now
		}
		if at.After(sent) && pause < outbound.LongestPause && !sent.Add(pause).After(at) {
			t.Fatalf("early: %s for %q at %q", pause, value, date)
		}
	})
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	t.Parallel()
	for attempt, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 90: 30 * time.Second} {
		for range 100 {
			pause := outbound.Backoff(attempt)
			require.GreaterOrEqual(t, pause, most/2, attempt)
			require.LessOrEqual(t, pause, most, attempt)
		}
	}
}

func TestAPauseFitsBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	require.True(t, outbound.Fits(t.Context(), time.Hour))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.True(t, outbound.Fits(ctx, time.Second))
	require.False(t, outbound.Fits(ctx, time.Hour))
}
