package postgres_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// reference decides as the rules are written, in memory, one identity after another. It
// shares no rule with the engine. Its people have names of two words and plain
// addresses: how texts and addresses are read has tests of its own.
type reference struct {
	contacts []*refContact
	links    map[string]*refLink // by identity
	settings syncengine.Settings // that hold for the directory
	groups   map[string][]string
}

type refContact struct {
	client, external                 string // external: the host knows it
	name, email, phone, role, signIn string
	inactive, bySync, deleted        bool
	reason                           string // why sync has it inactive
	identity                         string // whose it shows
	upn                              string
	enabled                          *bool
}

type refLink struct {
	at       *refContact
	inactive bool
	gone     bool
	ended    bool
}

// refOutcome is what a round comes to.
type refOutcome struct {
	syncengine.Counters
	held  string
	queue map[string]string // reasons by identity
	feed  []string
}

// refIdentity is a user as far as the rules look at it.
type refIdentity struct {
	u           *syncengine.User
	failed      bool
	verdict     string
	name        string
	own, others []string // addresses
}

func lower(s string) string { return strings.ToLower(s) }

// read knows the filters in the order of the rules.
func (m *reference) read(u *syncengine.User) refIdentity {
	id := refIdentity{u: u, name: u.DisplayName, failed: len(u.DisplayName) > 256}
	mail := u.Mail
	if mail == "" && u.UserType == "Guest" && len(u.OtherMails) > 0 {
		mail = u.OtherMails[0]
	}
	add := func(list *[]string, address string) {
		if address = lower(address); address != "" && !slices.Contains(id.own, address) && !slices.Contains(*list, address) {
			*list = append(*list, address)
		}
	}
	add(&id.own, mail)
	// Of several primaries, which there should not be, the first: whatever their letter case.
	proxies := slices.SortedFunc(slices.Values(u.ProxyAddresses), func(a, b string) int { return strings.Compare(lower(a), lower(b)) })
	for _, p := range proxies {
		if primary, ok := strings.CutPrefix(p, "SMTP:"); ok {
			add(&id.own, primary)
		}
	}
	if !strings.Contains(lower(u.UserPrincipalName), "#ext#") {
		add(&id.own, u.UserPrincipalName)
	}
	for _, p := range proxies {
		if alias, ok := strings.CutPrefix(p, "smtp:"); ok {
			add(&id.others, alias)
		}
	}
	named := func(list []string) bool {
		return slices.ContainsFunc(list, func(entry string) bool { return entry == u.ObjectID || slices.Contains(id.own, entry) })
	}
	s := m.settings
	switch {
	case u.AccountEnabled == nil:
		id.verdict = "account_state_unknown"
	case !*u.AccountEnabled:
		id.verdict = "account_disabled"
	case u.UserPrincipalName == "":
		id.verdict = "missing_upn"
	case named(s.NeverInclude):
		id.verdict = "never_included"
	case named(s.AlwaysInclude):
	case s.FilterServiceAccounts && strings.HasPrefix(u.DisplayName, "svc-"):
		id.verdict = "service_account"
	case slices.ContainsFunc(s.CustomPatterns, func(p string) bool { return regexp.MustCompile("(?i)" + p).MatchString(u.DisplayName) }):
		id.verdict = "tenant_custom_pattern"
	case s.FilterGuests && u.UserType == "Guest":
		id.verdict = "guest"
	case s.FilterUnlicensed && (u.LicenceCount == nil || *u.LicenceCount == 0):
		id.verdict = "unlicensed"
	case len(s.Groups) > 0 && !slices.ContainsFunc(s.Groups, func(g string) bool { return slices.Contains(m.groups[g], u.ObjectID) }):
		id.verdict = "group_scope"
	}
	if id.verdict == "" && len(id.own) == 0 {
		id.verdict = "no_address"
	}
	return id
}

func (id *refIdentity) email() string {
	if len(id.own) == 0 {
		return ""
	}
	return id.own[0]
}

// standing is the identity's link, nil where it has none that counts.
func (m *reference) standing(identity string) *refLink {
	if l := m.links[identity]; l != nil && !l.ended {
		return l
	}
	return nil
}

func shareAWord(a, b string) bool {
	return slices.ContainsFunc(strings.Fields(lower(a)), func(w string) bool { return len(w) > 1 && slices.Contains(strings.Fields(lower(b)), w) })
}

// round decides against the state before it, and then does what it decided.
func (m *reference) round(users []syncengine.User) (o refOutcome) {
	o.queue = map[string]string{}
	var all []refIdentity
	seen := map[string]bool{}
	passed, failed, active := 0, 0, 0
	for i := range users {
		id := m.read(&users[i])
		all, seen[id.u.ObjectID] = append(all, id), true
		if id.failed {
			failed++
		} else if id.verdict == "" {
			passed++
		}
	}
	for _, l := range m.links {
		if !l.ended && !l.inactive {
			active++
		}
	}
	switch {
	case len(all) == 0:
		o.held = "empty_directory"
		return o
	case passed == 0 && failed < len(all):
		o.held = "filter_drops_all"
		return o
	}
	d := &refDecisions{reference: m, o: &o, seen: seen}
	for i := range all {
		d.one(&all[i], all)
	}
	d.missing()
	if n := len(d.inactivations); m.settings.GuardPercent < 100 &&
		(n >= 2 && n >= active || n >= m.settings.GuardMinCount && n*100 > active*m.settings.GuardPercent) {
		o.held = "mass_inactivation"
		d.silent = nil
	}
	for _, inactivation := range d.inactivations {
		switch {
		case o.held == "":
			o.Inactivated++
			inactivation.do()
		case inactivation.listed:
			o.Unchanged++
		}
	}
	for _, do := range append(d.silent, d.others...) {
		do()
	}
	slices.Sort(o.feed)
	return o
}

// refDecisions are decisions that are not carried out yet.
type refDecisions struct {
	*reference
	o             *refOutcome
	seen          map[string]bool
	inactivations []refInactivation // that show; a guard may hold them
	silent        []func()          // the same of contacts that somebody else made inactive
	others        []func()
}

type refInactivation struct {
	listed bool // else the listing lacks the identity
	do     func()
}

func (d *refDecisions) later(do func()) { d.others = append(d.others, do) }

func (d *refDecisions) tell(kind string, c *refContact, fields ...string) {
	d.o.feed = append(d.o.feed, strings.TrimSpace(fmt.Sprintln(kind, c.identity, strings.Join(fields, "+"))))
}

func (d *refDecisions) one(id *refIdentity, all []refIdentity) {
	link := d.standing(id.u.ObjectID)
	switch {
	case id.failed:
		d.o.Failed++
		if link != nil {
			d.later(func() { link.gone = false })
		}
	case link != nil && id.verdict == "account_disabled":
		d.note(link, id)
		if shows := d.inactivate(link, "disabled_upstream"); !shows {
			d.o.Unchanged++
		}
	case id.verdict != "":
		d.o.Filtered++
		if link != nil {
			d.later(func() { link.gone = false })
		}
	case link != nil:
		d.linked(id, link)
	case d.twin(id, all):
		d.o.Ambiguous++
		d.o.queue[id.u.ObjectID] = "duplicate_identity_email"
	default:
		d.unlinked(id)
	}
}

// note keeps what is metadata: it shows nowhere and counts as nothing.
func (d *refDecisions) note(link *refLink, id *refIdentity) {
	d.later(func() {
		link.gone = false
		link.at.upn, link.at.enabled = id.u.UserPrincipalName, id.u.AccountEnabled
	})
}

// inactivate reports whether that shows: a contact may be inactive already.
func (d *refDecisions) inactivate(link *refLink, why string) (shows bool) {
	if link.inactive || !d.settings.MarkInactiveWhenDisabled {
		return false
	}
	shows = !link.at.inactive
	do := func() {
		if shows {
			link.at.inactive, link.at.bySync = true, true
			d.tell("contact.inactivated", link.at)
		}
		link.inactive, link.at.reason = true, why
	}
	if shows {
		d.inactivations = append(d.inactivations, refInactivation{listed: d.seen[link.at.identity], do: do})
	} else {
		d.silent = append(d.silent, do)
	}
	return shows
}

func (d *refDecisions) linked(id *refIdentity, link *refLink) {
	c, s, u := link.at, d.settings, id.u
	var fields []string
	overwrite := func(on bool, name string, field *string, value string) {
		if on && value != "" && *field != value {
			fields = append(fields, name)
			d.later(func() { *field = value })
		}
	}
	overwrite(s.FieldDisplayName, "fullName", &c.name, u.DisplayName)
	mail := lower(u.Mail)
	if mail == "" && u.UserType == "Guest" && len(u.OtherMails) > 0 {
		mail = u.OtherMails[0]
	}
	overwrite(s.FieldEmail, "email", &c.email, mail)
	overwrite(s.FieldPhone, "phone", &c.phone, u.MobilePhone)
	overwrite(s.FieldRole, "role", &c.role, u.JobTitle)
	overwrite(s.FieldUPN, "signInName", &c.signIn, u.UserPrincipalName)
	d.note(link, id)
	switch {
	case link.inactive && c.bySync:
		d.o.Reactivated++
		d.later(func() {
			link.inactive, c.inactive, c.bySync, c.reason = false, false, false, ""
			d.tell("contact.reactivated", c, fields...)
		})
	case len(fields) > 0:
		d.o.Updated++
		d.later(func() {
			link.inactive, c.reason = false, ""
			d.tell("contact.updated", c, fields...)
		})
	default:
		d.o.Unchanged++
		d.later(func() { link.inactive, c.reason = false, "" })
	}
}

// twin reports another identity that is to be decided about and has one of the addresses.
func (d *refDecisions) twin(id *refIdentity, all []refIdentity) bool {
	mine := append(slices.Clone(id.own), id.others...)
	return slices.ContainsFunc(all, func(other refIdentity) bool {
		return other.u.ObjectID != id.u.ObjectID && !other.failed && other.verdict == "" && d.standing(other.u.ObjectID) == nil &&
			slices.ContainsFunc(append(slices.Clone(other.own), other.others...), func(a string) bool { return slices.Contains(mine, a) })
	})
}

// hits are the contacts of a client at the first address that hits.
func (d *refDecisions) hits(id *refIdentity, of string) (found []*refContact, alias bool) {
	for i, address := range append(slices.Clone(id.own), id.others...) {
		for _, c := range d.contacts {
			if c.email == address && !c.deleted && (c.client == client) == (of == client) {
				found = append(found, c)
			}
		}
		if len(found) > 0 {
			return found, i >= len(id.own)
		}
	}
	return nil, false
}

func (d *refDecisions) unlinked(id *refIdentity) {
	found, alias := d.hits(id, client)
	queue := func(reason string) {
		d.o.Ambiguous++
		d.o.queue[id.u.ObjectID] = reason
	}
	if len(found) == 0 {
		before := d.links[id.u.ObjectID]
		elsewhere, _ := d.hits(id, other)
		switch {
		case before != nil && before.at.deleted:
			queue("contact_deleted")
		case !d.settings.AllowSameEmailAcrossClients && len(elsewhere) > 0:
			queue("email_in_use_elsewhere")
		default:
			d.o.Created++
			d.later(func() { d.create(id) })
		}
		return
	}
	if len(found) > 1 {
		queue("multiple_email_matches")
		return
	}
	c := found[0]
	named := shareAWord(c.name, id.name)
	var holder *refLink
	if c.identity != "" {
		holder = d.standing(c.identity)
	}
	switch {
	case holder != nil && !alias && named && !d.seen[c.identity]:
		d.link(id, c, holder)
	case holder != nil:
		queue("contact_already_linked")
	case alias && (c.inactive || !named):
		queue("alias_match")
	default:
		d.link(id, c, nil)
	}
}

func (d *refDecisions) link(id *refIdentity, c *refContact, holder *refLink) {
	d.o.Linked++
	if holder != nil {
		holder.ended = true
	}
	d.later(func() {
		c.identity, c.upn, c.enabled, c.reason = id.u.ObjectID, id.u.UserPrincipalName, id.u.AccountEnabled, ""
		c.inactive, c.bySync = c.inactive && !c.bySync, false
		d.links[id.u.ObjectID] = &refLink{at: c}
		d.tell("contact.linked", c)
	})
}

func (d *refDecisions) create(id *refIdentity) {
	u := id.u
	c := &refContact{
		client: client, name: u.DisplayName, email: id.email(), phone: u.MobilePhone, role: u.JobTitle, identity: u.ObjectID,
		upn: u.UserPrincipalName, enabled: u.AccountEnabled,
	}
	if d.settings.FieldUPN {
		c.signIn = u.UserPrincipalName
	}
	d.contacts = append(d.contacts, c)
	d.links[u.ObjectID] = &refLink{at: c}
	d.tell("contact.created", c)
}

// missing decides about those whom the listing lacks.
func (d *refDecisions) missing() {
	for id, l := range d.links {
		if l.ended || d.seen[id] {
			continue
		}
		d.inactivate(l, "deleted_upstream")
		d.later(func() {
			if !l.gone && l.inactive && l.at.reason == "disabled_upstream" && d.settings.MarkInactiveWhenDisabled {
				l.at.reason = "deleted_upstream"
			}
			l.gone = true
		})
	}
}

// deleteContact is the host's; the link ends.
func (m *reference) deleteContact(c *refContact) {
	c.deleted = true
	if c.identity == "" {
		return
	}
	if l := m.standing(c.identity); l != nil {
		l.ended = true
	}
	c.identity, c.upn, c.enabled, c.reason = "", "", nil, ""
}

func (m *reference) lines() (lines []string) {
	for _, c := range m.contacts {
		enabled := "?"
		if c.enabled != nil {
			enabled = fmt.Sprint(*c.enabled)
		}
		status := ""
		if c.identity != "" {
			status = map[bool]string{true: "inactive", false: "active"}[m.links[c.identity].inactive]
		}
		lines = append(lines, strings.Join([]string{
			c.client, c.name, c.email, c.phone, c.role, c.signIn, fmt.Sprint(c.inactive, c.bySync, c.deleted), c.identity, c.upn, enabled, status, c.reason,
		}, "|"))
	}
	slices.Sort(lines)
	return lines
}

// asReference reads the same from the database.
func (e *engine) asReference() []string {
	lines := e.rows(`SELECT concat_ws('|', c.client_id, c.full_name, COALESCE(c.email_norm, ''), c.phone, c.role, c.sign_in_name,
			c.inactive::text || ' ' || c.inactivated_by_sync::text || ' ' || c.deleted::text, COALESCE(c.entra_object_id, ''),
			COALESCE(c.entra_user_principal_name, ''), COALESCE(c.entra_account_enabled::text, '?'), COALESCE(d.link_status, ''),
			COALESCE(c.entra_sync_status_reason, ''))
		FROM contacts c JOIN contact_details d ON d.id = c.id`)
	slices.Sort(lines)
	return lines
}
