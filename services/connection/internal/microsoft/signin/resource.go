package signin

import (
	"context"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
)

// ResourceToken gives an app its own token for an API, at the authority that the
// credentials name: that of the tenant where both are registered.
func (c *Client) ResourceToken(ctx context.Context, cr connection.Credentials, scope string) (connection.Token, error) {
	grant, err := c.redeem(ctx, cr, microsoft.AtPartner, authorityOf(cr), 3, c.asApp(cr, authorityOf(cr), scope))
	return connection.Token{Value: grant.AccessToken, ExpiresAt: grant.ExpiresAt}, err
}
