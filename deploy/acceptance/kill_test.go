package acceptance

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

// TestKilledProcessesCostNothing kills each process that a sync depends on, without warning, in
// the middle of an initial sync, and compares what stands in the end with what an undisturbed
// sync of the same directories makes.
func TestKilledProcessesCostNothing(t *testing.T) {
	w := start(t, stack.Options{})
	calm := w.mapped(t, "calm")
	undisturbed := sync(t, calm, "initial")
	require.Equal(t, "completed", undisturbed.Run.State)
	want := rows(t, calm)
	require.NotEmpty(t, want)

	for _, process := range []string{"sync-engine", "worker", "postgres", "temporal"} {
		t.Run(process, func(t *testing.T) {
			c := w.mapped(t, "killed-"+process)
			w.slowDirectories(t)
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			started, err := c.StartSync(ctx, "initial")
			require.NoError(t, err)
			waitHalfway(ctx, t, c, started.RunID)
			_, err = w.stack.Kill(process, syscall.SIGKILL)
			require.NoError(t, err)
			detail, err := c.WaitRun(ctx, started.RunID, nil)
			require.NoError(t, err)
			require.Equal(t, "completed", detail.Run.State, "%+v", detail)
			require.Equal(t, undisturbed.Run.TotalTenants, detail.Run.SucceededTenants)
			require.NoError(t, w.stack.Wait(ctx))
			require.Equal(t, want, rows(t, c))
		})
	}
}

// waitHalfway returns when some tenants of a run are done and others are not.
func waitHalfway(ctx context.Context, t *testing.T, c *hostclient.Client, runID string) {
	t.Helper()
	require.NoError(t, hostclient.Poll(ctx, func() (bool, error) {
		detail, err := c.Run(ctx, runID)
		if err != nil {
			return false, err
		}
		require.False(t, detail.Run.Ended(), "the run ended before anything could be killed")
		return detail.Run.ProcessedTenants >= 1, nil
	}))
}
