package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Instances of one process share nothing that a test could see: neither what was changed
// in one nor what was asked of it.
func TestInstancesAreApart(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	many := newInstances(ctx)
	control := httptest.NewServer(many)
	defer control.Close()
	call := func(method, url, body string) (status int, answer string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode, string(raw)
	}
	start := func(variables string) string {
		t.Helper()
		status, answer := call(http.MethodPost, control.URL+"/instances", variables)
		require.Equal(t, http.StatusCreated, status, answer)
		var started struct {
			Address string `json:"address"`
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &started))
		return started.Address
	}
	one, other := start(`{"LISTEN":"127.0.0.1:0","FLEET":"tiny"}`), start(`{"LISTEN":"127.0.0.1:0","FLEET":"tiny","CIPP_LISTEN":"127.0.0.1:0"}`)
	status, _ := call(http.MethodPost, "http://"+one+"/admin/apps", `{"clientId":"6c0ffee0-0000-4000-8000-000000000002","name":"another","clientSecret":"s"}`)
	require.Less(t, status, 300)
	for address, has := range map[string]bool{one: true, other: false} {
		_, apps := call(http.MethodGet, "http://"+address+"/admin/apps", "")
		require.Equal(t, has, strings.Contains(apps, "another"))
	}
	for _, bad := range []string{`{"FLEET":"medium","LISTEN":"127.0.0.1:0"}`, `{"SEED":"x"}`, `x`} {
		status, _ = call(http.MethodPost, control.URL+"/instances", bad)
		require.Equal(t, http.StatusBadRequest, status, bad)
	}
	status, _ = call(http.MethodDelete, control.URL+"/instances/"+one, "")
	require.Equal(t, http.StatusNoContent, status)
	status, _ = call(http.MethodDelete, control.URL+"/instances/"+one, "")
	require.Equal(t, http.StatusNotFound, status)
	status, _ = call(http.MethodGet, "http://"+other+"/admin/fleet", "")
	require.Equal(t, http.StatusOK, status, "the other goes on")
	stop()
	many.wait()
}
