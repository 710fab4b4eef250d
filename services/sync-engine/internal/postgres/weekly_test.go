package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// listed does a round every so often for three weeks after a first one on a day, and gives the
// times of those that listed everybody, from dawn on.
func (e *engine) listed(first, every time.Duration) (times []time.Duration) {
	e.t.Helper()
	for at := first; at <= first+3*7*24*time.Hour; at += every {
		e.now = dawn.Add(at - time.Hour) // a round is an hour later
		require.Equal(e.t, syncengine.StateCompleted, e.round().State)
		if e.dir.asked[len(e.dir.asked)-1] == "" {
			times = append(times, at)
		}
	}
	return times
}

// TestEverybodyIsListedWithinSevenDays: a delta token lives no longer. A directory has its own
// time for it, whenever it was listed first: else a fleet that was mapped on one day lists
// everybody on the same day of each week.
func TestEverybodyIsListedWithinSevenDays(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	e := setup(t)
	for _, every := range []time.Duration{day, 5 * day} {
		own := map[time.Duration]bool{} // the times in the third week
		for first := range 6 {
			if every == day && first%2 > 0 {
				continue // 3 of them tell as much
			}
			what := fmt.Sprintf("every %s, first after %d days", every, first)
			e.anew(t)
			e.setting("interval_minutes", int(every/time.Minute))
			e.dir.users = people(2)
			times := e.listed(time.Duration(first)*day, every)
			require.True(t, every > day || len(times) <= 5, "what changed is asked for in between")
			for i, at := range times[1:] {
				require.LessOrEqual(t, at-times[i], 7*day, what)
				if every == day && at > 12*day && at <= 18*day {
					own[at] = true
				}
			}
		}
		if every == day {
			require.Len(t, own, 1, "the same for all of them")
		}
	}
}
