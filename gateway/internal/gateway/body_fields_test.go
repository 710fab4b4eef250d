package gateway_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatTheGatewayFillsInIsNoFieldOfABody, also where the body is the whole request.
func TestWhatTheGatewayFillsInIsNoFieldOfABody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	for _, fields := range []string{`{"given":["filters"]}`, `{}`, `null`} {
		res := b.as(b.admin("t1"), http.MethodPost, settingsPath+"/test-filters", `{"managedTenantId":"m1","fields":`+fields+`}`)
		require.Equal(t, http.StatusBadRequest, res.status, fields)
		require.Equal(t, "fields", res.problem(t).Violations[0].Field)
	}
	require.Zero(t, b.backends.count())
}
