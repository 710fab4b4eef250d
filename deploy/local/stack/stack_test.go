package stack_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/stack"
)

// ours are our own services; a stack without them starts in a few seconds.
var ours = []string{"migrate", "temporal-attributes", "connection", "discovery", "mapping", "reconciliation", "sync-engine", "worker", "gateway"}

func TestStackSurvivesKillAndStopsWithoutTrace(t *testing.T) {
	t.Parallel()
	require.NoError(t, built())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := stack.Start(ctx, stack.Options{Without: ours, Fleet: "tiny"})
	require.NoError(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			require.NoError(t, s.Stop())
		}
	})
	urls := s.URLs()
	state := filepath.Dir(urls.Logs)

	conn, err := pgx.Connect(ctx, urls.Database)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "CREATE TABLE kept AS SELECT 1 AS n")
	require.NoError(t, err)
	// A backend that does not look up: it outlives its server, whose successor
	// refuses to start beside it.
	busy := make(chan error, 1)
	go func() {
		_, err := conn.Exec(ctx, "SELECT count(*) FROM generate_series(1, 20000000000)")
		busy <- err
	}()
	watch, err := pgx.Connect(ctx, urls.Database)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var active bool
		err := watch.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series%' AND pid <> pg_backend_pid())").Scan(&active)
		return err == nil && active
	}, time.Minute, 10*time.Millisecond)

	for _, name := range []string{"postgres", "temporal"} {
		pid, err := s.Kill(name, syscall.SIGKILL)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			i := slices.IndexFunc(s.Status(), func(p stack.Status) bool { return p.Name == name })
			return s.Status()[i].PID != pid && s.Status()[i].Restarts > 0
		}, time.Minute, 10*time.Millisecond)
		require.NoError(t, s.Wait(ctx))
	}
	require.Error(t, <-busy)
	again, err := pgx.Connect(ctx, urls.Database)
	require.NoError(t, err)
	var n int
	require.NoError(t, again.QueryRow(ctx, "SELECT n FROM kept").Scan(&n))
	require.Equal(t, 1, n)

	res, err := http.Get(urls.Identity + "/.well-known/openid-configuration")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)

	require.NotEmpty(t, processesIn(t, state))
	require.NoError(t, s.Stop())
	stopped = true
	require.Empty(t, processesIn(t, state))
	require.NoDirExists(t, state)
}

// processesIn finds the processes that name a folder in their command line or
// work in it.
func processesIn(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")) // it may be gone by now
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if strings.Contains(string(line), dir) || strings.HasPrefix(cwd, dir) {
			found = append(found, e.Name()+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func TestOptionsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	o, err := stack.FromEnv("/checkout", []string{
		"DATABASE_URL=postgres://u:p@db/x", "ENTRASYNC_MICROSOFT_GRAPH_URL=https://graph.microsoft.us",
		"ENTRASYNC_AUTH_ISSUER=https://login.example", "MICROSOFT_CLIENT_ID=abc", "ENTRASYNC_PORT_GATEWAY=9000",
		"ENTRASYNC_MASTER_KEY_KMS_URI=hcvault://vault.example/transit/keys/entrasync", "ENTRASYNC_TEMPORAL_UI_WRITE=true",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317", "HOME=/root", "HTTPS_PROXY=",
		"ENTRASYNC_WEBHOOK_ALLOWED_HOSTS=127.0.0.1:9100", "ENTRASYNC_EMBED_ORIGINS=https://host.example",
	})
	require.NoError(t, err)
	require.Equal(t, "/checkout/.local", o.State)
	require.Equal(t, 9000, o.Ports.Gateway)
	require.Equal(t, 9500, o.Ports.Identity)
	require.False(t, o.OwnDatabase())
	require.False(t, o.OwnDirectory())
	require.False(t, o.OwnIssuer())
	require.Equal(t, []string{"MICROSOFT_CLIENT_ID=abc"}, o.MicrosoftClient)
	require.Equal(t, "hcvault://vault.example/transit/keys/entrasync", o.MasterKeyKMSURI)
	require.True(t, o.TemporalUIWritable)
	require.Equal(t, []string{
		"ENTRASYNC_EMBED_ORIGINS=https://host.example", "ENTRASYNC_WEBHOOK_ALLOWED_HOSTS=127.0.0.1:9100",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317",
	}, o.Inherit)

	o, err = stack.FromEnv("/checkout", nil)
	require.NoError(t, err)
	require.True(t, o.OwnDatabase() && o.OwnDirectory() && o.OwnIssuer())
	require.False(t, o.TemporalUIWritable)

	require.Empty(t, o.Twice)

	o, err = stack.FromEnv("/checkout", []string{"ENTRASYNC_REPLICAS=2"})
	require.NoError(t, err)
	require.Equal(t, []string{"connection", "discovery", "mapping", "reconciliation", "sync-engine", "worker", "gateway"}, o.Twice)
	require.Equal(t, 7606, o.SecondPorts.Worker)
	_, err = stack.FromEnv("/checkout", []string{"ENTRASYNC_REPLICAS=3"})
	require.ErrorContains(t, err, "ENTRASYNC_REPLICAS")
	_, err = stack.FromEnv("/checkout", []string{"ENTRASYNC_TEMPORAL_UI_WRITE=perhaps"})
	require.ErrorContains(t, err, "ENTRASYNC_TEMPORAL_UI_WRITE")

	_, err = stack.New(t.Context(), stack.Options{Without: []string{"nonsense"}}, nil)
	require.ErrorContains(t, err, "nonsense")
}
