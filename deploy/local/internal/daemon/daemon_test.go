package daemon_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/daemon"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

// setup prepares a checkout's supervisor that has nothing to supervise.
func setup(t *testing.T, state string) (layout.Layout, *daemon.Client) {
	t.Helper()
	root, err := layout.FindRoot(mustGetwd(t))
	require.NoError(t, err)
	where := layout.Layout{Root: root, State: state}
	require.NoError(t, daemon.WriteOptions(where, stack.Options{
		Root: root, State: state, Without: stack.Names(), DatabaseURL: "postgres://nobody@127.0.0.1:1/none",
	}))
	return where, daemon.NewClient(where)
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	return dir
}

// serve runs the supervisor until the test or a Stop ends it.
func serve(t *testing.T, where layout.Layout, client *daemon.Client) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- daemon.Serve(t.Context(), where, slog.New(slog.DiscardHandler)) }()
	require.Eventually(t, func() bool {
		report, err := client.Report(t.Context())
		return err == nil && report.PID == os.Getpid()
	}, time.Minute, 10*time.Millisecond)
	return ended
}

func TestOneSupervisorForEachCheckout(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"usual": t.TempDir(),
		// A socket's path may have 107 bytes.
		"deep": t.TempDir() + "/" + strings.Repeat("deep/", 30),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where, client := setup(t, state)
			running, err := client.Running()
			require.NoError(t, err)
			require.False(t, running)

			ended := serve(t, where, client)
			running, err = client.Running()
			require.NoError(t, err)
			require.True(t, running)
			require.ErrorIs(t, daemon.Serve(t.Context(), where, slog.New(slog.DiscardHandler)), daemon.ErrRunning)
			require.NoError(t, client.Apply(t.Context()))

			require.NoError(t, client.Stop(t.Context()))
			require.NoError(t, <-ended)
			running, err = client.Running()
			require.NoError(t, err)
			require.False(t, running)
			require.NoError(t, client.Stop(t.Context()), "stopping what does not run is harmless")

			// And it can be started again.
			ended = serve(t, where, client)
			require.NoError(t, client.Stop(t.Context()))
			require.NoError(t, <-ended)
		})
	}
}

func TestOneCommandAtATime(t *testing.T) {
	t.Parallel()
	where := layout.Layout{Root: t.TempDir(), State: t.TempDir()}
	unlock, err := daemon.Lock(where)
	require.NoError(t, err)
	_, err = daemon.Lock(where)
	require.ErrorContains(t, err, "another")
	unlock()
	unlock, err = daemon.Lock(where)
	require.NoError(t, err)
	unlock()
}

func TestSupervisorThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	where := layout.Layout{Root: "/nowhere", State: t.TempDir()}
	require.NoError(t, daemon.WriteOptions(where, stack.Options{Root: "/nowhere", State: where.State, DatabaseURL: "postgres://nobody@127.0.0.1:1/none"}))
	err := daemon.Serve(context.WithoutCancel(t.Context()), where, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "a program is missing")
}
