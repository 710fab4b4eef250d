package cipp

import (
	"strings"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Type is the kind of a connection through the partner's own CIPP. It is not offered.
const Type connection.Type = "cipp"

// The names of the secrets.
const (
	keyBaseURL  = "entra_cipp_base_url"
	keyTenantID = "entra_cipp_tenant_id"
	keyClientID = "entra_cipp_client_id"
	keyToken    = "entra_cipp_api_token" // the client secret: CIPP knows no static key
)

// Credentials say where a partner's CIPP answers and how to sign in to it.
type Credentials struct {
	BaseURL      string
	TenantID     string // the partner's own Entra tenant, by id or domain
	ClientID     string // of the CIPP API's own app registration
	ClientSecret connection.Secret
}

// sameApp reports whether both are the same address and the same app there.
func (c Credentials) sameApp(other Credentials) bool {
	c.ClientSecret, other.ClientSecret = "", ""
	return c == other
}

// check returns the credentials with their address in its one form.
func (c Credentials) check(client *Client) (Credentials, error) {
	var err error
	if c.BaseURL, err = client.CheckBaseURL(c.BaseURL); err != nil {
		return c, err
	}
	c.TenantID, c.ClientID = strings.ToLower(c.TenantID), strings.ToLower(c.ClientID)
	return c, connection.CheckAuthority(c.TenantID)
}

// encode writes the address and the credentials as one value.
func (c Credentials) encode() (connection.Secret, error) {
	return connection.EncodeSet(map[string]string{
		keyBaseURL: c.BaseURL, keyTenantID: c.TenantID, keyClientID: c.ClientID, keyToken: c.ClientSecret.Reveal(),
	})
}

// decode reads what encode wrote.
func decode(value connection.Secret) (Credentials, error) {
	set, err := connection.DecodeSet(value)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{
		BaseURL: set[keyBaseURL], TenantID: set[keyTenantID], ClientID: set[keyClientID], ClientSecret: connection.Secret(set[keyToken]),
	}, nil
}
