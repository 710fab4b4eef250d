package directory

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// EachUser lists a directory's users for somebody who waits. errs.Unavailable, reason
// listing_broke_off, for one that has to begin anew.
func (c *Client) EachUser(ctx context.Context, entraTenantID string, page func([]syncengine.User) error) error {
	_, err := c.ListUsers(ctx, syncengine.ListUsers{EntraTenantID: entraTenantID, Priority: "high"}, onePass(page))
	return err
}

// onePass is a receiver of users that cannot begin anew.
type onePass func([]syncengine.User) error

func (p onePass) Page(users []syncengine.User, _ []string) error { return p(users) }

func (onePass) Restarted(bool) error {
	return errs.New(errs.Unavailable, reason.ListingBrokeOff, "The listing of the directory broke off.")
}
