// Package expect computes what a first sync of a fleet must yield, straight
// from the written rules and in memory. It is meant to be obviously right
// rather than fast, and shares no code with the engine that it is held against.
package expect

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// Pair is a confirmed mapping of a managed tenant to a client.
type Pair struct {
	TenantID         string
	ClientExternalID string
}

// Class is what becomes of an identity.
type Class string

// The classes. A first sync knows neither of the last two.
const (
	Created     Class = "created"
	Linked      Class = "linked"
	Ambiguous   Class = "ambiguous"
	Filtered    Class = "filtered"
	Failed      Class = "failed"
	Inactivated Class = "inactivated"
	Unchanged   Class = "unchanged"
)

// The reasons of failures. The rules describe them in words; the names are
// this package's own.
const (
	MissingID   = "missing_id"
	InvalidText = "invalid_text"
	NameTooLong = "name_too_long"
	DuplicateID = "duplicate_id"
)

// Decision is what becomes of one identity, and why where it has a reason.
type Decision struct {
	Class  Class
	Reason string
	// Email is the address of the contact that is created.
	Email string
	// ContactExternalID is the contact that is linked; empty for one that an
	// earlier directory of the same client made.
	ContactExternalID string
}

// Outcome is what a sync of one directory must yield. Its counts are of identities.
type Outcome struct {
	Created, Linked             int
	Inactivated, Unchanged      int
	Ambiguous, Filtered, Failed map[string]int // by reason
	// Decisions are the verdicts by object id; identities without an id are
	// counted only.
	Decisions map[string]Decision
}

// Sum adds up the counts of a class with reasons.
func Sum(byReason map[string]int) int {
	n := 0
	for _, count := range byReason {
		n += count
	}
	return n
}

func (o *Outcome) add(id string, d Decision) {
	switch d.Class {
	case Created:
		o.Created++
	case Linked:
		o.Linked++
	case Ambiguous:
		o.Ambiguous[d.Reason]++
	case Filtered:
		o.Filtered[d.Reason]++
	case Failed:
		o.Failed[d.Reason]++
	case Inactivated:
		o.Inactivated++
	case Unchanged:
		o.Unchanged++
	}
	if id != "" {
		o.Decisions[id] = d
	}
}

// Initial computes the first sync of the given pairs, in order of their
// confirmation, by tenant id. It errors where the fleet holds a case that the
// rules leave open, so that no test rests on a guess.
func Initial(f *fleet.Fleet, pairs []Pair) (map[string]Outcome, error) {
	s, err := First(f, pairs)
	if err != nil {
		return nil, err
	}
	return s.Outcomes, nil
}

// directory decides one directory against the contacts of its client, and
// returns the contacts as they are afterwards.
func directory(tenant string, users []*fleet.User, contacts []*contact) (Outcome, []*contact, error) {
	o := Outcome{Ambiguous: map[string]int{}, Filtered: map[string]int{}, Failed: map[string]int{}, Decisions: map[string]Decision{}}
	standing, ended := linksOf(tenant, contacts)
	listed := map[string]bool{}
	var open []identity
	for _, u := range users {
		listed[wireID(u)] = true
	}
	for _, user := range once(users, &o) {
		u := read(user)
		c, reason := standing[wireID(user)], filter(u)
		if failed := failure(user); failed != "" {
			o.add(wireID(user), Decision{Class: Failed, Reason: failed})
			continue
		}
		switch {
		case c != nil && reason == "account_disabled":
			o.add(u.ID, leave(c, "disabled_upstream"))
		case reason != "":
			o.add(u.ID, Decision{Class: Filtered, Reason: reason})
		case c != nil && !c.active:
			return o, nil, fmt.Errorf("identity %s came back", u.ID)
		case c != nil:
			o.add(u.ID, Decision{Class: Unchanged})
		default:
			open = append(open, u)
		}
	}
	twice := sharing(open)
	byEmail := map[string][]*contact{}
	for _, c := range contacts {
		if c.email != "" && !c.deleted {
			byEmail[c.email] = append(byEmail[c.email], c)
		}
	}
	var made []*contact
	link := map[*contact]string{}
	for _, u := range open {
		if twice[u.ID] {
			o.add(u.ID, Decision{Class: Ambiguous, Reason: "duplicate_identity_email"})
			continue
		}
		hits, byAlias := firstHits(u, byEmail)
		switch {
		case len(hits) == 0 && ended[u.ID] != nil:
			o.add(u.ID, Decision{Class: Ambiguous, Reason: "contact_deleted"})
		case len(hits) == 0:
			o.add(u.ID, Decision{Class: Created, Email: createAddress(u)})
			made = append(made, &contact{name: fullName(u), email: createAddress(u), tenant: tenant, identity: u.ID, active: true})
		case len(hits) > 1:
			o.add(u.ID, Decision{Class: Ambiguous, Reason: "multiple_email_matches"})
		case hits[0].identity != "" && !madeAgain(u, hits[0], tenant, listed, byAlias):
			o.add(u.ID, Decision{Class: Ambiguous, Reason: "contact_already_linked"})
		case hits[0].identity == "" && byAlias && (hits[0].inactive || !shareWord(hits[0].name, fullName(u))):
			o.add(u.ID, Decision{Class: Ambiguous, Reason: "alias_match"})
		case link[hits[0]] != "":
			return o, nil, fmt.Errorf("two identities without a common address match contact %s", hits[0].externalID)
		default:
			o.add(u.ID, Decision{Class: Linked, ContactExternalID: hits[0].externalID})
			link[hits[0]] = u.ID
		}
	}
	for c, identity := range link {
		c.tenant, c.identity, c.active = tenant, identity, true
	}
	for identity, c := range standing {
		if !listed[identity] && c.identity == identity && c.active {
			o.add(identity, leave(c, "deleted_upstream"))
		}
	}
	return o, append(contacts, made...), nil
}

// once drops repeats of an id; an id with two contents fails, once.
func once(users []*fleet.User, o *Outcome) []*fleet.User {
	byID := map[string][]*fleet.User{}
	for _, u := range users {
		byID[wireID(u)] = append(byID[wireID(u)], u)
	}
	var out []*fleet.User
	for _, u := range users {
		id := wireID(u)
		same := byID[id]
		switch {
		case id == "":
			out = append(out, u)
		case same[0] != u: // a repeat
		case slices.ContainsFunc(same[1:], func(other *fleet.User) bool { return content(other) != content(u) }):
			o.add(id, Decision{Class: Failed, Reason: DuplicateID})
		default:
			out = append(out, u)
		}
	}
	return out
}

func content(u *fleet.User) string {
	same := *u
	same.Slot = 0
	for _, list := range []*[]string{&same.BusinessPhones, &same.ProxyAddresses, &same.OtherMails} {
		*list = slices.Compact(slices.Sorted(slices.Values(*list)))
	}
	return fmt.Sprintf("%+v", same)
}

func wireID(u *fleet.User) string {
	if u.Omit["id"] {
		return ""
	}
	return u.ID
}

func failure(u *fleet.User) string {
	if wireID(u) == "" {
		return MissingID
	}
	texts := []string{
		u.DisplayName.Or(""), u.GivenName.Or(""), u.Surname.Or(""), u.UserPrincipalName.Or(""), u.Mail.Or(""),
		u.JobTitle.Or(""), u.Department.Or(""), u.MobilePhone.Or(""),
	}
	for _, s := range slices.Concat(texts, u.BusinessPhones, u.ProxyAddresses, u.OtherMails) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return InvalidText
		}
	}
	for _, name := range texts[:3] {
		if utf8.RuneCountInString(clean(name)) > 256 {
			return NameTooLong
		}
	}
	return ""
}

// filter is the first filter an identity hits under the default settings.
func filter(u identity) string {
	upn, valid := Address(visible(u.User, "userPrincipalName", u.UserPrincipalName))
	switch {
	case !u.Omit["accountEnabled"] && u.AccountEnabled.State == fleet.Set && !u.AccountEnabled.Value:
		return "account_disabled"
	case u.Omit["accountEnabled"] || u.AccountEnabled.State != fleet.Set:
		return "account_state_unknown"
	case !valid:
		return "missing_upn"
	}
	locals := []string{upn[:strings.LastIndex(upn, "@")]}
	if mail := mailOf(u.User); mail != "" {
		locals = append(locals, mail[:strings.LastIndex(mail, "@")])
	}
	hasBothNames := personName(visible(u.User, "givenName", u.GivenName)) != "" && personName(visible(u.User, "surname", u.Surname)) != ""
	switch {
	case isServiceAccount(locals, clean(visible(u.User, "displayName", u.DisplayName)), hasBothNames):
		return "service_account"
	case createAddress(u) == "":
		return "no_address"
	}
	return ""
}

func visible(u *fleet.User, property string, t fleet.Text) string {
	if u.Omit[property] {
		return ""
	}
	return t.Or("")
}

// sharing are the identities that share any of their addresses.
func sharing(users []identity) map[string]bool {
	owners := map[string][]string{} // address → ids
	for _, u := range users {
		for _, a := range slices.Concat(u.own, u.aliases) {
			if !slices.Contains(owners[a], u.ID) {
				owners[a] = append(owners[a], u.ID)
			}
		}
	}
	out := map[string]bool{}
	for _, ids := range owners {
		if len(ids) > 1 {
			for _, id := range ids {
				out[id] = true
			}
		}
	}
	return out
}

// identity is a user whose addresses were normalised, which takes longer than all else that is asked of them.
type identity struct {
	*fleet.User
	own, aliases []string // in the order they are tried
}

func read(u *fleet.User) identity {
	own, aliases := addresses(u)
	return identity{User: u, own: own, aliases: aliases}
}

// mailOf is the mail; of a guest without one, the first of its other mails.
func mailOf(u *fleet.User) string {
	if a, ok := Address(visible(u, "mail", u.Mail)); ok {
		return a
	}
	if strings.EqualFold(visible(u, "userType", u.UserType), "Guest") {
		for _, other := range u.OtherMails {
			if a, ok := Address(other); ok {
				return a
			}
		}
	}
	return ""
}

// addresses are the addresses of an identity in the order they are tried: its own,
// and then its aliases. Other mails are nobody's.
func addresses(u *fleet.User) (own, aliases []string) {
	add := func(list *[]string, address string) {
		if address != "" && !slices.Contains(own, address) && !slices.Contains(*list, address) {
			*list = append(*list, address)
		}
	}
	smtp := func(list *[]string, kind string) {
		for _, p := range slices.Sorted(slices.Values(u.ProxyAddresses)) {
			if rest, ok := strings.CutPrefix(p, kind); ok {
				a, _ := Address(rest)
				add(list, a)
			}
		}
	}
	add(&own, mailOf(u))
	smtp(&own, "SMTP:")
	if upn, _ := Address(visible(u, "userPrincipalName", u.UserPrincipalName)); !strings.Contains(upn, "#ext#") {
		add(&own, upn)
	}
	smtp(&aliases, "smtp:")
	return own, aliases
}

// createAddress is the first of an identity's own addresses: mail, primary SMTP, user
// principal name; empty where it has none.
func createAddress(u identity) string {
	if len(u.own) > 0 {
		return u.own[0]
	}
	return ""
}

// fullName is the display name, else given name and surname, else what stands before
// the @ of the address.
func fullName(u identity) string {
	if name := personName(visible(u.User, "displayName", u.DisplayName)); name != "" {
		return name
	}
	if name := personName(visible(u.User, "givenName", u.GivenName) + " " + visible(u.User, "surname", u.Surname)); name != "" {
		return name
	}
	local, _, _ := strings.Cut(createAddress(u), "@")
	return local
}

// firstHits are the contacts at the first address that hits; byAlias says that it is
// none of the identity's own.
func firstHits(u identity, byEmail map[string][]*contact) (hits []*contact, byAlias bool) {
	for i, a := range slices.Concat(u.own, u.aliases) {
		if hits := byEmail[a]; len(hits) > 0 {
			return hits, i >= len(u.own)
		}
	}
	return nil, false
}
