package hostclient_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
)

// TestAStartIsAskedForAgainWhereTheOrchestratorIsBusy, and nothing else is.
func TestAStartIsAskedForAgainWhereTheOrchestratorIsBusy(t *testing.T) {
	t.Parallel()
	asked, code := 0, "orchestrator_unavailable"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"status": 503, "code": "` + code + `"}`))
			return
		}
		_, _ = w.Write([]byte(`{"runId": "r-1"}`))
	}))
	t.Cleanup(server.Close)
	c := hostclient.NewClient(server.URL, "")
	started, err := c.StartSync(t.Context(), "initial")
	require.NoError(t, err)
	require.Equal(t, "r-1", started.RunID)
	require.Equal(t, 3, asked)

	asked, code = 0, "unavailable"
	_, err = c.StartSync(t.Context(), "initial")
	var refused *hostclient.Problem
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "unavailable", refused.Code)
	require.Equal(t, 1, asked)
}
