package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// modelContact is a contact as the naive reference keeps it.
type modelContact struct {
	email    string
	name     string // one word
	identity string // "" while not linked
	inactive bool
	bySync   bool
	linkOff  bool // the link is inactive
}

// model decides as behaviour demands, in memory and one identity after another.
type model struct{ contacts []*modelContact }

func (m *model) linked(id string) *modelContact {
	for _, c := range m.contacts {
		if c.identity == id {
			return c
		}
	}
	return nil
}

// shared reports whether another identity that passed and has no link has one of
// the addresses.
func shared(all []syncengine.Identity, at int, unlinked map[string]bool) bool {
	for j := range all {
		if j == at || all[j].Verdict != "" || !unlinked[all[j].ObjectID] {
			continue
		}
		if slices.ContainsFunc(all[at].Addresses, func(a string) bool { return slices.Contains(all[j].Addresses, a) }) {
			return true
		}
	}
	return false
}

func (m *model) round(all []syncengine.Identity) (c syncengine.Counters) {
	unlinked := map[string]bool{}
	seen := map[string]bool{}
	for _, id := range all {
		unlinked[id.ObjectID] = m.linked(id.ObjectID) == nil
		seen[id.ObjectID] = true
	}
	var apply []func() // decisions see the state before the round
	for i := range all {
		id := all[i]
		contact := m.linked(id.ObjectID)
		switch {
		case contact != nil && id.Verdict == syncengine.FilterDisabled:
			c = m.inactivate(contact, c, &apply)
			if contact.linkOff || contact.inactive {
				c.Unchanged++
			}
		case contact != nil && id.Verdict != "":
			c.Filtered++
		case contact != nil && contact.linkOff:
			if contact.bySync {
				c.Reactivated++
			} else {
				c.Unchanged++
			}
			apply = append(apply, func() {
				contact.linkOff, contact.inactive, contact.bySync = false, contact.inactive && !contact.bySync, false
			})
		case contact != nil:
			c.Unchanged++
		case id.Verdict != "":
			c.Filtered++
		case shared(all, i, unlinked):
			c.Ambiguous++
		default:
			c = m.match(id, c, &apply)
		}
	}
	for _, contact := range m.contacts {
		if contact.identity != "" && !seen[contact.identity] {
			c = m.inactivate(contact, c, &apply)
		}
	}
	for _, f := range apply {
		f()
	}
	return c
}

func (m *model) inactivate(contact *modelContact, c syncengine.Counters, apply *[]func()) syncengine.Counters {
	if contact.linkOff {
		return c
	}
	if !contact.inactive {
		c.Inactivated++
		*apply = append(*apply, func() { contact.inactive, contact.bySync = true, true })
	}
	*apply = append(*apply, func() { contact.linkOff = true })
	return c
}

func (m *model) match(id syncengine.Identity, c syncengine.Counters, apply *[]func()) syncengine.Counters {
	for i, address := range id.Addresses {
		var hits []*modelContact
		for _, contact := range m.contacts {
			if contact.email == address {
				hits = append(hits, contact)
			}
		}
		switch {
		case len(hits) == 0:
			continue
		case len(hits) == 1 && hits[0].identity == "" && i >= id.Own && (hits[0].inactive || !strings.EqualFold(hits[0].name, id.FullName)):
			c.Ambiguous++ // an alias alone
		case len(hits) == 1 && hits[0].identity == "":
			c.Linked++
			*apply = append(*apply, func() { hits[0].identity = id.ObjectID })
		default:
			c.Ambiguous++
		}
		return c
	}
	c.Created++
	*apply = append(*apply, func() {
		m.contacts = append(m.contacts, &modelContact{email: id.EmailNorm, name: id.FullName, identity: id.ObjectID})
	})
	return c
}

func (m *model) lines() (lines []string) {
	for _, c := range m.contacts {
		lines = append(lines, fmt.Sprintln(c.email, c.identity, c.inactive, c.identity != "" && !c.linkOff))
	}
	slices.Sort(lines)
	return lines
}

// TestRoundsDecideAsTheModel runs random directories over random contacts, three
// rounds each, in random order and pages, and compares with the model.
func TestRoundsDecideAsTheModel(t *testing.T) {
	t.Parallel()
	e := setup(t)
	address := rapid.SampledFrom([]string{"a@c.de", "b@c.de", "c@c.de", "D@C.de", "e@c.de", "f@c.de", "g@c.de", "h@c.de"})
	rapid.Check(t, func(rt *rapid.T) {
		e.exec(`TRUNCATE contacts, entra_contact_links, contact_changes, feed_heads, directories, client_heads, held_identities, kept_identities, held_decisions, rejected_inactivations, approved_listings,
			entra_sync_run_tenants, entra_sync_runs, entra_sync_settings, directory_mappings, orphan_decisions, entra_contact_link_history CASCADE`)
		e.setting("guard_min_count", 1000)
		m := &model{}
		for i, mail := range rapid.SliceOfN(address, 0, 5).Draw(rt, "contacts") {
			inactive, name := rapid.Bool().Draw(rt, "inactive"), rapid.SampledFrom([]string{"ann", "Other"}).Draw(rt, "name")
			e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(i)), ClientID: ptr(client), FullName: name, Email: &mail, Inactive: &inactive})
			norm, _ := syncengine.NormaliseAddress(mail)
			m.contacts = append(m.contacts, &modelContact{email: norm, name: name, inactive: inactive})
		}
		reader, err := syncengine.NewReader(syncengine.Settings{FilterServiceAccounts: true})
		require.NoError(rt, err)
		for range 3 {
			// One sound user is always there, so that no guard holds the listing.
			users := []syncengine.User{person("o-sure", "Sure", "sure@c.de")}
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 6, rapid.ID[int]).Draw(rt, "ids") {
				u := person(fmt.Sprintf("o-%d", n), rapid.SampledFrom([]string{"Ann", "svc-x"}).Draw(rt, "name"), "")
				u.AccountEnabled = ptr(rapid.IntRange(0, 3).Draw(rt, "enabled") > 0)
				if rapid.Bool().Draw(rt, "has mail") {
					u.Mail = address.Draw(rt, "mail")
				}
				for _, alias := range rapid.SliceOfN(address, 0, 2).Draw(rt, "aliases") {
					u.ProxyAddresses = append(u.ProxyAddresses, rapid.SampledFrom([]string{"smtp:", "SMTP:"}).Draw(rt, "kind")+alias)
				}
				users = append(users, u)
			}
			e.dir.users, e.dir.pageSize = rapid.Permutation(users).Draw(rt, "order"), rapid.IntRange(1, 7).Draw(rt, "page")
			identities := make([]syncengine.Identity, len(users))
			for i := range users {
				identities[i] = reader.Read(&users[i])
			}
			want := m.round(identities)
			got := e.round()
			require.Equal(rt, want, got.Counters)
			require.Equal(rt, got.Counters.Total()-goneOf(e, got), len(users), "the counters sum to the identities")
			lines := e.rows(`SELECT COALESCE(c.email_norm, ''), COALESCE(c.entra_object_id, ''), c.inactive, COALESCE(l.status = 'active', false)
				FROM contacts c LEFT JOIN entra_contact_links l ON l.contact_id = c.id`)
			for i := range lines {
				lines[i] += "\n"
			}
			slices.Sort(lines)
			require.Equal(rt, m.lines(), lines)
			// The same directory again changes nothing.
			again := e.round().Counters
			require.Zero(rt, again.Created+again.Linked+again.Updated+again.Inactivated+again.Reactivated)
			m.round(identities)
		}
	})
}

func goneOf(e *engine, t syncengine.ManagedTenant) int {
	return e.count(`SELECT inactivated_gone FROM entra_sync_run_tenants WHERE run_id = $1`, t.RunID)
}
