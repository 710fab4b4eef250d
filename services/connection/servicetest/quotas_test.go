package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// TestOneQuotaForAnAppInADirectory: Microsoft refuses an app in a directory, not one
// of our tenants or one of our calls. Whoever comes by the same app to the same
// directory comes too early, whatever we know of credentials just then.
func TestOneQuotaForAnAppInADirectory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.connect("other") // of the same partner
	bare := *b
	bare.settings.ClientSecret = "" // half a pair, which is none; the token is good for an hour
	list := func(r replica, id tenant.ID) string {
		stream, err := r.discovery.ListManagedTenants(b.inside(id), &connectionv1.ListManagedTenantsRequest{})
		require.NoError(t, err)
		_, err = all(t, stream)
		return errs.ReasonOf(err)
	}
	for name, r := range map[string]replica{"": b.start(b.pool()), "without credentials": bare.start(b.pool())} {
		require.Empty(t, list(r, "msp"), name)
		b.sim.fault(map[string]any{"kind": "throttle", "route": "graph.relationships", "retryAfterSeconds": 3600})
		require.Equal(t, "throttled", list(r, "msp"), name)
		asked := b.sim.requests("graph.relationships", "")
		require.Equal(t, "throttled", list(r, "msp"), name)
		require.Equal(t, "throttled", list(r, "other"), name)
		require.Equal(t, asked, b.sim.requests("graph.relationships", ""), "nobody comes early "+name)
		b.sim.heal()
	}
	b.sim.fault(map[string]any{"kind": "throttle", "route": "graph.relationships", "retryAfterSeconds": 3600})
	require.Equal(t, "throttled", list(b.replica, "msp"))
	asked := b.sim.requests("graph.relationships", "")
	answer := b.sim.consent(b.begin(browser(t, "third", "admin", "s1")).GetAuthorizeUrl())
	require.Equal(t, "probe_failed", b.back(answer, "s1").Get("error"))
	require.Equal(t, asked, b.sim.requests("graph.relationships", ""), "nor does who connects")
}
