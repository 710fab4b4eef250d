package rpc

import (
	"slices"
	"unicode/utf8"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const (
	// A message stays well below the limit of a gRPC message, however long the
	// texts of its users are.
	usersPerMessage = 250
	bytesPerMessage = 1 << 20
	// A value longer than this cannot be sent whole beside others; no property of
	// a user may be that long.
	maxRecordBytes = 8 << 20
)

// userMessages cuts a page into messages.
func userMessages(page *connection.UsersPage, send func(*connectionv1.ListUsersResponse) error) error {
	flush := func(p *connectionv1.UserPage) error {
		return send(&connectionv1.ListUsersResponse{Event: &connectionv1.ListUsersResponse_Page{Page: p}})
	}
	for removed := range slices.Chunk(page.Removed, 4*usersPerMessage) {
		message := &connectionv1.UserPage{}
		for _, r := range removed {
			message.Removed = append(message.Removed, &connectionv1.RemovedUser{EntraObjectId: r.EntraObjectID, Reason: r.Reason})
		}
		if err := flush(message); err != nil {
			return err
		}
	}
	message, size := &connectionv1.UserPage{}, 0
	for i := range page.Users {
		user, bytes := toUser(&page.Users[i])
		if len(message.Users) > 0 && (len(message.Users) == usersPerMessage || size+bytes > bytesPerMessage) {
			if err := flush(message); err != nil {
				return err
			}
			message, size = &connectionv1.UserPage{}, 0
		}
		message.Users = append(message.Users, user)
		size += bytes
	}
	if len(message.Users) == 0 {
		return nil
	}
	return flush(message)
}

// toUsers answers in one message. Where the users would not fit, the largest go as
// malformed, by their ids alone.
func toUsers(users []connection.User, missing []string) *connectionv1.GetUsersResponse {
	const most = 3 << 20 // below the limit of a gRPC message
	out := &connectionv1.GetUsersResponse{Missing: missing}
	sizes := make([]int, len(users))
	whole := 0
	for i := range users {
		var user *connectionv1.DirectoryUser
		user, sizes[i] = toUser(&users[i])
		out.Users = append(out.Users, user)
		whole += sizes[i]
	}
	for whole > most {
		i := slices.Index(sizes, slices.Max(sizes))
		out.Users[i] = malformed(users[i].EntraObjectID)
		whole -= sizes[i]
		sizes[i] = 0
	}
	return out
}

func malformed(id string) *connectionv1.DirectoryUser {
	return &connectionv1.DirectoryUser{EntraObjectId: shorten(id), Defect: connection.DefectMalformed}
}

// toUser returns the message of a user and about how many bytes it takes. A
// record that fits no message goes as malformed, by its id alone.
func toUser(u *connection.User) (*connectionv1.DirectoryUser, int) {
	m := mapper{user: &connectionv1.DirectoryUser{EntraObjectId: u.EntraObjectID, Defect: u.Defect}, size: len(u.EntraObjectID)}
	d := m.user
	d.UserPrincipalName = m.text("user_principal_name", &u.UserPrincipalName)
	d.Mail = m.text("mail", &u.Mail)
	d.DisplayName = m.text("display_name", &u.DisplayName)
	d.GivenName = m.text("given_name", &u.GivenName)
	d.Surname = m.text("surname", &u.Surname)
	d.UserType = m.text("user_type", &u.UserType)
	d.JobTitle = m.text("job_title", &u.JobTitle)
	d.Department = m.text("department", &u.Department)
	d.MobilePhone = m.text("mobile_phone", &u.MobilePhone)
	d.BusinessPhones = m.texts("business_phones", &u.BusinessPhones)
	d.ProxyAddresses = m.texts("proxy_addresses", &u.ProxyAddresses)
	d.OtherMails = m.texts("other_mails", &u.OtherMails)
	if m.present("account_enabled", u.AccountEnabled.Presence) {
		value := u.AccountEnabled.Value
		d.AccountEnabled = &value
	}
	if m.present("assigned_licence_count", u.AssignedLicenceCount.Presence) {
		value := u.AssignedLicenceCount.Value
		d.AssignedLicenceCount = &value
	}
	if m.size > maxRecordBytes {
		return malformed(u.EntraObjectID), 1 << 10
	}
	return d, m.size + 64
}

// shorten keeps what can be kept of an id that is none.
func shorten(id string) string {
	const most = 256
	if len(id) <= most {
		return id
	}
	cut := most
	for !utf8.RuneStart(id[cut]) {
		cut--
	}
	return id[:cut]
}

type mapper struct {
	user *connectionv1.DirectoryUser
	size int
}

// present reports whether a property has a value, and notes one that was cleared.
func (m *mapper) present(name string, p connection.Presence) bool {
	if p == connection.Null {
		m.user.Cleared = append(m.user.Cleared, name)
		m.size += len(name)
	}
	return p == connection.Set
}

// text points into the page's user, which must not change before the message is
// sent; that saves an allocation for each.
func (m *mapper) text(name string, t *connection.Text) *string {
	if !m.present(name, t.Presence) {
		return nil
	}
	m.size += len(t.Value) + 4
	return &t.Value
}

func (m *mapper) texts(name string, t *connection.Texts) *connectionv1.StringList {
	if !m.present(name, t.Presence) {
		return nil
	}
	for _, v := range t.Values {
		m.size += len(v) + 4
	}
	return &connectionv1.StringList{Values: t.Values}
}
