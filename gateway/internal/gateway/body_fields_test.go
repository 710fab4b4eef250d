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

// TestTheFieldThatCannotBeReadIsNamed, over each protocol.
func TestTheFieldThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	token := b.admin("t1")
	const clients = `{"clients":[{"externalId":"a","name":"x"},{"externalId":"b","name":"cut \ud83d"}]}`
	res := b.as(token, http.MethodPut, "/api/clients:batch", clients)
	require.Equal(t, http.StatusBadRequest, res.status, res.body)
	require.Len(t, res.problem(t).Violations, 1, res.body)
	require.Equal(t, "clients[1].name", res.problem(t).Violations[0].Field)
	require.Contains(t, res.problem(t).Violations[0].Message, "surrogate")
	over := b.as(token, http.MethodPost, "/entrasync.mapping.v1.ClientService/BatchUpsertClients", clients)
	require.Equal(t, http.StatusBadRequest, over.status, over.body)
	require.Contains(t, over.body, "google.rpc.BadRequest", "the field stands in it, encoded")
	patched := b.as(token, http.MethodPatch, settingsPath, `{"filters":{"customPatterns":["a",1]}}`)
	require.Equal(t, "filters.customPatterns[1]", patched.problem(t).Violations[0].Field, patched.body)
	require.Zero(t, b.backends.count())
}
