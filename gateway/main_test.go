package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/service"
)

func environment(t *testing.T) map[string]string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "master.json")
	_, err := secrets.NewKeyFile(key)
	require.NoError(t, err)
	return map[string]string{
		"ENTRASYNC_LISTEN": rpctest.FreeAddress(t), "ENTRASYNC_ADMIN_LISTEN": rpctest.FreeAddress(t), "ENTRASYNC_INTERNAL_LISTEN": rpctest.FreeAddress(t),
		"ENTRASYNC_DATABASE_URL": pgtest.Database(t, "gateway").URL, "ENTRASYNC_TLS_DIR": rpctest.New(t).Dir("gateway"),
		"ENTRASYNC_MASTER_KEY_FILE": key, "ENTRASYNC_LOG_LEVEL": "error", "ENTRASYNC_REFLECTION": "true", "ENTRASYNC_DRAIN_DELAY": "0",
		"ENTRASYNC_AUTH_ISSUER": "http://127.0.0.1:1,http://127.0.0.1:2", "ENTRASYNC_AUTH_AUDIENCE": "entrasync",
	}
}

func TestTheProcessServesAndStops(t *testing.T) {
	variables := environment(t)
	variables["ENTRASYNC_AUTH_TENANT_ISSUER"] = "acme:http://127.0.0.1:2"
	cfg := defaults
	require.NoError(t, env.ParseWithOptions(&cfg, env.Options{Environment: variables}))
	require.Len(t, cfg.AuthIssuers, 2)
	require.Equal(t, map[string]string{"acme": "http://127.0.0.1:2"}, cfg.AuthTenantIssuers)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx, name, cfg, start) }()
	get := func(address, path string) (int, string) {
		res, err := http.Get("http://" + address + path)
		if err != nil {
			return 0, ""
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(body)
	}
	require.Eventually(t, func() bool {
		code, _ := get(cfg.AdminListen, "/readyz")
		return code == http.StatusOK
	}, time.Minute, 50*time.Millisecond)
	code, _ := get(cfg.Listen, "/readyz")
	require.Equal(t, http.StatusOK, code)
	// No issuer and no backend runs: it serves all the same, and says what it cannot do.
	code, body := get(cfg.Listen, "/api/clients")
	require.Equal(t, http.StatusUnauthorized, code, body)
	_, metrics := get(cfg.AdminListen, "/metrics")
	require.Contains(t, metrics, `edge_seconds_count{code="unauthenticated",method="/entrasync.mapping.v1.ClientService/ListClients"} 1`)
	code, _ = get(cfg.Listen, "/metrics")
	require.Equal(t, http.StatusNotFound, code, "metrics are on the admin port alone")
	stop()
	require.NoError(t, <-ended)
}

func TestAWrongConfigurationFailsTheStart(t *testing.T) {
	for variable, value := range map[string]string{
		"ENTRASYNC_EDITION": "gold", "ENTRASYNC_PLATFORM_KEY_HASH": "abc", "ENTRASYNC_MASTER_KEY_FILE": "/nowhere",
		"ENTRASYNC_TLS_DIR": "/nowhere", "ENTRASYNC_LOG_LEVEL": "loud",
	} {
		t.Run(variable, func(t *testing.T) {
			variables := environment(t)
			variables[variable] = value
			cfg := defaults
			require.NoError(t, env.ParseWithOptions(&cfg, env.Options{Environment: variables}))
			require.Error(t, service.Run(t.Context(), name, cfg, start))
		})
	}
	for _, variable := range []string{"ENTRASYNC_DATABASE_URL", "ENTRASYNC_AUTH_ISSUER", "ENTRASYNC_AUTH_AUDIENCE", "ENTRASYNC_TLS_DIR"} {
		variables := environment(t)
		variables[variable] = ""
		cfg := defaults
		require.ErrorContains(t, env.ParseWithOptions(&cfg, env.Options{Environment: variables}), variable)
	}
}
