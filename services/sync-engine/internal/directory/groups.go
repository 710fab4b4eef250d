package directory

import (
	"context"
	"errors"
	"io"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// ListGroupMembers streams the ids of the users in a group, also through groups
// within it. errs.Precondition, reason group_unreadable, for one that cannot be read.
func (c *Client) ListGroupMembers(ctx context.Context, req syncengine.ListGroupMembers, page func(ids []string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream where we give up
	stream, err := c.directory.ListGroupMembers(ctx, &connectionv1.ListGroupMembersRequest{
		EntraTenantId: req.EntraTenantID, GroupId: req.GroupID, Priority: req.Priority,
	})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil // the contract: complete
		}
		if err != nil {
			return err
		}
		if err := page(message.GetEntraObjectIds()); err != nil {
			return err
		}
	}
}
