// Package directory reads managed tenants' users from the connection service.
package directory

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Client lists users over gRPC.
type Client struct {
	directory connectionv1.DirectoryServiceClient
}

// New makes a client on a connection to the connection service.
func New(conn grpc.ClientConnInterface) *Client {
	return &Client{directory: connectionv1.NewDirectoryServiceClient(conn)}
}

// ListUsers streams a directory's users. A stream that ends before the listing
// did is errs.Unavailable, reason listing_broke_off.
func (c *Client) ListUsers(ctx context.Context, req syncengine.ListUsers, page func([]syncengine.User) error, restarted func() error) (syncengine.Listing, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream where we give up
	stream, err := c.directory.ListUsers(ctx, &connectionv1.ListUsersRequest{EntraTenantId: req.EntraTenantID, Priority: req.Priority})
	if err != nil {
		return syncengine.Listing{}, err
	}
	var users []syncengine.User
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return syncengine.Listing{}, errs.New(errs.Unavailable, reason.ListingBrokeOff, "The listing of the directory broke off.")
		}
		if err != nil {
			return syncengine.Listing{}, err
		}
		switch event := message.GetEvent().(type) {
		case *connectionv1.ListUsersResponse_Page:
			users = users[:0]
			for _, u := range event.Page.GetUsers() {
				users = append(users, userOf(u))
			}
			if err := page(users); err != nil {
				return syncengine.Listing{}, err
			}
		case *connectionv1.ListUsersResponse_Restarted:
			if err := restarted(); err != nil {
				return syncengine.Listing{}, err
			}
		case *connectionv1.ListUsersResponse_Completed:
			return syncengine.Listing{DeltaLink: event.Completed.GetDeltaLink(), Full: event.Completed.GetFull()}, nil
		}
	}
}

func userOf(u *connectionv1.DirectoryUser) syncengine.User {
	return syncengine.User{
		ObjectID: u.GetEntraObjectId(), UserPrincipalName: u.GetUserPrincipalName(), Mail: u.GetMail(), DisplayName: u.GetDisplayName(),
		GivenName: u.GetGivenName(), Surname: u.GetSurname(), AccountEnabled: u.AccountEnabled, UserType: u.GetUserType(), // absent is unknown
		JobTitle: u.GetJobTitle(), Department: u.GetDepartment(), MobilePhone: u.GetMobilePhone(),
		BusinessPhones: u.GetBusinessPhones().GetValues(), ProxyAddresses: u.GetProxyAddresses().GetValues(),
		OtherMails: u.GetOtherMails().GetValues(), LicenceCount: u.AssignedLicenceCount, Defect: u.GetDefect(), // absent is unknown
	}
}
