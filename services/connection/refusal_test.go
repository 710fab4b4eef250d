package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

func TestARefusedFlowIsUsedUpAndStoresNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.sim.consent(b.begin(person(t, "msp", "admin")).GetAuthorizeUrl())
	found, err := b.internal.FindFlow(t.Context(), &connectionv1.FindFlowRequest{State: answer.Get("state")})
	require.NoError(t, err)
	require.Equal(t, "msp", found.GetTenantId())
	for _, state := range []string{"", "forged"} {
		none, err := b.internal.FindFlow(t.Context(), &connectionv1.FindFlowRequest{State: state})
		require.NoError(t, err)
		require.Empty(t, none.GetTenantId())
	}
	refused, err := b.internal.CompleteCallback(t.Context(), &connectionv1.CompleteCallbackRequest{
		State: answer.Get("state"), Code: answer.Get("code"), Refusal: "feature_disabled",
	})
	require.NoError(t, err)
	require.Contains(t, refused.GetRedirectUrl(), "entra_status=failure")
	require.Contains(t, refused.GetRedirectUrl(), "error=feature_disabled")
	require.Zero(t, b.sim.requests("login.token", ""), "the code is not exchanged")
	require.Equal(t, "invalid_state", b.back(answer, "").Get("error"))
	require.Equal(t, "not_connected", b.status("msp").GetStatus())
}
