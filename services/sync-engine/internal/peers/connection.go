package peers

import (
	"context"
	"errors"
	"io"
	"slices"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Connection reads the users and groups of directories from the connection service.
type Connection struct {
	directory connectionv1.DirectoryServiceClient
}

// NewConnection makes a client on a connection to the connection service.
func NewConnection(conn grpc.ClientConnInterface) *Connection {
	return &Connection{directory: connectionv1.NewDirectoryServiceClient(conn)}
}

// ListUsers streams a directory's users. A stream that ends before the listing
// did is errs.Unavailable, reason listing_broke_off.
func (c *Connection) ListUsers(ctx context.Context, req syncengine.ListUsers, to syncengine.Receiver) (syncengine.Listing, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream where we give up
	stream, err := c.directory.ListUsers(ctx, &connectionv1.ListUsersRequest{
		EntraTenantId: req.EntraTenantID, Priority: req.Priority, DeltaLink: string(req.DeltaLink),
	})
	if err != nil {
		return syncengine.Listing{}, err
	}
	var users []syncengine.User
	var removed []string
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return syncengine.Listing{}, errs.Of(reason.ListingBrokeOff)
		}
		if err != nil {
			return syncengine.Listing{}, err
		}
		switch event := message.GetEvent().(type) {
		case *connectionv1.ListUsersResponse_Page:
			users, removed = users[:0], removed[:0]
			for _, u := range event.Page.GetUsers() {
				users = append(users, userOf(u))
			}
			for _, r := range event.Page.GetRemoved() {
				removed = append(removed, r.GetEntraObjectId())
			}
			if err := to.Page(users, removed); err != nil {
				return syncengine.Listing{}, err
			}
		case *connectionv1.ListUsersResponse_Restarted:
			if err := to.Restarted(event.Restarted.GetFull()); err != nil {
				return syncengine.Listing{}, err
			}
		case *connectionv1.ListUsersResponse_Completed:
			return syncengine.Listing{DeltaLink: syncengine.DeltaLink(event.Completed.GetDeltaLink()), Full: event.Completed.GetFull()}, nil
		}
	}
}

// usersPerCall is how many users one call reads, as the contract bounds it.
const usersPerCall = 1000

// GetUsers reads users by their ids.
func (c *Connection) GetUsers(ctx context.Context, req syncengine.GetUsers, each func(users []syncengine.User, missing []string) error) error {
	for ids := range slices.Chunk(req.ObjectIDs, usersPerCall) {
		answer, err := c.directory.GetUsers(ctx, &connectionv1.GetUsersRequest{
			EntraTenantId: req.EntraTenantID, Priority: req.Priority, EntraObjectIds: ids,
		})
		if err != nil {
			return err
		}
		users := make([]syncengine.User, 0, len(answer.GetUsers()))
		for _, u := range answer.GetUsers() {
			users = append(users, userOf(u))
		}
		if err := each(users, answer.GetMissing()); err != nil {
			return err
		}
	}
	return nil
}

// EachUser lists a directory's users for somebody who waits. errs.Unavailable, reason
// listing_broke_off, for one that has to begin anew.
func (c *Connection) EachUser(ctx context.Context, entraTenantID string, page func([]syncengine.User) error) error {
	_, err := c.ListUsers(ctx, syncengine.ListUsers{EntraTenantID: entraTenantID, Priority: "high"}, onePass(page))
	return err
}

// onePass is a receiver of users that cannot begin anew.
type onePass func([]syncengine.User) error

func (p onePass) Page(users []syncengine.User, _ []string) error { return p(users) }

func (onePass) Restarted(bool) error {
	return errs.Of(reason.ListingBrokeOff)
}

// ListGroupMembers streams the ids of the users in a group, also through groups
// within it. errs.Precondition, reason group_unreadable, for one that cannot be read.
func (c *Connection) ListGroupMembers(ctx context.Context, req syncengine.ListGroupMembers, page func(ids []string) error) error {
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

func userOf(u *connectionv1.DirectoryUser) syncengine.User {
	return syncengine.User{
		ObjectID: u.GetEntraObjectId(), UserPrincipalName: u.GetUserPrincipalName(), Mail: u.GetMail(), DisplayName: u.GetDisplayName(),
		GivenName: u.GetGivenName(), Surname: u.GetSurname(), AccountEnabled: u.AccountEnabled, UserType: u.GetUserType(), // absent is unknown
		JobTitle: u.GetJobTitle(), Department: u.GetDepartment(), MobilePhone: u.GetMobilePhone(),
		BusinessPhones: u.GetBusinessPhones().GetValues(), ProxyAddresses: u.GetProxyAddresses().GetValues(),
		OtherMails: u.GetOtherMails().GetValues(), LicenceCount: u.AssignedLicenceCount, Defect: u.GetDefect(), // absent is unknown
		Absent: absentProperties(u),
	}
}

// absentProperties are those that the message neither has nor calls cleared.
func absentProperties(u *connectionv1.DirectoryUser) (found syncengine.Properties) {
	for _, p := range []struct {
		absent   bool
		name     string
		property syncengine.Properties
	}{
		{u.UserPrincipalName == nil, "user_principal_name", syncengine.PropertyUserPrincipalName},
		{u.Mail == nil, "mail", syncengine.PropertyMail},
		{u.DisplayName == nil, "display_name", syncengine.PropertyDisplayName},
		{u.GivenName == nil, "given_name", syncengine.PropertyGivenName},
		{u.Surname == nil, "surname", syncengine.PropertySurname},
		{u.AccountEnabled == nil, "account_enabled", syncengine.PropertyAccountEnabled},
		{u.UserType == nil, "user_type", syncengine.PropertyUserType},
		{u.JobTitle == nil, "job_title", syncengine.PropertyJobTitle},
		{u.Department == nil, "department", syncengine.PropertyDepartment},
		{u.MobilePhone == nil, "mobile_phone", syncengine.PropertyMobilePhone},
		{u.BusinessPhones == nil, "business_phones", syncengine.PropertyBusinessPhones},
		{u.ProxyAddresses == nil, "proxy_addresses", syncengine.PropertyProxyAddresses},
		{u.OtherMails == nil, "other_mails", syncengine.PropertyOtherMails},
		{u.AssignedLicenceCount == nil, "assigned_licence_count", syncengine.PropertyLicenceCount},
	} {
		if p.absent && !slices.Contains(u.GetCleared(), p.name) {
			found |= p.property
		}
	}
	return found
}
