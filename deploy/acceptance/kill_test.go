package acceptance

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

var (
	killRounds = flag.Int("kill.rounds", 1, "how many runs are disturbed")
	killSeed   = flag.Uint64("kill.seed", rand.Uint64(), "chooses when which processes are killed")
)

// replicated are the programs that run twice; who calls them goes to both.
var replicated = []string{"connection", "discovery", "mapping", "reconciliation", "sync-engine", "worker", "gateway"}

// TestKilledProcessesCostNothing kills each process that a sync depends on, without warning, at some
// moment of a run over 200 managed tenants, one replica or both. Each run ends well, and what stands
// then is what an undisturbed run makes.
func TestKilledProcessesCostNothing(t *testing.T) {
	t.Parallel()
	w := start(t, stack.Options{Fleet: string(fleet.Many), Twice: replicated})
	calm := w.mapped(t, "calm")
	undisturbed := sync(t, calm, "all-tenants")
	require.Equal(t, "completed", undisturbed.Run.State)
	require.Equal(t, 200, undisturbed.Run.TotalTenants)
	want := rows(t, calm)
	require.NotEmpty(t, want)

	w.slowDirectories(t, 250*time.Millisecond)
	t.Logf("-kill.seed=%d", *killSeed)
	dice := rand.New(rand.NewPCG(*killSeed, 0)) // it chooses what is tried
	for round := range *killRounds {
		tenant := fmt.Sprintf("killed-%d", round)
		c := w.mapped(t, tenant)
		w.simulator(t, "DELETE", "/admin/requests", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
		defer cancel()
		began := time.Now()
		started, err := c.StartSync(ctx, "all-tenants")
		require.NoError(t, err)
		w.kill(ctx, t, dice, c, started.RunID, undisturbed.Run.TotalTenants)
		detail, err := c.WaitRun(ctx, started.RunID, nil)
		require.NoError(t, err)
		require.Equal(t, "completed", detail.Run.State, "%+v", detail)
		require.Equal(t, undisturbed.Run.TotalTenants, detail.Run.SucceededTenants)
		t.Logf("round %d: %s", round, time.Since(began).Round(100*time.Millisecond))
		require.NoError(t, w.stack.Wait(ctx))
		require.Equal(t, want, rows(t, c))
		w.requireNothingLeftBehind(ctx, t, tenant)
		w.requireOneAtATime(t)
	}
}

// kill ends the processes in some order, each when the run has come to some number of managed tenants.
func (w *world) kill(ctx context.Context, t *testing.T, dice *rand.Rand, c *hostclient.Client, runID string, tenants int) {
	t.Helper()
	processes := []string{"worker", "sync-engine", "connection", "temporal", "postgres"}
	dice.Shuffle(len(processes), func(i, j int) { processes[i], processes[j] = processes[j], processes[i] })
	moments := make([]int, len(processes))
	for i := range moments {
		moments[i] = dice.IntN(tenants * 4 / 5)
	}
	slices.Sort(moments)
	for i, process := range processes {
		replicas := []string{process}
		if slices.Contains(replicated, process) {
			replicas = append(replicas, process+"-2")
			if dice.IntN(2) == 0 {
				replicas = replicas[dice.IntN(2):][:1]
			}
		}
		_, err := c.WaitRunUntil(ctx, runID, func(run hostclient.Run) bool {
			return run.ProcessedTenants >= moments[i] || run.Ended()
		})
		require.NoError(t, err)
		for _, replica := range replicas {
			// It may be about to start: what it needs was killed before it.
			require.NoError(t, hostclient.Poll(ctx, func() (bool, error) {
				_, err := w.stack.Kill(replica, syscall.SIGKILL)
				return err == nil, nil
			}), replica)
		}
		t.Logf("killed %v at %d", replicas, moments[i])
	}
}

// requireNothingLeftBehind finds no run that is open, and no workflow.
func (w *world) requireNothingLeftBehind(ctx context.Context, t *testing.T, tenant string) {
	t.Helper()
	var open int
	require.NoError(t, w.database(t).QueryRow(ctx, `SELECT count(*) FROM syncengine.entra_sync_runs WHERE tenant_id = $1 AND completed_at IS NULL`, tenant).Scan(&open))
	require.Zero(t, open)
	operator := w.temporal(t, w.temporalTLS(t, w.stack.TemporalTLSDir("operator")))
	require.NoError(t, hostclient.Poll(ctx, func() (bool, error) { // the list follows what happens
		running, err := operator.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: temporalNamespace, Query: "EntrasyncTenant = '" + tenant + "' AND ExecutionStatus = 'Running'",
		})
		return len(running.GetExecutions()) == 0, err
	}))
}

// requireOneAtATime finds no directory that was listed twice at once.
func (w *world) requireOneAtATime(t *testing.T) {
	t.Helper()
	var requests struct {
		Routes map[string]struct{ MostAtOnce map[string]int }
	}
	require.NoError(t, json.Unmarshal(w.simulator(t, "GET", "/admin/requests", nil), &requests))
	listed := requests.Routes["graph.users"].MostAtOnce
	require.Len(t, listed, 200)
	for directory, most := range listed {
		require.Equal(t, 1, most, "directory %s", directory)
	}
}
