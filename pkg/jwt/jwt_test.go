package jwt_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/jwt"
)

func TestClaimsAreRead(t *testing.T) {
	t.Parallel()
	encoded := base64.RawURLEncoding.EncodeToString
	type claims struct {
		TenantID string `json:"tid"`
	}
	var got claims
	require.True(t, jwt.Unverified("h."+encoded([]byte(`{"tid":"t","more":1}`))+".s", &got))
	require.Equal(t, "t", got.TenantID)
	for _, bad := range []string{"", "..", "h.p", "h.!.s", "h." + encoded([]byte(`{`)) + ".s", "h." + encoded([]byte(`[]`)) + ".s", "a.b.c.d"} {
		require.False(t, jwt.Unverified(bad, new(claims)), bad)
	}
}
