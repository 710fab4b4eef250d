package pace

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// TestIdleQuotasAreForgotten: partners and their customers come and go for as long as
// a process runs. What Microsoft refuses, and what is in use, is kept.
func TestIdleQuotasAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewLimiter(time.Now, outbound.Wait)
		at := func(app, directory int) *Quota {
			return b.Quota(Origin{App: "app-" + strconv.Itoa(app), Directory: "d-" + strconv.Itoa(directory)})
		}
		blocked, ofBlockedApp, used := at(0, 0), at(1, 0), at(2, 0)
		blocked.block(time.Hour, "")
		ofBlockedApp.block(time.Hour, "Application/ReadWrite/app-1")
		for n := range 4 * maxQuotas {
			at(3+n/4, n)
		}
		require.Len(t, b.quotas, 3+4*maxQuotas, "all were used just now")
		for range 3 {
			<-time.After(idleQuota - time.Second)
			pause, _ := used.take(1, 1)
			require.Zero(t, pause)
		}
		for n := range maxQuotas {
			at(-1, n)
		}
		require.Less(t, len(b.quotas), 2*maxQuotas)
		require.Less(t, len(b.apps), maxQuotas/2, "an app goes with its last quota")
		require.Same(t, blocked, at(0, 0))
		require.Same(t, ofBlockedApp, at(1, 0))
		require.Same(t, used, at(2, 0))
		<-time.After(time.Hour + idleQuota)
		for n := range 4 * maxQuotas {
			at(-2, n)
			if n%maxQuotas == maxQuotas-1 {
				<-time.After(2 * idleQuota)
			}
		}
		require.Less(t, len(b.quotas), 2*maxQuotas, "however long it runs")
	})
}

// TestAWindowHolds draws arrivals at random: in no span is more spent than the
// limit, and no caller waits longer than the span.
func TestAWindowHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(5, 200).Draw(t, "limit")
		w := newWindow(limit, UnitsSpan)
		now := time.Unix(rapid.Int64Range(0, 1e6).Draw(t, "start"), 0)
		type expense struct {
			at    time.Time
			units int
		}
		var spent []expense
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "pause")))
			units := rapid.IntRange(1, 5).Draw(t, "units")
			pause := w.room(now, units)
			if pause > UnitsSpan+UnitsSpan/10 {
				t.Fatalf("a pause of %s", pause)
			}
			now = now.Add(pause)
			if again := w.room(now, units); again != 0 {
				t.Fatalf("not free after the pause, but in %s", again)
			}
			w.spend(now, units)
			spent = append(spent, expense{now, units})
			sum := 0
			for _, e := range spent {
				if e.at.After(now.Add(-UnitsSpan)) {
					sum += e.units
				}
			}
			if sum > limit {
				t.Fatalf("%d of %d within %s", sum, limit, UnitsSpan)
			}
		}
	})
}
