package connection

import (
	"encoding/json"
	"fmt"
	"time"
)

// The canonical names of a tenant's secrets (F033).
const (
	keyClientID     = "microsoft_client_id"
	keyClientSecret = "microsoft_client_secret"
	keyTenantID     = "microsoft_tenant_id"

	keyClientCertificate = "microsoft_client_certificate"
	keyCustomerAccess    = "microsoft_customer_access"

	keyAccessToken     = "entra_direct_access_token"
	keyRefreshToken    = "entra_direct_refresh_token"
	keyTokenExpiresAt  = "entra_direct_token_expires_at"
	keyPartnerTenantID = "entra_direct_partner_tenant_id"
	keyTokenScope      = "entra_direct_token_scope"
)

// Secrets that belong together are one value with versions, so that no reader
// ever sees half of one and half of another. Other kinds of connections have a set
// of their own (SetOf).
const (
	// SetDirect holds the token set of a direct connection.
	SetDirect = "entra_direct"
	// SetApp holds the tenant's own app registration.
	SetApp = "microsoft_app"
)

// SetOf is the set that holds the secrets of a kind of connection.
func SetOf(t Type) string { return "entra_" + string(t) }

// EncodeGrant writes a token set as one value.
func EncodeGrant(g Grant) (Secret, error) {
	return EncodeSet(map[string]string{
		keyAccessToken:     g.AccessToken.Reveal(),
		keyRefreshToken:    g.RefreshToken.Reveal(),
		keyTokenExpiresAt:  g.ExpiresAt.UTC().Format(time.RFC3339),
		keyPartnerTenantID: g.PartnerTenantID,
		keyTokenScope:      g.Scope,
	})
}

// DecodeGrant reads what EncodeGrant wrote.
func DecodeGrant(value Secret) (Grant, error) {
	set, err := DecodeSet(value)
	if err != nil {
		return Grant{}, err
	}
	expires, err := time.Parse(time.RFC3339, set[keyTokenExpiresAt])
	if err != nil {
		return Grant{}, fmt.Errorf("reading %s: not a time", keyTokenExpiresAt)
	}
	return Grant{
		AccessToken: Secret(set[keyAccessToken]), RefreshToken: Secret(set[keyRefreshToken]), ExpiresAt: expires,
		Scope: set[keyTokenScope], PartnerTenantID: set[keyPartnerTenantID],
	}, nil
}

// EncodeCredentials writes an app registration as one value.
func EncodeCredentials(c Credentials) (Secret, error) {
	return EncodeSet(map[string]string{
		keyClientID: c.ClientID, keyClientSecret: c.ClientSecret.Reveal(), keyTenantID: c.TenantID,
		keyClientCertificate: c.Certificate.Reveal(), keyCustomerAccess: string(c.Access()),
	})
}

// DecodeCredentials reads what EncodeCredentials wrote.
func DecodeCredentials(value Secret) (Credentials, error) {
	set, err := DecodeSet(value)
	if err != nil {
		return Credentials{}, err
	}
	access, err := ParseCustomerAccess(set[keyCustomerAccess]) // absent in what older versions wrote
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{
		ClientID: set[keyClientID], ClientSecret: Secret(set[keyClientSecret]), TenantID: set[keyTenantID],
		Certificate: Secret(set[keyClientCertificate]), CustomerAccess: access,
	}, nil
}

// EncodeSet writes a set of secrets, by their names, as one value.
func EncodeSet(set map[string]string) (Secret, error) {
	encoded, err := json.Marshal(set)
	if err != nil {
		return "", fmt.Errorf("encoding a set of secrets: %w", err)
	}
	return Secret(encoded), nil
}

// DecodeSet reads what EncodeSet wrote.
func DecodeSet(value Secret) (map[string]string, error) {
	var set map[string]string
	if err := json.Unmarshal([]byte(value), &set); err != nil {
		return nil, fmt.Errorf("a set of secrets cannot be read") // the cause may quote it
	}
	return set, nil
}
