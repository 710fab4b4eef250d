package backoff_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/backoff"
)

func TestThePauseDoublesUpToTheLongest(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second, 10: 5 * time.Minute,
		math.MaxInt: 5 * time.Minute,
	} {
		require.Equal(t, want, backoff.Pause(failures, time.Second, 5*time.Minute), failures)
	}
}

func TestNoPauseIsLongerThanTheLongest(t *testing.T) {
	t.Parallel()
	for _, failures := range []int{0, 1, 2} {
		require.Equal(t, time.Second, backoff.Pause(failures, time.Minute, time.Second), failures)
	}
}

func TestNoPauseStaysNone(t *testing.T) {
	t.Parallel()
	require.Zero(t, backoff.Pause(math.MaxInt, 0, time.Minute))
}
