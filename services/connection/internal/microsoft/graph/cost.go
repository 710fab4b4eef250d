package graph

import (
	"context"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// The documented costs in resource units.
const (
	costDefault = 1
	costUsers   = 2
	costMembers = 5
	// costContracts is that of /contracts.
	costContracts = 3
)

// costOf is the documented price of a request: what its kind costs, one less when
// it selects, one less when it asks for less than 20 rows, and at least one.
func costOf(kind int, selects bool, top int) int {
	if selects {
		kind--
	}
	if top > 0 && top < 20 {
		kind--
	}
	return max(kind, 1)
}

// quotaOf finds the quota that a source's tokens are good for. All that do not say for
// what share one.
func (c *Client) quotaOf(ctx context.Context, tokens connection.TokenSource) (*pace.Quota, error) {
	var origin connection.Origin
	if source, ok := tokens.(connection.OriginSource); ok {
		var err error
		if origin, err = source.Origin(ctx); err != nil {
			return nil, err
		}
	}
	return c.limiter.Quota(pace.Origin(origin)), nil
}
