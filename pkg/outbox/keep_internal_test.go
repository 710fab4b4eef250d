package outbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLogTellsOfDeadEffectsWhenThereAreMoreAndEachHour(t *testing.T) {
	t.Parallel()
	var a alarm
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		after time.Duration
		dead  int64
		want  bool
	}{
		{0, 0, false},
		{time.Minute, 2, true},
		{time.Minute, 2, false},
		{time.Minute, 3, true},
		{time.Minute, 1, false}, // some were retried
		{time.Minute, 2, true},
		{time.Hour, 2, true},
		{time.Minute, 0, false},
		{time.Minute, 1, true},
	} {
		at = at.Add(step.after)
		require.Equal(t, step.want, a.raise(step.dead, at), "%d at %s", step.dead, at)
	}
}
