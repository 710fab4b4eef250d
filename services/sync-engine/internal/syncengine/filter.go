package syncengine

import (
	"regexp"
	"strings"
)

// Why a filter keeps an identity out of creating and linking.
const (
	FilterDisabled       = "account_disabled"
	FilterUnknownState   = "account_state_unknown"
	FilterMissingUPN     = "missing_upn"
	FilterServiceAccount = "service_account"
	FilterCustom         = "tenant_custom_pattern"
	FilterGuest          = "guest"
	FilterUnlicensed     = "unlicensed"
	FilterNeverIncluded  = "never_included" // by hand
	FilterGroupScope     = "group_scope"    // in none of the groups
	FilterNoAddress      = "no_address"     // none of its own, so that no contact could be made
	FilterErased         = "erased"         // one of its addresses is of a person who was erased on request
)

// filters decide who is created or linked.
type filters struct {
	serviceAccounts, guests, unlicensed bool
	custom                              []*regexp.Regexp
	patterns                            []string        // of custom, as the tenant wrote them
	always, never                       map[string]bool // object ids and addresses
	members                             *Members        // nil for everybody
	erased                              *ErasedMarks    // nil for nobody
}

func setOf(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, entry := range list {
		set[entry] = true
	}
	return set
}

// reading is what of a user filters look at: its own addresses and the texts that
// patterns are held against, normalised. upn is empty when it is not valid.
type reading struct {
	upn, mail, name string
	own             []string
}

// filterCheck is one of the filters: whether it looks at this user at all, and what of
// the user it hits.
type filterCheck struct {
	reason string
	passes bool // one that it hits passes, whatever the filters after it say
	on     func(f *filters) bool
	hit    func(f *filters, u *User, r reading) (pattern string, hit bool)
}

// filterIncluded is not a filter but what ends them: a person included the user by
// hand. It must still be an enabled account with a sign-in name.
const filterIncluded = "always_included"

func always(*filters) bool { return true }

func found(pattern string) (string, bool) { return pattern, pattern != "" }

// filterChecks are the filters in the order in which they are tried.
var filterChecks = []filterCheck{
	{reason: FilterErased, on: func(f *filters) bool { return f.erased != nil }, hit: func(f *filters, u *User, r reading) (string, bool) {
		return "", f.erased.HasIdentity(u.ObjectID) || f.erased.hasAddress(r.own) && listed(f.always, u, r) == ""
	}},
	{reason: FilterDisabled, on: always, hit: func(_ *filters, u *User, _ reading) (string, bool) {
		return "", u.AccountEnabled != nil && !*u.AccountEnabled
	}},
	{reason: FilterUnknownState, on: always, hit: func(_ *filters, u *User, _ reading) (string, bool) { return "", u.AccountEnabled == nil }},
	{reason: FilterMissingUPN, on: always, hit: func(_ *filters, _ *User, r reading) (string, bool) { return "", r.upn == "" }},
	{reason: FilterNeverIncluded, on: func(f *filters) bool { return len(f.never) > 0 }, hit: func(f *filters, u *User, r reading) (string, bool) {
		return found(listed(f.never, u, r))
	}},
	{reason: filterIncluded, passes: true, on: func(f *filters) bool { return len(f.always) > 0 }, hit: func(f *filters, u *User, r reading) (string, bool) {
		return found(listed(f.always, u, r))
	}},
	{reason: FilterServiceAccount, on: func(f *filters) bool { return f.serviceAccounts }, hit: func(_ *filters, u *User, r reading) (string, bool) {
		return found(serviceAccount(u, r.upn, r.mail, r.name))
	}},
	{reason: FilterCustom, on: func(f *filters) bool { return len(f.custom) > 0 }, hit: func(f *filters, u *User, r reading) (string, bool) {
		return found(f.matchesCustom(u, r.upn, r.name))
	}},
	{reason: FilterGuest, on: func(f *filters) bool { return f.guests }, hit: func(_ *filters, u *User, _ reading) (string, bool) {
		return "", strings.EqualFold(u.UserType, userTypeGuest)
	}},
	{reason: FilterUnlicensed, on: func(f *filters) bool { return f.unlicensed }, hit: func(_ *filters, u *User, _ reading) (string, bool) {
		return "", u.LicenceCount == nil || *u.LicenceCount == 0
	}},
	{reason: FilterGroupScope, on: func(f *filters) bool { return f.members != nil }, hit: func(f *filters, u *User, _ reading) (string, bool) {
		return "", !f.members.Has(u.ObjectID)
	}},
}

// verdict is the first filter that the user hits, empty when it passes, with the
// pattern, or the entry of a list, where one decided.
func (f *filters) verdict(u *User, r reading) (why, pattern string) {
	for i := range filterChecks {
		check := &filterChecks[i]
		if !check.on(f) {
			continue
		}
		if pattern, hit := check.hit(f, u, r); hit {
			if check.passes {
				return "", ""
			}
			return check.reason, pattern
		}
	}
	return "", ""
}

// listed is the entry of a list that names the user, by its id or by one of its own
// addresses.
func listed(list map[string]bool, u *User, r reading) string {
	if len(list) == 0 {
		return ""
	}
	if id := strings.ToLower(strings.TrimSpace(u.ObjectID)); list[id] {
		return id
	}
	for _, address := range r.own {
		if list[address] {
			return address
		}
	}
	if list[r.upn] { // a guest's sign-in name is none of its addresses
		return r.upn
	}
	return ""
}

// matchesCustom is the first of the tenant's own patterns that the user falls under.
func (f *filters) matchesCustom(u *User, upn, name string) string {
	for i, re := range f.custom {
		for _, text := range []string{upn, name, u.Mail} {
			if text != "" && re.MatchString(text) {
				return f.patterns[i]
			}
		}
	}
	return ""
}
