package graph

import (
	"context"
	"net/url"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// ProbeCustomer reads one user of a managed tenant, whether or not there is one.
func (c *Client) ProbeCustomer(ctx context.Context, tokens connection.TokenSource) error {
	request, err := c.newRequest(ctx, microsoft.AtCustomer, tokens, connection.High)
	if err != nil {
		return err
	}
	request.url, request.cost = c.graphURL("/v1.0/users", url.Values{"$select": {"id"}, "$top": {"1"}}), costOf(costUsers, true, 1)
	return classified(c.read(ctx, request, func(a answer) error {
		raw, err := outbound.ReadBody(a.body, nil, maxSmallBytes)
		if err != nil {
			return err
		}
		_, _, err = parseRows[struct{}](raw)
		return err
	}))
}
