package graph

import (
	"slices"
	"unicode/utf8"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
)

// userSelect is exactly what a connection.User holds. Some of it comes only when
// it is selected.
const userSelect = "id,userPrincipalName,mail,displayName,givenName,surname,accountEnabled,userType,jobTitle,department," +
	"mobilePhone,businessPhones,proxyAddresses,otherMails,assignedLicenses"

// page is one answer of a listing. Its slices are used again for the next one.
type page struct {
	users     []connection.User
	removed   []connection.RemovedUser
	before    []int // of each that was removed, how many users stand before it
	nextLink  string
	deltaLink string
}

// parsePage reads a whole answer. A user that is not as it should be is part of
// the page, with its defect; only a body that is no JSON at all fails. No user is both
// there and removed.
func parsePage(body []byte, p *page) error {
	p.clear()
	p.nextLink, p.deltaLink = "", ""
	s := jsontext.Scanner{Data: body}
	listed := false
	err := s.Object(func(key []byte) (err error) {
		switch string(key) {
		case "value":
			listed = true
			p.clear() // of one name twice the last counts
			return s.Array(func() error { return p.record(&s) })
		case "@odata.nextLink":
			p.nextLink, err = s.String()
			return err
		case "@odata.deltaLink":
			p.deltaLink, err = s.String()
			return err
		}
		return s.Skip()
	})
	if err != nil || s.Peek() != 0 || s.Pos < len(s.Data) || !listed {
		return jsontext.ErrSyntax
	}
	p.keepLast()
	return nil
}

func (p *page) clear() { p.users, p.removed, p.before = p.users[:0], p.removed[:0], p.before[:0] }

// keepLast leaves, of ids that stand in both lists, what came last: the reader of the
// page cannot see the order between the two.
func (p *page) keepLast() {
	if len(p.removed) == 0 || len(p.users) == 0 {
		return
	}
	gone := make(map[string]int, len(p.removed)) // with how many users before the last time
	for i, r := range p.removed {
		gone[r.EntraObjectID] = p.before[i]
	}
	back := map[string]bool{}
	kept := p.users[:0]
	for i, u := range p.users {
		before, removed := gone[u.EntraObjectID]
		if removed && i < before {
			continue
		}
		if removed {
			back[u.EntraObjectID] = true
		}
		kept = append(kept, u)
	}
	p.users = kept
	p.removed = slices.DeleteFunc(p.removed, func(r connection.RemovedUser) bool { return back[r.EntraObjectID] })
}

// parseUser reads one user that stands by itself.
func parseUser(body []byte) (connection.User, error) {
	var p page
	s := jsontext.Scanner{Data: body}
	if s.Peek() != '{' || p.record(&s) != nil || s.Peek() != 0 || s.Pos < len(s.Data) || len(p.users) != 1 {
		return connection.User{}, jsontext.ErrSyntax
	}
	return p.users[0], nil
}

// record reads one element of a listing.
func (p *page) record(s *jsontext.Scanner) error {
	s.Space()
	start := s.Pos
	if s.Peek() != '{' {
		p.users = append(p.users, connection.User{Defect: connection.DefectMalformed})
		return s.Skip()
	}
	p.users = append(p.users, connection.User{})
	r := reader{s: s, user: &p.users[len(p.users)-1]}
	if err := s.Object(r.member); err != nil {
		return err
	}
	if r.removed && r.user.EntraObjectID != "" && !r.wrongType {
		p.removed = append(p.removed, connection.RemovedUser{EntraObjectID: r.user.EntraObjectID, Reason: r.reason})
		p.users = p.users[:len(p.users)-1]
		p.before = append(p.before, len(p.users))
		return nil
	}
	switch {
	case r.wrongID:
		r.user.Defect = connection.DefectMalformed
	case r.user.EntraObjectID == "":
		r.user.Defect = connection.DefectMissingID
	case r.halfPair || !utf8.Valid(s.Data[start:s.Pos]):
		r.user.Defect = connection.DefectInvalidUTF8
	case r.wrongType:
		r.user.Defect = connection.DefectMalformed
	}
	return nil
}

// reader fills one user from the members of its object.
type reader struct {
	s    *jsontext.Scanner
	user *connection.User

	removed   bool
	reason    string
	wrongID   bool // the id is there and is no text
	wrongType bool // a property is not of its type
	halfPair  bool // an escape that stands for no character
}

func (r *reader) member(key []byte) error {
	u := r.user
	switch string(key) {
	case "id":
		return r.id()
	case "userPrincipalName":
		return r.text(&u.UserPrincipalName)
	case "mail":
		return r.text(&u.Mail)
	case "displayName":
		return r.text(&u.DisplayName)
	case "givenName":
		return r.text(&u.GivenName)
	case "surname":
		return r.text(&u.Surname)
	case "accountEnabled":
		return r.flag(&u.AccountEnabled)
	case "userType":
		return r.userType(&u.UserType)
	case "jobTitle":
		return r.text(&u.JobTitle)
	case "department":
		return r.text(&u.Department)
	case "mobilePhone":
		return r.text(&u.MobilePhone)
	case "businessPhones":
		return r.texts(&u.BusinessPhones)
	case "proxyAddresses":
		return r.texts(&u.ProxyAddresses)
	case "otherMails":
		return r.texts(&u.OtherMails)
	case "assignedLicenses":
		return r.length(&u.AssignedLicenceCount)
	case "@removed":
		return r.tombstone()
	}
	return r.s.Skip()
}

// null moves past a null, if there is one.
func (r *reader) null() (bool, error) {
	if r.s.Peek() != 'n' {
		return false, nil
	}
	_, err := r.s.Literal()
	return true, err
}

// wrong moves past a value of another type than its property has.
func (r *reader) wrong() error {
	r.wrongType = true
	return r.s.Skip()
}

// value reads a string.
func (r *reader) value() (string, error) {
	raw, escaped, err := r.s.Text()
	if err != nil {
		return "", err
	}
	value, whole := jsontext.Decode(raw, escaped)
	if !whole {
		r.halfPair = true
	}
	return value, nil
}

func (r *reader) id() error {
	r.user.EntraObjectID, r.wrongID = "", false
	switch r.s.Peek() {
	case '"':
		value, err := r.value()
		r.user.EntraObjectID = value
		return err
	case 'n':
		return r.s.Skip()
	}
	r.wrongID = true
	return r.s.Skip()
}

func (r *reader) text(into *connection.Text) error {
	if null, err := r.null(); null || err != nil {
		*into = connection.Text{Presence: connection.Null}
		return err
	}
	if r.s.Peek() != '"' {
		return r.wrong()
	}
	value, err := r.value()
	*into = connection.Text{Presence: connection.Set, Value: value}
	return err
}

// userType saves the allocation for the two values there are.
func (r *reader) userType(into *connection.Text) error {
	for _, known := range []string{`"Member"`, `"Guest"`} {
		r.s.Space()
		rest := r.s.Data[r.s.Pos:]
		if len(rest) >= len(known) && string(rest[:len(known)]) == known {
			r.s.Pos += len(known)
			*into = connection.Text{Presence: connection.Set, Value: known[1 : len(known)-1]}
			return nil
		}
	}
	return r.text(into)
}

func (r *reader) flag(into *connection.Flag) error {
	switch r.s.Peek() {
	case 't', 'f', 'n':
		letter, err := r.s.Literal()
		*into = connection.Flag{Presence: connection.Set, Value: letter == 't'}
		if letter == 'n' {
			*into = connection.Flag{Presence: connection.Null}
		}
		return err
	}
	return r.wrong()
}

func (r *reader) texts(into *connection.Texts) error {
	if null, err := r.null(); null || err != nil {
		*into = connection.Texts{Presence: connection.Null}
		return err
	}
	if r.s.Peek() != '[' {
		return r.wrong()
	}
	*into = connection.Texts{Presence: connection.Set}
	return r.s.Array(func() error {
		if null, err := r.null(); null || err != nil {
			return err // left out: it stands for no value
		}
		if r.s.Peek() != '"' {
			return r.wrong()
		}
		value, err := r.value()
		into.Values = append(into.Values, value)
		return err
	})
}

func (r *reader) length(into *connection.Number) error {
	if null, err := r.null(); null || err != nil {
		*into = connection.Number{Presence: connection.Null}
		return err
	}
	if r.s.Peek() != '[' {
		return r.wrong()
	}
	*into = connection.Number{Presence: connection.Set}
	return r.s.Array(func() error {
		into.Value++
		return r.s.Skip()
	})
}

func (r *reader) tombstone() error {
	if r.s.Peek() != '{' {
		return r.wrong()
	}
	r.removed, r.reason = true, ""
	return r.s.Object(func(key []byte) error {
		if string(key) != "reason" || r.s.Peek() != '"' {
			return r.s.Skip()
		}
		value, err := r.value()
		r.reason = value
		return err
	})
}

// DecodeUsers reads a JSON object that holds users as Graph writes them in a member
// called list: an answer of Graph that another party wrapped. The users overwrite
// those of into; every other member is handed to rest as it stands. Its errors quote
// nothing.
func DecodeUsers(body []byte, list string, into []connection.User, rest func(name string, value []byte) error) ([]connection.User, error) {
	p := page{users: into[:0]}
	s := jsontext.Scanner{Data: body}
	listed := false
	err := s.Object(func(key []byte) error {
		if string(key) == list {
			listed = true
			p.users = p.users[:0] // of one name twice the last counts
			return s.Array(func() error { return p.record(&s) })
		}
		s.Space()
		start := s.Pos
		if err := s.Skip(); err != nil {
			return err
		}
		return rest(string(key), body[start:s.Pos])
	})
	if err != nil || s.Peek() != 0 || s.Pos < len(s.Data) || !listed || len(p.removed) > 0 {
		return p.users, jsontext.ErrSyntax
	}
	return p.users, nil
}
