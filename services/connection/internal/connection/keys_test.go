package connection_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// TestSecretsKeepTheirNames holds the names: stored secrets are found by them.
func TestSecretsKeepTheirNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"entra_direct_access_token", "entra_direct_refresh_token", "entra_direct_token_expires_at",
		"entra_direct_partner_tenant_id", "entra_direct_token_scope",
	}, connection.SetKeys(connection.SetDirect))
	require.Equal(t, []string{
		"microsoft_client_id", "microsoft_client_secret", "microsoft_tenant_id", "microsoft_client_certificate", "microsoft_customer_access",
	}, connection.SetKeys(connection.SetApp))
}
