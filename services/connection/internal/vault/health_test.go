package vault_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/pkg/vault/vaulttest"
)

// TestAFailureThatLastsIsLoggedOnceAMinute, with status and path and without a value.
func TestAFailureThatLastsIsLoggedOnceAMinute(t *testing.T) { // not parallel: it reads the process's log
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})))
	defer slog.SetDefault(before)
	b := setup(t)
	version := b.put("hunter2")
	type line struct {
		Level, Msg, Reason, Path, Operation string
		Status                              int
	}
	lines := func() (all []line) {
		for raw := range strings.Lines(log.String()) {
			var l line
			require.NoError(t, json.Unmarshal([]byte(raw), &l))
			all = append(all, l)
		}
		log.Reset()
		return all
	}
	require.Empty(t, lines())
	b.server.Seal()
	for range 3 {
		_, err := b.get(version)
		require.Error(t, err)
	}
	require.Equal(t, []line{{"WARN", "the secret store fails", vaultclient.ReasonUnavailable, "/v1/secret/data/" + path, "read", 503}}, lines())
	b.clock.Advance(59 * time.Second)
	_, err := b.store.PutSecret(msp(t), key, "hunter2")
	require.Error(t, err)
	require.Empty(t, lines())
	b.clock.Advance(time.Second)
	require.Error(t, b.store.Check(t.Context()))
	require.Len(t, lines(), 1)

	b.server.Unseal()
	require.NoError(t, b.store.Check(t.Context()))
	require.Equal(t, []line{{Level: "INFO", Msg: "the secret store works again"}}, lines())

	b.server.Deny(true)
	_, err = b.get(version)
	require.Error(t, err)
	got := lines()
	require.Len(t, got, 1)
	require.Equal(t, line{"WARN", "the secret store fails", vaultclient.ReasonDenied, "/v1/secret/data/" + path, "read", 403}, got[0])
	require.NotContains(t, log.String(), "hunter2")
}

// TestWhatOneOperationMeetsAnotherDoesNotMend: a policy may allow reading alone.
func TestWhatOneOperationMeetsAnotherDoesNotMend(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := b.put("one")
	b.server.Forbid("PUT", "data")
	_, err := b.store.PutSecret(msp(t), key, "two")
	require.Error(t, err)
	_, err = b.get(version)
	require.NoError(t, err)
	require.NoError(t, b.store.Check(t.Context()))
	require.Equal(t, vaultclient.ReasonDenied, b.store.Problem().Code)
	b.clock.Advance(3 * time.Hour)
	require.Nil(t, b.store.Problem(), "nobody has tried since")
}

func TestFailuresAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *vaulttest.Server) { s.KVVersion = 1 })
	registry := prometheus.NewRegistry()
	registry.MustRegister(b.store.Collectors()...)
	expect := func(want string) {
		t.Helper()
		require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want)))
	}
	const help = "# HELP secret_store_working 1 while the secret store works, 0 while an operation on it fails.\n# TYPE secret_store_working gauge\n"
	expect(help + "secret_store_working 1\n")
	require.Error(t, b.store.Check(t.Context()))
	require.Error(t, b.store.Check(t.Context()))
	expect("# HELP secret_store_failures_total Operations that the secret store failed, by operation and reason.\n" +
		"# TYPE secret_store_failures_total counter\n" +
		`secret_store_failures_total{operation="check",reason="secret_store_misconfigured"} 2` + "\n" +
		help + "secret_store_working 0\n")
}
