package outbound_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

func TestCallersWaitAsLongAsWasAskedFor(t *testing.T) {
	t.Parallel()
	// Against the plainest model: all times, and the latest counts.
	rapid.Check(t, func(t *rapid.T) {
		var kept outbound.NotBefore[int]
		model := map[int]time.Time{}
		now := time.Unix(1e9, 0)
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "passes")) * time.Second)
			party := rapid.IntRange(0, 5).Draw(t, "party")
			until := now.Add(time.Duration(rapid.IntRange(-2, 20).Draw(t, "pause")) * time.Second)
			kept.Note(party, until, now)
			if until.After(model[party]) {
				model[party] = until
			}
			for other, until := range model {
				if left := kept.Left(other, now); left != max(until.Sub(now), 0) {
					t.Fatalf("%s left for %d until %s, at %s", left, other, until, now)
				}
			}
		}
	})
}

// Parties come and go by the hundred thousand; the time that each takes must not
// grow with how many were there, and the longest waits are not lost.
func TestManyPartiesAreKeptOrForgottenOneByOne(t *testing.T) {
	t.Parallel()
	var kept outbound.NotBefore[int]
	now := time.Unix(1e9, 0)
	kept.Note(-1, now.Add(24*time.Hour), now)
	for party := range 300_000 {
		kept.Note(party, now.Add(time.Hour), now)
	}
	require.Equal(t, 24*time.Hour, kept.Left(-1, now))
	told := 0
	for party := range 300_000 {
		if kept.Left(party, now) > 0 {
			told++
		}
	}
	require.Equal(t, 4095, told, "beside the longest")
	for range 10_000 { // one that is put off again and again
		now = now.Add(time.Second)
		kept.Note(-2, now.Add(time.Hour), now)
	}
	require.Equal(t, time.Hour, kept.Left(-2, now))
	require.Equal(t, 24*time.Hour-10_000*time.Second, kept.Left(-1, now))
}
