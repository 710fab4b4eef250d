package connection_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// TestSecretsKeepTheirNames holds the names: stored secrets are found by them.
func TestSecretsKeepTheirNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, connection.SetDirect, connection.SetOf(connection.Direct))
	grant, err := connection.EncodeGrant(connection.Grant{
		AccessToken: "a", RefreshToken: "r", ExpiresAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Scope: "s", PartnerTenantID: "p",
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"entra_direct_access_token":"a","entra_direct_refresh_token":"r","entra_direct_token_expires_at":"2026-03-01T12:00:00Z",
		"entra_direct_partner_tenant_id":"p","entra_direct_token_scope":"s"}`, grant.Reveal())
	app, err := connection.EncodeCredentials(connection.Credentials{
		ClientID: "c", ClientSecret: "s", TenantID: "t", Certificate: "k", CustomerAccess: connection.AppOnly,
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"microsoft_client_id":"c","microsoft_client_secret":"s","microsoft_tenant_id":"t",
		"microsoft_client_certificate":"k","microsoft_customer_access":"app_only"}`, app.Reveal())
}
