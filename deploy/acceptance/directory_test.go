package acceptance

import (
	"context"
	"testing"
	"time"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// fleetConfig is what the simulator makes of a fleet's name when the stack starts it.
func fleetConfig(name string) fleet.Config {
	return fleet.Config{Size: fleet.Size(name), Seed: 1, Year: time.Now().UTC().Year()}
}

// slowDirectories makes every page of users take a while, until the test ends, so that there is a
// middle of a sync in which to do something.
func (w *world) slowDirectories(t *testing.T, by time.Duration) {
	t.Helper()
	w.simulator(t, "POST", "/admin/faults", map[string]any{"kind": "slow", "route": "graph.users", "delayMillis": by.Milliseconds()})
	t.Cleanup(func() {
		c := hostclient.NewClient(w.urls.Simulator, "")
		_ = c.Do(context.WithoutCancel(t.Context()), "DELETE", "/admin/faults", nil, nil)
	})
}
