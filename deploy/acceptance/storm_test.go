package acceptance

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// TestAThrottleStormCostsNothing has Graph refuse nine of ten requests for half a minute, in the
// middle of which a first sync begins: nobody comes back earlier than told, and what stands in the
// end is what stands without the storm.
func TestAThrottleStormCostsNothing(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Small)
	c := w.mapped(t, "storm")
	w.simulator(t, "DELETE", "/admin/requests", nil)
	w.simulator(t, "POST", "/admin/faults", map[string]any{
		"kind": "throttle", "route": "graph.*", "percent": 90, "forSeconds": 30, "retryAfterSeconds": 2,
	})
	began := time.Now()
	detail := sync(t, c, "initial")
	require.Equal(t, "completed", detail.Run.State, "%+v", detail)
	w.requireExpected(t, c, detail)

	var requests struct{ Throttled, EarlyRetries int }
	require.NoError(t, json.Unmarshal(w.simulator(t, "GET", "/admin/requests", nil), &requests))
	require.Greater(t, requests.Throttled, len(detail.TenantResults), "there was no storm")
	require.Zero(t, requests.EarlyRetries)
	t.Logf("%d refusals, none met again too early; %s", requests.Throttled, time.Since(began).Round(time.Second))
}
