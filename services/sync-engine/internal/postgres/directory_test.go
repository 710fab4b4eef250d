package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// fakeDirectory lists its users, and after a listing what changed since. A list of
// changes names each user whole, as Graph's do: what it never had is absent.
type fakeDirectory struct {
	users    []syncengine.User
	full     bool // else the users are a listing of changes, whatever was asked for
	pageSize int
	fail     error  // after the first page
	onPage   func() // before each page
	restart  bool   // once, after the first page
	stream   func(page func([]syncengine.User) error) error
	groups   map[string][]string       // members by group; one that is not here cannot be read
	of       map[string]*fakeDirectory // of other Entra tenants

	asked   []syncengine.DeltaLink // by each round; empty for everybody
	read    []string               // users that were read by their ids
	expired bool                   // no delta link leads anywhere
	away    error                  // when users are read by their ids
	// What the directory held when a delta link was given, and how often each user had changed.
	links   map[syncengine.DeltaLink][]syncengine.User
	changed map[syncengine.DeltaLink]map[string]int
	current map[string]int
	before  []syncengine.User // when it was listed last
	// What each user ever had: a list of changes says of it that it was cleared.
	had map[string]syncengine.Properties
	// changes alters a list of changes before it is told.
	changes func(users []syncengine.User, removed []string) []change
}

// change is a page of a list of changes.
type change struct {
	users   []syncengine.User
	removed []string
}

func (d *fakeDirectory) ListUsers(ctx context.Context, req syncengine.ListUsers, to syncengine.Receiver) (syncengine.Listing, error) {
	if other := d.of[req.EntraTenantID]; other != nil {
		return other.ListUsers(ctx, req, to)
	}
	d.asked = append(d.asked, req.DeltaLink)
	if d.links == nil {
		d.links, d.had = map[syncengine.DeltaLink][]syncengine.User{}, map[string]syncengine.Properties{}
	}
	for i := range d.users {
		d.had[d.users[i].ObjectID] |= ^empty(&d.users[i])
	}
	link := syncengine.DeltaLink(fmt.Sprintf("delta-%d", len(d.links)))
	d.links[link] = slices.Clone(d.users)
	d.count(link)
	listing := syncengine.Listing{DeltaLink: link, Full: d.full}
	before, known := d.links[req.DeltaLink]
	switch {
	case req.DeltaLink != "" && (!known || d.expired || d.stream != nil):
		if err := to.Restarted(true); err != nil {
			return syncengine.Listing{}, err
		}
	case req.DeltaLink != "" && d.full:
		listing.Full = false
		return listing, d.tellChanges(req.DeltaLink, before, to)
	}
	if d.stream != nil {
		return listing, d.stream(func(users []syncengine.User) error { return to.Page(users, nil) })
	}
	return listing, d.tell(d.users, nil, to)
}

// tell gives the users page by page.
func (d *fakeDirectory) tell(users []syncengine.User, removed []string, to syncengine.Receiver) error {
	if len(removed) > 0 {
		if err := to.Page(nil, removed); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(users, max(d.pageSize, 1)) {
		if d.onPage != nil {
			d.onPage()
		}
		if err := to.Page(chunk, nil); err != nil {
			return err
		}
		if d.fail != nil {
			return d.fail
		}
		if d.restart {
			d.restart = false
			if err := to.Restarted(false); err != nil {
				return err
			}
			return d.tell(users, removed, to)
		}
	}
	if len(users) == 0 {
		return d.fail
	}
	return nil
}

// count notes who has changed since the directory was listed last. Who changed and changed
// back is named by a list of changes all the same.
func (d *fakeDirectory) count(link syncengine.DeltaLink) {
	if len(d.links) == 1 {
		d.changed, d.current, d.before = map[syncengine.DeltaLink]map[string]int{}, map[string]int{}, nil
	}
	before := map[string][]syncengine.User{}
	for _, b := range d.before {
		before[b.ObjectID] = append(before[b.ObjectID], b)
	}
	for _, u := range d.users {
		if !slices.ContainsFunc(before[u.ObjectID], func(b syncengine.User) bool { return reflect.DeepEqual(b, u) }) {
			d.current[u.ObjectID]++
		}
	}
	d.before, d.changed[link] = slices.Clone(d.users), maps.Clone(d.current)
}

func (d *fakeDirectory) tellChanges(since syncengine.DeltaLink, before []syncengine.User, to syncengine.Receiver) error {
	var changed []syncengine.User
	var removed []string
	for _, u := range d.users {
		if d.current[u.ObjectID] != d.changed[since][u.ObjectID] {
			u.Absent = empty(&u) &^ d.had[u.ObjectID]
			changed = append(changed, u)
		}
	}
	there := map[string]bool{}
	for _, u := range d.users {
		there[u.ObjectID] = true
	}
	for _, b := range before {
		if !there[b.ObjectID] {
			removed = append(removed, b.ObjectID)
		}
	}
	if d.changes == nil {
		return d.tell(changed, removed, to)
	}
	for _, page := range d.changes(changed, removed) {
		if err := to.Page(page.users, page.removed); err != nil {
			return err
		}
	}
	return nil
}

func (d *fakeDirectory) GetUsers(ctx context.Context, req syncengine.GetUsers, each func([]syncengine.User, []string) error) error {
	if other := d.of[req.EntraTenantID]; other != nil {
		return other.GetUsers(ctx, req, each)
	}
	if d.away != nil {
		return d.away
	}
	var users []syncengine.User
	var missing []string
	for _, id := range req.ObjectIDs {
		d.read = append(d.read, id)
		at := slices.IndexFunc(d.users, func(u syncengine.User) bool { return u.ObjectID == id || strings.EqualFold(u.UserPrincipalName, id) })
		if at < 0 {
			missing = append(missing, id)
			continue
		}
		users = append(users, d.users[at])
	}
	return each(users, missing)
}

// empty are the properties that a user has no value of.
func empty(u *syncengine.User) (p syncengine.Properties) {
	for _, of := range []struct {
		empty    bool
		property syncengine.Properties
	}{
		{u.UserPrincipalName == "", syncengine.PropertyUserPrincipalName},
		{u.Mail == "", syncengine.PropertyMail},
		{u.DisplayName == "", syncengine.PropertyDisplayName},
		{u.GivenName == "", syncengine.PropertyGivenName},
		{u.Surname == "", syncengine.PropertySurname},
		{u.AccountEnabled == nil, syncengine.PropertyAccountEnabled},
		{u.UserType == "", syncengine.PropertyUserType},
		{u.JobTitle == "", syncengine.PropertyJobTitle},
		{u.Department == "", syncengine.PropertyDepartment},
		{u.MobilePhone == "", syncengine.PropertyMobilePhone},
		{u.BusinessPhones == nil, syncengine.PropertyBusinessPhones},
		{u.ProxyAddresses == nil, syncengine.PropertyProxyAddresses},
		{u.OtherMails == nil, syncengine.PropertyOtherMails},
		{u.LicenceCount == nil, syncengine.PropertyLicenceCount},
	} {
		if of.empty {
			p |= of.property
		}
	}
	return p
}

// without is the user as a change names it that leaves these properties out.
func without(u syncengine.User, p syncengine.Properties) syncengine.User {
	for _, of := range []struct {
		property syncengine.Properties
		leaveOut func()
	}{
		{syncengine.PropertyUserPrincipalName, func() { u.UserPrincipalName = "" }},
		{syncengine.PropertyMail, func() { u.Mail = "" }},
		{syncengine.PropertyDisplayName, func() { u.DisplayName = "" }},
		{syncengine.PropertyGivenName, func() { u.GivenName = "" }},
		{syncengine.PropertySurname, func() { u.Surname = "" }},
		{syncengine.PropertyAccountEnabled, func() { u.AccountEnabled = nil }},
		{syncengine.PropertyUserType, func() { u.UserType = "" }},
		{syncengine.PropertyJobTitle, func() { u.JobTitle = "" }},
		{syncengine.PropertyDepartment, func() { u.Department = "" }},
		{syncengine.PropertyMobilePhone, func() { u.MobilePhone = "" }},
		{syncengine.PropertyBusinessPhones, func() { u.BusinessPhones = nil }},
		{syncengine.PropertyProxyAddresses, func() { u.ProxyAddresses = nil }},
		{syncengine.PropertyOtherMails, func() { u.OtherMails = nil }},
		{syncengine.PropertyLicenceCount, func() { u.LicenceCount = nil }},
	} {
		if p.Has(of.property) {
			of.leaveOut()
		}
	}
	u.Absent = p
	return u
}
