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
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
)

// The process comes up on its environment alone, is ready, and ends in order.
func TestServe(t *testing.T) {
	admin := free(t)
	for name, value := range map[string]string{
		"ENTRASYNC_LISTEN": free(t), "ENTRASYNC_ADMIN_LISTEN": admin, "ENTRASYNC_LOG_LEVEL": "error",
		"ENTRASYNC_TLS_DIR": rpctest.New(t).Dir("reconciliation"), "ENTRASYNC_DATABASE_URL": pgtest.Database(t, postgres.Context).URL,
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	require.Eventually(t, func() bool { return ready(t, admin) }, 20*time.Second, 20*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

func ready(t *testing.T, address string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	require.NoError(t, res.Body.Close())
	return res.StatusCode == http.StatusOK
}

// free is an address where nothing listens.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
