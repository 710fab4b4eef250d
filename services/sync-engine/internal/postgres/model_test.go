package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// history is one random history under way, in the engine and in the reference.
type history struct {
	*engine
	rt   *rapid.T
	m    *reference
	own  map[string]any // what the managed tenant has of its own, by column
	all  map[string]any // the tenant's settings, by column
	next int
}

var (
	someNames     = rapid.SampledFrom([]string{"Ann Lee", "Bea Fox", "Lee Ray", "Ann Fox", "svc-x run", "temp one"})
	someAddresses = rapid.SampledFrom([]string{"a@c.de", "b@c.de", "c@c.de", "D@C.de", "e@c.de", "f@c.de"})
)

// users are a random directory.
func (h *history) users() (users []syncengine.User) {
	if rapid.IntRange(0, 9).Draw(h.rt, "somebody") > 0 { // so that no guard holds most of the listings
		users = append(users, person("o-sure", "Sure Sure", "sure@c.de"))
	}
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 7), 0, 6, rapid.ID[int]).Draw(h.rt, "ids") {
		u := person(fmt.Sprintf("o-%d", n), someNames.Draw(h.rt, "name"), "")
		switch rapid.IntRange(0, 9).Draw(h.rt, "account") {
		case 0, 1:
			u.AccountEnabled = ptr(false)
		case 2:
			u.AccountEnabled = nil
		case 3:
			u.UserPrincipalName = ""
		case 4:
			u.UserPrincipalName = fmt.Sprintf("o-%d#EXT#@corp.example", n)
		case 5:
			u.DisplayName = strings.Repeat("n", 300)
		}
		if rapid.IntRange(0, 3).Draw(h.rt, "mailed") > 0 {
			u.Mail = someAddresses.Draw(h.rt, "mail")
		}
		u.UserType = rapid.SampledFrom([]string{"Member", "Guest", ""}).Draw(h.rt, "type")
		if rapid.IntRange(0, 3).Draw(h.rt, "others") == 0 {
			u.OtherMails = []string{lower(someAddresses.Draw(h.rt, "other"))}
		}
		for _, alias := range rapid.SliceOfN(someAddresses, 0, 2).Draw(h.rt, "aliases") {
			u.ProxyAddresses = append(u.ProxyAddresses, rapid.SampledFrom([]string{"smtp:", "SMTP:"}).Draw(h.rt, "kind")+alias)
		}
		u.JobTitle = rapid.SampledFrom([]string{"", "Chef", "Boss"}).Draw(h.rt, "role")
		u.MobilePhone = rapid.SampledFrom([]string{"", "1", "2"}).Draw(h.rt, "phone")
		u.LicenceCount = rapid.SampledFrom([]*int32{nil, ptr[int32](0), ptr[int32](1)}).Draw(h.rt, "licences")
		users = append(users, u)
	}
	return users
}

// value draws a setting anew.
func (h *history) value(column string) any {
	switch column {
	case "custom_patterns":
		return rapid.SampledFrom([][]string{{}, {"^temp"}, {"fox$", "^temp"}}).Draw(h.rt, column)
	case "filter_groups":
		return rapid.SampledFrom([][]string{{}, {"g-1"}, {"g-1", "g-2"}}).Draw(h.rt, column)
	case "always_include", "never_include":
		return rapid.SampledFrom([][]string{{}, {"o-1"}, {"o-2", "a@c.de"}}).Draw(h.rt, column)
	case "guard_min_count":
		return rapid.SampledFrom([]int{1, 2, 1000}).Draw(h.rt, column)
	case "guard_percent":
		return rapid.SampledFrom([]int{20, 50, 100}).Draw(h.rt, column)
	}
	return rapid.Bool().Draw(h.rt, column)
}

// Settings that a managed tenant may have of its own, and those that are the tenant's alone.
var (
	ownColumns = []string{
		"filter_guests", "filter_unlicensed", "filter_service_accounts", "custom_patterns", "filter_groups", "always_include", "never_include",
		"field_display_name", "field_email", "field_phone", "field_role", "field_upn",
	}
	tenantColumns = []string{"mark_inactive_when_disabled", "allow_same_email_across_clients", "guard_min_count", "guard_percent"}
)

// change changes a setting: the tenant's, or what the managed tenant has of its own.
func (h *history) change() {
	column := rapid.SampledFrom(append(slices.Clone(ownColumns), tenantColumns...)).Draw(h.rt, "setting")
	switch whose := rapid.IntRange(0, 3).Draw(h.rt, "whose"); {
	case whose < 2 || slices.Contains(tenantColumns, column):
		h.all[column] = h.value(column)
		h.setting(column, h.all[column])
	case whose == 2:
		h.own[column] = h.value(column)
		h.exec(`UPDATE managed_tenant_settings SET `+column+` = $1`, h.own[column])
	default: // it gives its own back
		delete(h.own, column)
		h.exec(`UPDATE managed_tenant_settings SET ` + column + ` = NULL`)
	}
}

// effective are the settings that hold for the directory.
func (h *history) effective() (s syncengine.Settings) {
	of := func(column string) any {
		if own, ok := h.own[column]; ok {
			return own
		}
		return h.all[column]
	}
	flag := func(column string) bool { return of(column).(bool) }
	list := func(column string) []string { return of(column).([]string) }
	return syncengine.Settings{
		FilterGuests: flag("filter_guests"), FilterUnlicensed: flag("filter_unlicensed"), FilterServiceAccounts: flag("filter_service_accounts"),
		CustomPatterns: list("custom_patterns"), Groups: list("filter_groups"), AlwaysInclude: list("always_include"), NeverInclude: list("never_include"),
		FieldDisplayName: flag("field_display_name"), FieldEmail: flag("field_email"), FieldPhone: flag("field_phone"), FieldRole: flag("field_role"),
		FieldUPN: flag("field_upn"), MarkInactiveWhenDisabled: flag("mark_inactive_when_disabled"),
		AllowSameEmailAcrossClients: flag("allow_same_email_across_clients"), GuardMinCount: of("guard_min_count").(int), GuardPercent: of("guard_percent").(int),
	}
}

func (h *history) begin() {
	h.forget()
	h.dir.users, h.dir.links, h.dir.had, h.dir.read = nil, nil, nil, nil
	h.dir.groups = map[string][]string{"g-1": {"o-sure", "o-1", "o-2"}, "g-2": {"o-3", "o-4"}}
	h.own = map[string]any{}
	h.all = map[string]any{
		"filter_guests": false, "filter_unlicensed": false, "filter_service_accounts": true, "custom_patterns": []string{}, "filter_groups": []string{},
		"always_include": []string{}, "never_include": []string{}, "field_display_name": false, "field_email": false, "field_phone": false,
		"field_role": false, "field_upn": false, "mark_inactive_when_disabled": true, "allow_same_email_across_clients": true,
		"guard_min_count": 1000, "guard_percent": 50,
	}
	for column, value := range h.all {
		h.setting(column, value)
	}
	h.exec(`INSERT INTO managed_tenant_settings (tenant_id, managed_tenant_id, updated_at) VALUES ($1, $2, $3)`, msp, managed, h.now)
	h.m = &reference{links: map[string]*refLink{}, groups: h.dir.groups}
}

// hostDoes is one thing that the host does.
func (h *history) hostDoes() {
	what := rapid.SampledFrom([]string{"new", "new", "email", "name", "inactive", "active", "delete", "undelete"}).Draw(h.rt, "host")
	if what == "new" || len(h.m.contacts) == 0 {
		h.newContact()
		return
	}
	c := rapid.SampledFrom(h.m.contacts).Draw(h.rt, "contact")
	if c.external == "" { // it is known by its id alone; from here on the host has a name for it
		h.next++
		c.external = fmt.Sprint("h-", h.next)
	}
	r := syncengine.ContactRecord{ID: ptr(h.idOf(c)), ExternalID: &c.external}
	switch what {
	case "email":
		email := someAddresses.Draw(h.rt, "email")
		r.Email, c.email = &email, lower(email)
	case "name":
		r.FullName = someNames.Draw(h.rt, "name")
		c.name = r.FullName
	case "inactive", "active":
		inactive := what == "inactive"
		r.Inactive = &inactive
		if c.inactive != inactive {
			c.inactive, c.bySync = inactive, false
		}
	case "delete":
		r.Deleted = ptr(true)
		h.m.deleteContact(c)
	case "undelete":
		r.Deleted = ptr(false)
		c.deleted = false
	}
	require.Empty(h.rt, h.host(r)[0].Violations)
}

// idOf finds the contact in the database: by the identity that it shows, or by the host's
// name for it.
func (h *history) idOf(c *refContact) string {
	ids := h.rows(`SELECT id::text FROM contacts WHERE external_id = $1 OR external_id IS NULL AND entra_object_id = $2`, c.external, c.identity)
	if len(ids) != 1 { // made by sync, and nobody's any more
		ids = h.rows(`SELECT id::text FROM contacts WHERE external_id IS NULL AND entra_object_id IS NULL AND email_norm = $1 AND full_name = $2 AND phone = $3
			AND role = $4 AND sign_in_name = $5 AND deleted = $6 AND inactive = $7 ORDER BY id LIMIT 1`, c.email, c.name, c.phone, c.role, c.signIn, c.deleted, c.inactive)
	}
	require.Len(h.rt, ids, 1)
	return ids[0]
}

// newContact has the host send a contact; one that sync made for the address is adopted.
func (h *history) newContact() {
	h.next++
	at := rapid.SampledFrom([]string{client, client, client, other}).Draw(h.rt, "client")
	email, name := someAddresses.Draw(h.rt, "email"), someNames.Draw(h.rt, "name")
	external := fmt.Sprint("h-", h.next)
	require.Empty(h.rt, h.host(syncengine.ContactRecord{ExternalID: &external, ClientID: &at, FullName: name, Email: &email})[0].Violations)
	var adoptable []*refContact
	for _, c := range h.m.contacts {
		if c.external == "" && c.client == at && !c.deleted && c.email == lower(email) {
			adoptable = append(adoptable, c)
		}
	}
	if len(adoptable) == 1 {
		adoptable[0].external, adoptable[0].name = external, name
		return
	}
	h.m.contacts = append(h.m.contacts, &refContact{client: at, external: external, name: name, email: lower(email)})
}

// hostDoesMeanwhile is one thing that the host does while a round applies what it decided before: to a
// contact of the client that nobody is linked to, or a new one. What it does to others, and at other
// clients, the next round hears of.
func (h *history) hostDoesMeanwhile() {
	h.next++
	external, email, name := fmt.Sprint("h-", h.next), someAddresses.Draw(h.rt, "email"), someNames.Draw(h.rt, "name")
	record := syncengine.ContactRecord{FullName: name, Email: &email}
	var free []*refContact
	adopts := false
	for _, c := range h.m.contacts {
		if c.client == client && c.identity == "" && c.external != "" && !c.deleted {
			free = append(free, c)
		}
		adopts = adopts || c.client == client && c.external == "" && c.email == lower(email)
	}
	switch {
	case len(free) > 0 && rapid.Bool().Draw(h.rt, "known"):
		c := rapid.SampledFrom(free).Draw(h.rt, "contact")
		record.ExternalID, c.name, c.email = &c.external, name, lower(email)
	case adopts:
		return
	default:
		record.ExternalID, record.ClientID = &external, ptr(client)
		h.m.contacts = append(h.m.contacts, &refContact{client: client, external: external, name: name, email: lower(email)})
	}
	require.Empty(h.rt, h.host(record)[0].Violations)
}

// appliedMeanwhile is a round between whose plan and whose first range the host writes.
func (h *history) appliedMeanwhile() syncengine.ManagedTenant {
	h.now = h.now.Add(time.Hour)
	return h.roundMeanwhile(h.rt, func() {
		for range rapid.IntRange(1, 3).Draw(h.rt, "meanwhile") {
			h.hostDoesMeanwhile()
		}
	})
}

// round does one, with or without a dry run before it, and compares.
func (h *history) round() {
	meanwhile := rapid.IntRange(0, 3).Draw(h.rt, "host meanwhile") == 0
	if meanwhile { // a guard counts what was planned before the host wrote
		h.all["guard_percent"] = 100
		h.setting("guard_percent", 100)
	}
	h.m.settings = h.effective()
	h.queue.items = nil
	var want refOutcome
	if !meanwhile {
		want = h.m.round(h.dir.users)
	}
	var dry *syncengine.ManagedTenant
	if !meanwhile && rapid.Bool().Draw(h.rt, "dry run") {
		before := h.asReference()
		got := h.do(syncengine.TypeAllTenants, true)
		dry = &got
		require.Equal(h.rt, before, h.asReference(), "a dry run writes nothing")
		require.Empty(h.rt, h.queue.items)
		if dry.Held == nil {
			require.Equal(h.rt, dry.Counters, h.countReported(dry.RunID), "a dry run reports everybody")
		}
	}
	seq := h.seq()
	var got syncengine.ManagedTenant
	if meanwhile {
		got = h.appliedMeanwhile()
		want = h.m.round(h.dir.users)
	} else {
		got = h.engine.round()
	}
	held := ""
	if got.Held != nil {
		held = got.Held.Reason
	}
	require.Equal(h.rt, want.held, held)
	if want.held != "empty_directory" && want.held != "filter_drops_all" {
		require.Equal(h.rt, want.Counters, got.Counters)
	}
	if dry != nil {
		require.Equal(h.rt, got.Counters, dry.Counters)
		require.Equal(h.rt, got.Held, dry.Held)
	}
	require.Equal(h.rt, want.queue, h.waiting())
	feed := h.rows(`SELECT trim(f.type || ' ' || COALESCE(c.entra_object_id, '-') || ' ' || array_to_string(f.fields, '+'))
		FROM contact_changes f JOIN contacts c ON c.id = f.contact_id WHERE f.source = 'sync' AND f.seq > $1`, seq)
	slices.Sort(feed)
	require.Equal(h.rt, want.feed, feed)
	require.Equal(h.rt, h.m.lines(), h.asReference())
}

// countReported counts the identities of a run's report.
func (e *engine) countReported(runID string) (c syncengine.Counters) {
	counted := map[string]*int{
		"created": &c.Created, "linked": &c.Linked, "updated": &c.Updated, "unchanged": &c.Unchanged, "ambiguous": &c.Ambiguous,
		"inactivated": &c.Inactivated, "reactivated": &c.Reactivated, "filtered": &c.Filtered, "failed": &c.Failed,
	}
	for _, i := range e.wholeReport(runID) {
		*counted[i.Outcome]++
	}
	return c
}

// TestRoundsDecideAsTheModel plays random histories of a directory, the host and the
// settings: after each round contacts, links, queue, feed and counters are the
// reference's, whether the round listed everybody or what changed, in whatever order.
func TestRoundsDecideAsTheModel(t *testing.T) {
	t.Parallel()
	h := &history{engine: setup(t)}
	histories(t, ofOrdinary, func(rt *rapid.T) {
		h.rt = rt
		h.begin()
		for range rapid.IntRange(2, 5).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 3).Draw(rt, "host") {
				h.hostDoes()
			}
			for range rapid.IntRange(0, 2).Draw(rt, "settings") {
				h.change()
			}
			switch rapid.IntRange(0, 4).Draw(rt, "directory") {
			case 0: // nothing changes
			case 1:
				h.dir.groups["g-1"] = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"o-sure", "o-1", "o-2", "o-3"}), 0, 3, rapid.ID[string]).Draw(rt, "members")
			default:
				h.dir.users = rapid.Permutation(h.users()).Draw(rt, "order")
			}
			h.dir.expired = rapid.IntRange(0, 4).Draw(rt, "expired") == 0
			h.dir.pageSize = rapid.IntRange(1, 7).Draw(rt, "page")
			h.round()
		}
		h.gaplessOrEmpty(rt)
	})
}
