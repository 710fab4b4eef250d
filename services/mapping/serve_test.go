package main

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
)

// TestServeUntilStopped runs the process as it is deployed: it becomes ready and
// ends in good order.
func TestServeUntilStopped(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, name)
	admin := freeAddress(t)
	cfg := config{
		Listen: freeAddress(t), AdminListen: admin, DatabaseURL: db.URL, TLSDir: rpctest.New(t).Dir(name), LogLevel: "error",
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, cfg) }()
	require.Eventually(t, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/readyz", http.NoBody)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, 20*time.Second, 20*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
