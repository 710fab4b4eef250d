package servicetest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/worker/internal/assembly"
)

// TestServeWithoutAnythingElse: the process comes up without Temporal and without its peers, says that it is not ready, and
// ends in order.
func TestServeWithoutAnythingElse(t *testing.T) {
	admin, nobody := rpctest.FreeAddress(t), rpctest.FreeAddress(t)
	var c assembly.Config
	require.NoError(t, env.ParseWithOptions(&c, env.Options{Environment: map[string]string{
		"ENTRASYNC_LISTEN": rpctest.FreeAddress(t), "ENTRASYNC_ADMIN_LISTEN": admin, "ENTRASYNC_TLS_DIR": rpctest.New(t).Dir("worker"),
		"ENTRASYNC_TEMPORAL_ADDR": nobody, "ENTRASYNC_CONNECTION_ADDR": nobody, "ENTRASYNC_DISCOVERY_ADDR": nobody,
		"ENTRASYNC_MAPPING_ADDR": nobody, "ENTRASYNC_SYNC_ENGINE_ADDR": nobody, "ENTRASYNC_RECONCILIATION_ADDR": nobody, "ENTRASYNC_LOG_LEVEL": "error",
		"ENTRASYNC_DRAIN_DELAY": "0",
	}}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx, "worker", c, assembly.Start) }()
	require.Eventually(t, func() bool { return status(t, admin, "/healthz") == http.StatusOK }, time.Minute, 20*time.Millisecond)
	require.Equal(t, http.StatusServiceUnavailable, status(t, admin, "/readyz"))
	cancel()
	require.NoError(t, <-ended)
}

// status is what the admin listener answers, 0 when it does not.
func status(t *testing.T, address, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}
