package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheListOfManagedTenantsOutlivesAPassingFailure: an app that reads by itself goes on with the
// partner's list of before, for a while, and asks once for all who come.
func TestTheListOfManagedTenantsOutlivesAPassingFailure(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	b.clock.stop()
	_, managed := b.sim.directories()
	one, other := managed[0].TenantID, managed[1].TenantID
	require.Nil(t, b.read(one).GetProblem())
	failing := func(status int) {
		b.sim.heal()
		b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": status})
		b.sim.admin(http.MethodDelete, "requests", nil, nil)
	}

	b.clock.advance(16 * time.Minute)
	failing(http.StatusInternalServerError)
	for range 5 {
		require.Nil(t, b.read(one).GetProblem())
		require.Nil(t, b.read(other).GetProblem())
	}
	require.Equal(t, 1, b.sim.requests("graph.relationships", ""), "nobody asks again at once")
	const foreign = "6c0ffee0-0000-4000-8000-00000000ffff"
	require.Equal(t, "upstream_error", b.read(foreign).GetProblem().GetCode(), "the old list lets nobody in who is not on it")

	b.clock.advance(10 * time.Minute)
	require.Nil(t, b.read(one).GetProblem())
	b.clock.advance(5 * time.Minute)
	require.Equal(t, "upstream_error", b.read(one).GetProblem().GetCode(), "half an hour is too old")
	b.sim.heal()
	require.Nil(t, b.read(one).GetProblem())

	b.clock.advance(16 * time.Minute)
	failing(http.StatusForbidden)
	resp, err := b.details(b.inside("msp"), one)
	require.Error(t, err, "what does not pass by itself is an answer: %v", resp)
}

// TestTheListOfManagedTenantsIsAskedForOnce by all who need it at a time, also where that fails.
func TestTheListOfManagedTenantsIsAskedForOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.CustomerAccess = "app_only" })
	b.connect("msp")
	_, managed := b.sim.directories()
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	b.sim.fault(map[string]any{"kind": "slow", "route": "graph.relationships", "delayMillis": 4000})
	b.sim.fault(map[string]any{"kind": "status", "route": "graph.relationships", "status": 500})
	const callers = 6
	codes := make(chan string, callers)
	inside := b.inside("msp")
	for range callers {
		go func() {
			resp, err := b.details(inside, managed[0].TenantID)
			if err != nil {
				codes <- err.Error()
				return
			}
			codes <- resp.GetProblem().GetCode()
		}()
	}
	for range callers {
		require.Equal(t, "upstream_error", <-codes)
	}
	require.Equal(t, 1, b.sim.requests("graph.relationships", ""))
}
