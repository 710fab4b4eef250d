package cipp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// TestSecretsKeepTheirNames holds the names: stored secrets are found by them.
func TestSecretsKeepTheirNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "entra_cipp", connection.SetOf(Type))
	c := Credentials{BaseURL: "https://cipp.example", TenantID: "t", ClientID: "c", ClientSecret: "s"}
	encoded, err := c.encode()
	require.NoError(t, err)
	require.JSONEq(t, `{"entra_cipp_base_url":"https://cipp.example","entra_cipp_tenant_id":"t","entra_cipp_client_id":"c","entra_cipp_api_token":"s"}`, encoded.Reveal())
	got, err := decode(encoded)
	require.NoError(t, err)
	require.Equal(t, c, got)
}
